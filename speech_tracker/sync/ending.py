"""How a run ended, from the end of its last segment, without reading all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_tracker.journal.merge import segment_files
from speech_tracker.journal.process import process_start
from speech_tracker.journal.reader import scan
from speech_tracker.journal.record import Record
from speech_tracker.liveness import is_alive
from speech_tracker.sync.order import segment_role

_TAIL = 256 * 1024  # bytes in which the last status stands: after it a segment has hardly anything
_KILLED = 137  # 128 + SIGKILL


@dataclass(frozen=True, slots=True)
class Ending:
    """A run's last status and the exit code that goes with it."""

    status: str
    exit_code: int


def ending(run_folder: Path) -> Ending | None:
    """Return how the run ended, None while it runs. A run whose process is gone without a word was killed."""
    path = _last_main(run_folder)
    if path is None:
        return Ending("killed", _KILLED)
    with path.open("rb") as file:
        size = path.stat().st_size
        begin = max(0, size - _TAIL)
        file.seek(begin)
        data = file.read()
    data = data[data.find(b"\n") + 1 :] if begin else data
    last: dict[str, Any] = {}
    for found in scan(data[: data.rfind(b"\n") + 1], path):
        if isinstance(found, Record) and found.kind == "status":
            last = found.data
    status = str(last.get("status", "running"))
    if status != "running":
        return Ending(status, int(last.get("exit_code") or 0))
    return None if is_alive(header(path), path) else Ending("killed", _KILLED)


def writing_process(run_folder: Path) -> int | None:
    """Return the process of this host that writes the run's history now, None when there is none."""
    path = _last_main(run_folder)
    if path is None:
        return None
    found = header(path).get("process")
    return found if isinstance(found, int) and process_start(found) == header(path).get("started") else None


def header(path: Path) -> dict[str, Any]:
    """Return the content of a segment's first record, empty when it cannot be read."""
    with path.open("rb") as file:
        line = file.readline()
    for found in scan(line, path):
        if isinstance(found, Record) and found.kind == "segment" and isinstance(found.data, dict):
            return found.data
    return {}


def _last_main(run_folder: Path) -> Path | None:
    paths = [path for _, rank, path in segment_files(run_folder) if rank == 0]
    return next((path for path in reversed(paths) if segment_role(path) in ("main", "unknown")), None)
