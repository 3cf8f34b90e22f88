"""Whether the process that writes a run still lives, so that a run whose process is gone is shown as killed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from speech_tracker.journal.process import boot_id, process_namespace, process_start

SILENT_AFTER = 600.0
"""Seconds without a sign of life after which a process of another host is taken for gone (it gives one every 30 s)."""


def is_alive(header: dict[str, Any], segment: Path) -> bool:
    """Return whether the process that wrote `segment` lives, as far as this host can tell.

    On the same host the process is looked up (id and start, so that a reused id is not mistaken). Of another host, or of
    another container on this one, only the segment's modification time speaks.

    Args:
        header: content of the segment's first record.
        segment: its file.
    """
    process = header.get("process")
    if header.get("host") == os.uname().nodename and isinstance(process, int):
        boot = header.get("boot")
        if boot is not None and boot != boot_id():
            return False
        if header.get("namespace") in (None, process_namespace()):
            return (start := process_start(process)) is not None and start == header.get("started")
    try:
        return time.time() - segment.stat().st_mtime < SILENT_AFTER
    except OSError:
        return False
