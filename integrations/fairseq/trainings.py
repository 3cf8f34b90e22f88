"""From the records of logs to trainings: several in one log, one in several logs, one that was started again and again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.ingest.clock import still_running, time_of_wall
from speech_tracker.ingest.endings import RECORDS as ENDING_RECORDS
from speech_tracker.ingest.endings import Ending, ending_after
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole
from speech_tracker.integrations.fairseq.facts import setting
from speech_tracker.integrations.fairseq.places import place_of
from speech_tracker.integrations.fairseq.training_logs import (
    CheckpointLoaded,
    CheckpointSaved,
    Component,
    Configuration,
    Devices,
    NothingLoaded,
    ParameterCount,
    Statistics,
    StoppedBecause,
    TrainingDone,
)

_BEGINS = (NothingLoaded, CheckpointLoaded)
_PROGRESS = (*_BEGINS, Statistics, CheckpointSaved, TrainingDone)
_BELONGS = (*_PROGRESS, Component, ParameterCount, Devices, StoppedBecause, *ENDING_RECORDS)
_RANKS_APART_SECONDS = 60.0


@dataclass(slots=True)
class Session:
    """One start of the program.

    Attributes:
        file: the log.
        line: where it begins, from 1.
        clock: when it began, see `log_lines.header_of`; None where no time is printed.
        config: as `config_text.parse_config` returns it; None where the log has none.
        records: of it.
    """

    file: ReadFile[FileRole]
    line: int
    clock: float | None
    config: dict[str, Any] | None
    records: list[Any] = field(default_factory=list)

    def all(self, kind: type[Any]) -> list[Any]:
        """Return the records of a class."""
        return [each for each in self.records if isinstance(each, kind)]

    @property
    def has_begun(self) -> bool:
        """Whether it got as far as looking for a checkpoint."""
        return any(isinstance(each, _PROGRESS) for each in self.records)

    @property
    def save_dir(self) -> str | None:
        """Where its checkpoints go, as printed."""
        named = setting(self.config or {}, "checkpoint", "save_dir")
        if isinstance(named, str) and named:
            return named
        saved = self.all(CheckpointSaved) + self.all(CheckpointLoaded)
        return str(Path(saved[0].path).parent) if saved else None

    @property
    def resumed_at(self) -> int | None:
        """Updates that it began with; None where it is not said."""
        for record in self.records:
            if isinstance(record, CheckpointLoaded):
                return int(record.step)
            if isinstance(record, NothingLoaded):
                return 0
        return None

    @property
    def last_clock(self) -> float | None:
        """The last time that is printed."""
        clocks = [each.clock for each in self.records if getattr(each, "clock", None) is not None]
        return clocks[-1] if clocks else self.clock

    @property
    def done(self) -> TrainingDone | None:
        """The line that says that it is done."""
        return next(iter(self.all(TrainingDone)), None)

    @property
    def ending(self) -> Ending | None:
        """What went wrong, None when nothing did, or nothing is said."""
        last = max((each.line_number for each in self.records if isinstance(each, _PROGRESS)), default=self.line)
        return None if self.done is not None else ending_after(self.records, last)

    def says_the_same(self, other: Session) -> bool:
        """Whether another file reports the same start: standard output and ``--log-file``, for example."""
        mine, others = self.all(Statistics), other.all(Statistics)
        if mine and others:
            return (mine[0].kind, mine[0].step, mine[0].values) == (others[0].kind, others[0].step, others[0].values)
        return not mine and not others and self.clock is not None and self.clock == other.clock


def sessions_of(file: ReadFile[FileRole]) -> list[Session]:
    """Return the starts of trainings in one log, in its order."""
    found: list[Session] = []
    current: Session | None = None
    searching = False
    last_update = 0
    for record in file.records:
        if isinstance(record, Configuration):
            config = json.loads(record.settings)
            searching = bool(setting(config, "common_eval", "path") or (config.get("args") or {}).get("path"))
            if searching:
                current = None
            elif current is None or not _is_of_another_rank(current, record, config):
                current = Session(file, record.line_number, record.clock, config)
                found.append(current)
                last_update = 0
            continue
        if searching or not isinstance(record, _BELONGS):
            continue
        falls = isinstance(record, Statistics) and record.kind == "updates" and (record.step or 0) < last_update
        again = isinstance(record, _BEGINS) and current is not None and bool(current.all(Statistics))
        if (current is None and isinstance(record, _PROGRESS)) or (current is not None and (falls or again)):
            config_before = current.config if current is not None else None
            current = Session(file, record.line_number, getattr(record, "clock", None), config_before)
            found.append(current)
            last_update = 0
        if current is not None:
            current.records.append(record)
        if isinstance(record, Statistics) and record.kind == "updates":
            last_update = record.step or 0
    return found


def _is_of_another_rank(current: Session, record: Configuration, config: dict[str, Any]) -> bool:
    """Whether a configuration is the same start once more: each process of a training may print it."""
    if current.has_begun or current.config is None:
        return False
    apart = abs((record.clock or 0.0) - (current.clock or 0.0))
    same = setting(config, "checkpoint", "save_dir") == setting(current.config, "checkpoint", "save_dir")
    return same and apart <= _RANKS_APART_SECONDS


@dataclass(slots=True)
class Training:
    """One training: everything that saved into one folder.

    Attributes:
        place: of its checkpoints, or the log itself where it names none.
        sessions: its starts, in the order of time.
    """

    place: Path
    sessions: list[Session]

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of its last start that has one."""
        return next((each.config for each in reversed(self.sessions) if each.config is not None), {})

    def last(self, kind: type[Any]) -> Any:
        """Return the last record of a class, None where there is none."""
        records = [record for session in self.sessions for record in session.all(kind)]
        return records[-1] if records else None

    def is_live(self, session: Session, now: float) -> bool:
        """Whether a start that has no end may still be running."""
        if session is not self.sessions[-1] or session.done is not None or session.ending is not None:
            return False
        own = [each for each in session.file.records if isinstance(each, (*_BELONGS, Configuration))]
        goes_on = not own or own[-1].line_number <= max(
            (each.line_number for each in session.records), default=session.line
        )
        return goes_on and still_running(session.file.entry.stat.st_mtime, now, time_of_wall(session.last_clock))


