"""The segment of a rank other than 0: it waits for rank 0 to make the run."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from speech_tracker import paths
from speech_tracker.guard import report
from speech_tracker.journal.writer import SegmentWriter, Sink
from speech_tracker.ranks import rank, world_size
from speech_tracker.version import __version__

logger = logging.getLogger("speech_tracker")


def header(role: str, mode: str) -> dict[str, Any]:
    """Return what the first record of a segment says of its process, beside what the writer adds."""
    return {"role": role, "rank": rank(), "world_size": world_size(), "mode": mode, "version": __version__,
            "python": ".".join(str(part) for part in sys.version_info[:3])}  # fmt: skip


HELD_AT_MOST = 10_000  # records that wait for rank 0
LOOK_EVERY = 1.0  # seconds between two looks for the run that rank 0 makes: on a network disk each costs milliseconds
WAIT_AT_END = 5.0  # seconds


class LateSegment:
    """The segment of a rank other than 0, opened once rank 0 has made the run; what comes before is held.

    The run is found by its id (given, or in ``SPEECH_TRACKER_RUN_ID`` or ``WANDB_RUN_ID``) or by the id file of the
    experiment's folder. Where a rank has neither, its records have no place; that is said once.
    """

    def __init__(self, run_id: str | None, folder: Path | None, store: Path | None, mode: str) -> None:
        self._id = run_id or os.environ.get("SPEECH_TRACKER_RUN_ID") or os.environ.get("WANDB_RUN_ID")
        self._folder = folder
        self._store = store
        self._mode = mode
        self._began = time.time()
        self._held: deque[tuple[str, Any]] = deque()
        self._lost = 0
        self._next_look = 0.0
        self._lock = threading.RLock()
        self._writer: Sink | None = None

    def _find(self) -> Sink | None:
        run_id, store = self._id, self._store or paths.store_folder()
        if run_id is None and self._folder is not None:
            remembered = paths.recall(self._folder)
            # an id file from before this start may be replaced by rank 0 in a moment: wait until it has been touched
            if remembered is None or remembered.path.stat().st_mtime < self._began - 60:
                return None
            run_id, store = remembered.run, self._store or remembered.store
        if run_id is None:
            return None
        run_folder = paths.run_folder(store, run_id)
        if not (run_folder / "segments").is_dir():
            return None
        writer = SegmentWriter(run_folder, run_id, rank=rank(), header=header("rank", self._mode))
        writer.open()
        return writer

    def append(self, kind: str, data: Any) -> None:
        """Record `data`, or hold it until rank 0 has made the run."""
        if self._writer is not None and not self._held:
            self._writer.append(kind, data)
            return
        with self._lock:
            if len(self._held) < HELD_AT_MOST:
                self._held.append((kind, data))
            else:
                self._lost += 1
            self._look()

    def _look(self) -> None:
        """Look for the run, at most once a second, and write what was held."""
        if self._writer is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_EVERY
            if self._id is None and self._folder is None:
                if len(self._held) == 1:
                    logger.warning(
                        "speech-tracker: metrics of rank %d cannot be recorded, since this process does not know the run of "
                        "rank 0; give `init` the same id= or experiment_folder= on every rank, or set SPEECH_TRACKER_RUN_ID",
                        rank(),
                    )
                return
            try:
                self._writer = self._find()
            except OSError as error:
                report("opening the segment of this rank", error)
        if self._writer is not None:
            while self._held:
                self._writer.append(*self._held[0])
                self._held.popleft()
            if self._lost:
                lost, self._lost = self._lost, 0
                self._writer.append(
                    "problem", {"reason": f"{lost} records of rank {rank()} were lost while waiting for rank 0"}
                )

    def sync(self) -> None:
        """Ask the kernel to put what was recorded on the disk."""
        if self._held:
            with self._lock:
                self._next_look = 0.0
                self._look()
        if self._writer is not None:
            self._writer.sync()

    def beat(self) -> None:
        """Show that this process is alive, and write what is held if the run is there by now."""
        if self._held:
            with self._lock:
                self._look()
        if self._writer is not None:
            self._writer.beat()

    def close(self) -> None:
        """Close the segment; where records are held still, rank 0 has a few seconds more to make the run."""
        self.sync()
        until = time.monotonic() + WAIT_AT_END
        while self._held and (self._id or self._folder) and time.monotonic() < until:
            time.sleep(0.05)
            self.sync()
        if self._writer is not None:
            self._writer.close()
        elif self._held:
            logger.warning(
                "speech-tracker: %d records of rank %d are lost, since rank 0 began no run", len(self._held), rank()
            )
            self._held.clear()
