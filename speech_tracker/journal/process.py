"""Which process this is, in a way that a later reader can tell it from another one with the same id."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def describe_process() -> dict[str, Any]:
    """Return what the first record of a segment says of its process: id, host, start, boot, process namespace."""
    return {
        "process": os.getpid(),
        "host": os.uname().nodename,
        "started": process_start(os.getpid()),
        "boot": boot_id(),
        "namespace": process_namespace(),
    }


def process_start(process: int) -> float | None:
    """Return when `process` of this host was started, in clock ticks since boot; None when there is no such process.

    Together with the process id it tells a living process from a later one that was given the same id. A zombie (ended,
    and not yet waited for by its parent) is no process any more.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X", b"x") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None if Path("/proc/self/stat").exists() else _process_start_without_proc(process)


def _process_start_without_proc(process: int) -> float | None:
    import psutil

    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else float(found.create_time())
    except psutil.Error:
        return None


def boot_id() -> str | None:
    """Return an id of this host's current boot (Linux), so that a process id of before a reboot is known as gone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def process_namespace() -> str | None:
    """Return the name of the namespace that process ids belong to (Linux): containers on one host have one each."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path but a name
    except OSError:
        return None
