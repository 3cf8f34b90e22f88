"""One ingestion: reading, recording, and doing both again while the experiment goes on."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_tracker.guard import shielded
from speech_tracker.ingest.document import document
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.ingester import Ingester, IngesterFactory, Source
from speech_tracker.ingest.interrupts import interrupt_waits
from speech_tracker.ingest.recording import Destination, Recorder, with_problems

logger = logging.getLogger("speech_tracker")

_REST = 4.0
"""Times as long as a look, at least, is the pause after it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a living experiment is followed.

    Attributes:
        interval: seconds between two looks, more where a look takes long, so that looking takes at most a fifth of the
            time. The folder is listed each time: NFS does not tell of changes.
        quiet: seconds without a change after which an experiment whose models are all complete is over.
        idle: seconds without a change after which any experiment is taken to be over.
    """

    interval: float = 5.0
    quiet: float = 30.0
    idle: float = 1800.0


class Session:
    """Ingests a folder into runs.

    Args:
        toolkit: its name.
        factory: makes its ingester.
        source: what to read.
        destination: where to record it.
        dry: write nothing at all, neither runs nor what was read.
    """

    def __init__(
        self, toolkit: str, factory: IngesterFactory, source: Source, destination: Destination, *, dry: bool = False
    ) -> None:
        self._dry = dry
        self._recorder = Recorder(toolkit, destination)
        self._ingester: Ingester = factory(source)
        self.found: Found | None = None

    @property
    def added(self) -> int:
        """Records that were added so far."""
        return self._recorder.added

    def once(self) -> Found:
        """Read and record everything that is there now, and end the runs as their files tell."""
        with _without_collector():
            found = self._ingester.find()
            if not self._dry:
                found = with_problems(found, self._recorder.record(found))
        self._save()
        self.found = found
        return found

    def _save(self) -> None:
        if self._dry:
            return
        try:
            self._ingester.save()
        except OSError as error:  # the records are safe
            logger.warning("speech-tracker: what was read is not remembered, and will be read again: %s", error)

    def follow(
        self,
        pace: Pace,
        *,
        over: Callable[[], bool] | None = None,
        report: Callable[[Found, int], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> str:
        """Read and record until the experiment is over, and return why it was taken to be.

        A folder that was there and is not, as when its file server is away, is waited for as long as for a change.

        Args:
            pace: how often to look, and when to stop.
            over: asked before each look whether the experiment itself has ended.
            report: told of each look that found something, with the number of records added so far.
            sleep: waits; a test passes its own.
            clock: seconds that never go back.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was read is recorded to its end, and the runs are let go.
            OSError: the folder cannot be read; the runs are let go.
        """
        changed = clock()
        away = False
        try:
            while True:
                began = clock()
                ended = over is not None and over()
                try:
                    with _without_collector():
                        found = self._ingester.find(follow=True)
                except OSError as error:
                    if self.found is None or ended or clock() - changed >= pace.idle:
                        raise
                    if not away and over is None:  # many recipes begin with `rm -r exp`
                        logger.warning("speech-tracker: waiting for the folder to come back: %s", error)
                    away = True
                    sleep(pace.interval)
                    continue
                away, self.found = False, found
                if not self._dry:
                    with interrupt_waits():
                        found = self.found = with_problems(found, self._recorder.record(found, live=True))
                if self._ingester.changes:
                    changed = clock()
                    self._save()
                    if report is not None:
                        report(found, self.added)
                reason = "the command has ended" if ended else _ending(found, clock() - changed, pace)
                if reason is not None:
                    self.once()
                    return reason
                sleep(max(pace.interval, _REST * (clock() - began)))
        except KeyboardInterrupt:
            self._let_go()
            raise
        except Exception:
            with shielded("letting go of the runs"):
                self._let_go()
            raise

    def _let_go(self) -> None:
        self._recorder.close("it was no longer followed; the experiment may go on")
        self._save()

    def document(self) -> dict[str, Any]:
        """Return the JSON document of what was found last."""
        assert self.found is not None, "nothing was read yet"
        return document(self.found, self._recorder.run_id)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """No search for cycles: records have none, and looking through hundreds of thousands takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _ending(found: Found, unchanged: float, pace: Pace) -> str | None:
    """Why an experiment is over, None while it goes on."""
    running = any(run.jobs.running for run in found.runs)
    if found.runs and not running and all(run.complete for run in found.runs):
        # one model is done when it is done; a recipe may go on to its next model
        patience = min(pace.quiet, 2 * pace.interval) if len(found.runs) == 1 else pace.quiet
        if unchanged >= patience:
            what = "the training is" if len(found.runs) == 1 else f"all {len(found.runs)} runs are"
            return f"{what} complete, and nothing has changed for {unchanged:.0f} s"
    if unchanged >= pace.idle and not running:
        return f"nothing has changed for {unchanged:.0f} s"
    return None


def state_path(store: Path, toolkit: str, root: Path) -> Path:
    """Return the file in the store that remembers what was read of a folder."""
    digest = hashlib.blake2b(str(root.resolve()).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return store / "ingest" / f"{toolkit}-{digest}.json"