def trainings_of(files: Iterable[ReadFile[FileRole]], root: Path) -> list[Training]:
    """Return the trainings that logs tell of, in the order in which they began.

    Args:
        files: that were read.
        root: folder that is read, absolute.
    """
    placed = []
    for number, session in enumerate(_in_order(files)):
        log = root / session.file.entry.path
        place = log.resolve() if session.save_dir is None else place_of(session.save_dir, log, root)
        placed.append((number, place, session))
    # a log far from its checkpoints, such as that of a scheduler, may tell the same as one beside them
    placed.sort(key=lambda each: not each[1].is_dir())
    by_place: dict[Path, dict[int, Session]] = {}
    for number, place, session in placed:
        twin = _twin(session, by_place.items() if not place.is_dir() else [(place, by_place.get(place, {}))])
        if twin is None:
            by_place.setdefault(place, {})[number] = session
        elif _tells_more(session, by_place[twin[0]][twin[1]]):
            by_place[twin[0]][twin[1]] = session
    ordered = sorted(by_place.items(), key=lambda each: min(each[1]))
    return [Training(place, [known[number] for number in sorted(known)]) for place, known in ordered]


def _twin(session: Session, known: Iterable[tuple[Path, dict[int, Session]]]) -> tuple[Path, int] | None:
    """Where another file tells of the same start, None when none does."""
    for place, sessions in known:
        for number, other in sessions.items():
            if other.file is not session.file and other.save_dir == session.save_dir and other.says_the_same(session):
                return place, number
    return None


def _tells_more(one: Session, other: Session) -> bool:
    if (one.clock is None) != (other.clock is None):
        return one.clock is not None
    return len(one.records) > len(other.records)


def _in_order(files: Iterable[ReadFile[FileRole]]) -> Iterator[Session]:
    """Starts by their time; one without goes where its neighbours in the same log are, or its file's age puts it."""
    keyed = []
    for file in files:
        clock: float | None = None
        for session in sessions_of(file):
            clock = session.clock if session.clock is not None else clock
            keyed.append(((clock is None, clock or file.entry.stat.st_mtime, file.entry.path, session.line), session))
    return (session for _, session in sorted(keyed, key=lambda each: each[0]))
