"""Watching a run: its records as they are written, until it ends."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from speech_tracker.journal.record import Record
from speech_tracker.journal.tail import Tail
from speech_tracker.liveness import is_alive
from speech_tracker.view import RunView


class Follow:
    """Yields a run's records as they are written.

    The run has ended when its last main process said so, or is gone. A run that is continued by another process while it
    is watched goes on.

    Args:
        run_folder: the run's folder.
        interval: seconds between looks; notification by the kernel does not work on NFS and Lustre.
        sleep: waits; given by tests.

    Attributes:
        status: what the run's end was, None while it has not been seen.
    """

    def __init__(self, run_folder: Path, *, interval: float = 1.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self.folder = run_folder
        self.status: str | None = None
        self._tail = Tail(run_folder)
        self._interval = interval
        self._sleep = sleep
        self._headers: dict[str, dict[str, Any]] = {}
        self._ends: set[str] = set()

    @property
    def damage(self) -> list[str]:
        """What was damaged in the records read so far: file, line, reason."""
        return [str(each) for each in self._tail.damage]

    def past(self, lines: int | None) -> list[Record]:
        """Return the last `lines` records that are there already (all when None), in the order of time.

        Raises:
            RunNotFoundError: the folder is not a run's.
        """
        count = itertools.count()  # of records of one moment, the later one is the later
        there = ((record.time, next(count), record) for found in iter(self._poll, []) for record in found)
        kept = sorted(there) if lines is None else reversed(heapq.nlargest(lines, there))
        return [record for *_, record in kept]

    def new(self) -> Iterator[Record]:
        """Yield records as they are written, until the run has ended."""
        while True:
            ended = self._ended()  # asked before the last look, so that nothing written in between is missed
            records = self._poll()
            yield from records
            if records:
                continue
            if ended and self._ended():
                self.status = RunView.read_state(self.folder).status
                return
            self._sleep(self._interval)

    def _poll(self) -> list[Record]:
        records = self._tail.poll()
        for record in records:
            if record.kind == "segment":
                self._headers[record.segment] = record.data
            elif record.kind == "status" and record.data["status"] != "running":
                self._ends.add(record.segment)
        return records

    def _ended(self) -> bool:
        main = [
            name for name in self._tail.position
            if name.endswith("-rank0") and self._headers.get(name, {}).get("role", "unknown") in ("main", "unknown")
        ]  # fmt: skip
        if not main:
            return True
        last = max(main)
        return last in self._ends or not is_alive(
            self._headers.get(last, {}), self.folder / "segments" / f"{last}.jsonl"
        )
