"""What became of a training: running, finished, failed or killed, and by what that is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from speech_tracker.ingest.endings import RECORDS, Cancelled, Ending, ending_after
from speech_tracker.ingest.found import Status
from speech_tracker.integrations.speechbrain.run_log import TerminalLine
from speech_tracker.integrations.speechbrain.sessions import Session

_CANCELLED_AT = re.compile(r"CANCELLED AT (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come.

    Attributes:
        epochs: the last one that is done; 0 without any.
        limit: how many there shall be; None when not known.
        tests: results on test sets after the last epoch.
        test_sets: how many there shall be; 0 when not known.
        silent: seconds since a file of it was written to.
        allowed: seconds of silence after which it is no longer taken to be running.
    """

    epochs: int
    limit: int | None
    tests: int
    test_sets: int
    silent: float
    allowed: float

    @property
    def trained(self) -> bool:
        """Whether all epochs are done."""
        return self.limit is not None and self.epochs >= self.limit

    @property
    def done(self) -> bool:
        """Whether there is proof that nothing is to come."""
        return self.tests >= max(1, self.test_sets) or (self.trained and self.test_sets == 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it.

    Attributes:
        status: the run's.
        reason: for people; ``""`` when it just ended.
        line_number: where it says so; None where nothing does.
        of_job: whether that is in the output of its job, not in its log.
    """

    status: Status
    reason: str = ""
    line_number: int | None = None
    of_job: bool = False


def verdict(sessions: Sequence[Session], progress: Progress, cut: Ending | None) -> Verdict:
    """Return what became of a training.

    Args:
        sessions: the starts that its log tells of.
        progress: how far it has come.
        cut: what the output of its job says of its end.
    """
    last = sessions[-1] if sessions else None
    if last is not None and last.ending is not None:
        # a start that failed at once takes nothing away from a training that was done before
        if progress.done and not last.stats and not last.epochs and len(sessions) > 1:
            return Verdict("finished")
        return Verdict(last.ending.status, last.ending.reason, last.ending.line_number)
    if progress.done:
        return Verdict("finished")
    if cut is not None:
        return Verdict(cut.status, cut.reason, cut.line_number, of_job=True)
    if progress.silent < progress.allowed:
        return Verdict("running")
    if progress.trained or progress.tests:
        return Verdict("finished")
    if progress.limit is not None and (progress.epochs or last is not None):
        where = f"epoch {progress.epochs} of {progress.limit}" if progress.epochs else "the first epoch"
        return Verdict("killed", f"its log stops at {where}, without a word of why")
    if last is not None and not progress.epochs:
        return Verdict("killed", "its log stops before the first epoch is done, without a word of why")
    return Verdict("finished")


def cut_off(records: Iterable[Any], folder_is_ours: Any, last: Session | None, *, newer: bool) -> Ending | None:
    """Return what a job's output says of the end of an experiment, None when it says nothing, or of an earlier start.

    Args:
        records: of the output.
        folder_is_ours: tells whether a path that it names is the experiment's.
        last: the last start that the experiment's log tells of.
        newer: whether the output was written to after the log.
    """
    told: list[Any] = []
    ours = progress = False
    line = 0
    for record in records:
        if isinstance(record, TerminalLine):
            if record.folder:
                ours = bool(folder_is_ours(record.folder))
                told, progress = [], False
            line = record.line_number
            progress = progress or ours
        elif isinstance(record, RECORDS) and ours:
            told.append(record)
    ending = ending_after(told, line) if progress else None
    if ending is None:
        return None
    cancelled = next(
        (each for each in told if isinstance(each, Cancelled) and _CANCELLED_AT.search(each.message)), None
    )
    if cancelled is not None and last is not None:
        found = _CANCELLED_AT.search(cancelled.message)
        assert found is not None
        return ending if _local(found[1]) >= last.began else None
    return ending if newer or last is None else None


def _local(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0
