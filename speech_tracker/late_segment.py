"""The segment of a rank other than 0: it waits for rank 0 to make the run."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from speech_tracker import paths
from speech_tracker.errors import StoreError
from speech_tracker.guard import report
from speech_tracker.journal.writer import SegmentWriter, Sink
from speech_tracker.ranks import rank, world_size
from speech_tracker.version import __version__


def header(role: str, mode: str) -> dict[str, Any]:
    """Return what the first record of a segment says of its process, beside what the writer adds."""
    return {"role": role, "rank": rank(), "world_size": world_size(), "mode": mode, "version": __version__,
            "python": ".".join(str(part) for part in sys.version_info[:3])}  # fmt: skip


class LateSegment:
    """The segment of a rank other than 0, opened once rank 0 has made the run; what comes before is held."""

    def __init__(self, run_id: str | None, folder: Path | None, store: Path | None, mode: str) -> None:
        self._id = run_id or os.environ.get("SPEECH_TRACKER_RUN_ID") or os.environ.get("WANDB_RUN_ID")
        self._folder = folder
        self._store = store
        self._mode = mode
        self._began = time.time()
        self._held: deque[tuple[str, Any]] = deque(maxlen=1000)
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
        if self._writer is None:
            self._held.append((kind, data))
            try:
                self._writer = self._find()
            except (OSError, StoreError) as error:
                report("opening the segment of this rank", error)
            if self._writer is None:
                return
            for each in self._held:
                self._writer.append(*each)
            self._held.clear()
            return
        self._writer.append(kind, data)

    def sync(self) -> None:
        """Ask the kernel to put what was recorded on the disk."""
        if self._writer is not None:
            self._writer.sync()

    def beat(self) -> None:
        """Show that this process is alive."""
        if self._writer is not None:
            self._writer.beat()

    def close(self) -> None:
        """Close the segment."""
        if self._writer is not None:
            self._writer.close()
