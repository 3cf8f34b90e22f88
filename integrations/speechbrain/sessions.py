"""How often a recipe was started, what came of each start, and how the last one ended: from its log."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.ingest.clock import STILL_RUNNING_SECONDS
from speech_tracker.ingest.endings import RECORDS, Cancelled, Ending, ending_after
from speech_tracker.integrations.speechbrain.run_log import Noted, Started
from speech_tracker.integrations.speechbrain.train_log import StatsLine, parse_stats

_EPOCHS_OF_SILENCE = 3.0


@dataclass(slots=True)
class Session:
    """One start of the recipe.

    Attributes:
        line_number: in the log, where it begins.
        began: local time of its first line, as seconds since 1970 as if it were UTC.
        last: of its last line of SpeechBrain's own.
        epochs: that it began.
        stats: lines of statistics, with their times.
        loaded: folders of the checkpoints that it loaded, with their times and the number of statistics before.
        saved: folders of the checkpoints that it made at the end of an epoch, each with the epoch.
        ending: how it went wrong; None when it did not say so.
        progress_line: number of the last line that shows that it went on.
    """

    line_number: int
    began: float
    last: float
    epochs: list[int] = field(default_factory=list)
    stats: list[tuple[float, StatsLine]] = field(default_factory=list)
    loaded: list[tuple[float, str, int]] = field(default_factory=list)
    saved: list[tuple[str, int]] = field(default_factory=list)
    ending: Ending | None = None
    progress_line: int = 0

    @property
    def seconds(self) -> float:
        """How long it ran, as far as its lines tell."""
        return max(0.0, self.last - self.began)

    @property
    def tests(self) -> list[StatsLine]:
        """Results on test sets."""
        return [line for _, line in self.stats if line.is_test]


def sessions_of(records: Iterable[Any]) -> list[Session]:
    """Return the starts of a recipe that its log tells of, in order.

    Several processes of one training may write to one log: a start in the same second as another one is the same.
    """
    sessions: list[Session] = []
    endings: list[list[Any]] = []
    for record in records:
        if isinstance(record, Started) and not _same_start(sessions, record):
            sessions.append(Session(record.line_number, record.local, record.local, progress_line=record.line_number))
            endings.append([])
        elif isinstance(record, Noted):
            if not sessions:  # the log was cut at its beginning
                sessions.append(Session(record.line_number, record.local, record.local))
                endings.append([])
            _note(sessions[-1], record)
        elif isinstance(record, RECORDS) and sessions:
            endings[-1].append(record)
    for session, told in zip(sessions, endings, strict=True):
        session.ending = ending_after(told, session.progress_line)
    return sessions


def _same_start(sessions: Sequence[Session], record: Started) -> bool:
    return bool(sessions) and abs(record.local - sessions[-1].began) < 1.0 and not sessions[-1].stats


def _note(session: Session, record: Noted) -> None:
    session.last = max(session.last, record.local)
    if record.what == "epoch":
        session.epochs.append(int(record.text))
    elif record.what == "stats":
        line = parse_stats(record.text, record.line_number)
        if line is not None and not (session.stats and session.stats[-1][1].text == line.text):
            session.stats.append((record.local, line))
    elif record.what == "loaded":
        session.loaded.append((record.local, record.text, len(session.stats)))
    elif record.what == "saved" and session.stats and session.stats[-1][1].epoch is not None:
        session.saved.append((record.text, session.stats[-1][1].epoch))
    if record.what != "error":
        session.progress_line = record.line_number


def silence_allowed(sessions: Sequence[Session]) -> float:
    """Return after how many seconds without a line a training is no longer taken to be running."""
    times = [time for session in sessions for time, _ in session.stats]
    steps = [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]
    typical = sorted(steps)[len(steps) // 2] if steps else 0.0
    return max(STILL_RUNNING_SECONDS, _EPOCHS_OF_SILENCE * typical)


def cancelled_after(records: Iterable[Any]) -> Cancelled | None:
    """Return the last message of a job's output that it was stopped from outside, None when nothing came after it."""
    last: Cancelled | None = None
    for record in records:
        last = record if isinstance(record, Cancelled) else last
    return last
