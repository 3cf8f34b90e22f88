"""Which logs belong to one training: ranks side by side, and starts one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.ingest.clock import still_running, time_of_wall
from speech_tracker.ingest.endings import Ending, ending_after
from speech_tracker.ingest.found import Status
from speech_tracker.integrations.icefall.params import ParamLine, ParamsLine, params_of
from speech_tracker.integrations.icefall.read import ReadFile
from speech_tracker.integrations.icefall.train_logs import (
    CheckpointLoaded,
    CheckpointSaved,
    Done,
    Started,
    TrainBatch,
    Trouble,
    Validation,
)

_RANKS_APART_SECONDS = 120.0
_TIMED = (Started, Done, TrainBatch, Validation, CheckpointSaved, CheckpointLoaded, Trouble)
_KEPT = re.compile(r"(^|/)(epoch-\d+|checkpoint-\d+)\.pt$")


@dataclass(slots=True)
class Start:
    """One start of the training program.

    Attributes:
        file: the log of the lowest rank.
        records: of that rank, in the order of the log.
        everything: the records of all ranks in that log.
        others: logs of further ranks.
        outputs: what was printed, where that was kept too.
        params: as printed.
    """

    file: ReadFile
    records: list[Any]
    everything: list[Any]
    others: list[ReadFile] = field(default_factory=list)
    outputs: list[ReadFile] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)

    def times(self) -> list[float]:
        """The times of its records, by the clock on the wall."""
        return [each.time for each in self.records if isinstance(each, _TIMED) and each.time is not None]

    @property
    def began(self) -> float | None:
        """First time in the log, by the clock on the wall."""
        return next(iter(self.times()), None)

    @property
    def seconds(self) -> int:
        """From the first to the last line with a time."""
        times = self.times()
        return max(0, round(times[-1] - times[0])) if times else 0

    @property
    def label(self) -> str:
        """Its date as in the log's name, else the log's name."""
        return self.file.entry.role.date or self.file.entry.name

    @property
    def is_done(self) -> bool:
        """Whether it says that it came to its end."""
        return any(isinstance(each, Done) for each in self.everything)

    @property
    def continues(self) -> bool:
        """Whether it goes on from a checkpoint of its own folder."""
        for name, first in (("start_batch", 0), ("start_epoch", 1)):
            value = self.params.get(name)
            if isinstance(value, int) and value > first:
                return True
        if "start_epoch" in self.params:
            return False
        epochs = [each.epoch for each in self.records if isinstance(each, TrainBatch)]
        return bool(epochs) and epochs[0] > 1

    @property
    def kept_something(self) -> bool:
        """Whether it saved a checkpoint that one can go on from."""
        return any(isinstance(each, CheckpointSaved) and _KEPT.search(each.path) for each in self.records)

    def ending(self) -> Ending | None:
        """How it ended, where it did not end well and some log says how."""
        ending = _trouble(self.everything) or ending_after(self.everything, _last_sign(self.everything))
        if ending is None:
            for other in (*self.others, *self.outputs):
                ending = _trouble(other.records) or ending_after(other.records, _last_sign(other.records))
                if ending is not None:
                    break
        return ending

    def status(self, now: float) -> tuple[Status, str]:
        """Return what became of it, and why that is said."""
        if self.is_done:
            return "finished", ""
        ending = self.ending()
        if ending is not None:
            return ending.status, ending.reason
        changed = max(file.entry.stat.st_mtime for file in (self.file, *self.others, *self.outputs))
        said = time_of_wall(max(self.times(), default=None))
        if still_running(changed, now, said):
            return "running", ""
        return "killed", "its log breaks off"


def _last_sign(records: Iterable[Any]) -> int:
    """Line of the last batch, before which an exception was not the end."""
    return max((each.line_number for each in records if isinstance(each, (TrainBatch, Validation))), default=0)


def _trouble(records: Iterable[Any]) -> Ending | None:
    """What the recipe says before it gives up: an exception that it caught, too little memory, a bad model saved."""
    last, found = 0, None
    for each in records:
        if isinstance(each, (TrainBatch, Validation)):
            last, found = each.line_number, None
        elif isinstance(each, Trouble) and each.line_number > last and not each.message.startswith("Saving batch"):
            if found is None or not each.message.startswith("Grad scale"):
                found = each
        elif isinstance(each, CheckpointSaved) and re.search(r"bad-model-\d+\.pt$", each.path) and found is None:
            found = Trouble(each.line_number, each.time, each.rank, f"the model went bad: {each.path}")
    if found is None or (found.message.startswith("Grad scale") and not _saved_bad(records, found.line_number)):
        return None
    return Ending("failed", found.message, found.line_number)


def _saved_bad(records: Iterable[Any], line_number: int) -> bool:
    return any(
        isinstance(each, CheckpointSaved)
        and each.line_number > line_number
        and re.search(r"bad-model-\d+\.pt$", each.path)
        for each in records
    )


@dataclass(slots=True)
class Training:
    """Starts that go on from each other.

    Attributes:
        starts: in the order of time.
        false_starts: before the first of them, which left nothing.
    """

    starts: list[Start]
    false_starts: list[Start] = field(default_factory=list)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the last start that printed any."""
        return next((each.params for each in reversed(self.starts) if each.params), {})

    @property
    def label(self) -> str:
        """Date of the first start, false ones included: it names the training for good."""
        return (self.false_starts or self.starts)[0].label


def starts_of(files: Iterable[ReadFile]) -> list[Start]:
    """Return the starts in the training logs of a folder, in the order of time."""
    files = sorted(files, key=lambda file: (file.entry.role.date, file.entry.role.rank, file.entry.path))
    logs = [file for file in files if file.entry.role.parser == "train"]
    outputs = [file for file in files if file.entry.role.parser == "output"]
    starts: list[Start] = []
    by_rank: list[ReadFile] = []
    for file in logs:
        if file.entry.role.rank:
            by_rank.append(file)
        else:
            starts += _starts_in(file)
    for file in by_rank:
        _join(starts, file)
    written = list(starts)
    for file in outputs:
        _add_output(starts, written, file)
    starts.sort(key=lambda start: (start.began if start.began is not None else 0.0, start.file.entry.path))
    return starts


def _add_output(starts: list[Start], written: list[Start], file: ReadFile) -> None:
    """Put what was printed to the starts that have logs; a start without one is known by what it printed."""
    printed = [each for each in _starts_in(file) if any(isinstance(record, TrainBatch) for record in each.everything)]
    known = False
    for start in printed:
        began = start.began
        same = next(
            (
                each
                for each in written
                if began is not None and each.began is not None and abs(began - each.began) <= _RANKS_APART_SECONDS
            ),
            None,
        )
        if same is None:
            starts.append(start)
        else:
            known = True
            # what came after the last batch in the file is of its last start
            if start is printed[-1]:
                same.outputs.append(file)
    if not printed and not known and written:
        written[-1].outputs.append(file)


def _join(starts: list[Start], file: ReadFile) -> None:
    """Put the log of a further rank to its start; where that of rank 0 is gone, it stands for it."""
    made = next(iter(_starts_in(file)), None)
    began = made.began if made is not None else None
    for start in starts:
        other = start.began
        if start.file.entry.role.date == file.entry.role.date or (
            began is not None and other is not None and abs(began - other) <= _RANKS_APART_SECONDS
        ):
            start.others.append(file)
            return
    if made is not None:
        starts.append(made)


def _starts_in(file: ReadFile) -> list[Start]:
    parts: list[list[Any]] = [[]]
    began_ranks: set[int] = set()
    for record in file.records:
        if isinstance(record, Started) and "training" in record.what:
            if record.rank in began_ranks:
                parts.append([])
                began_ranks = set()
            began_ranks.add(record.rank)
        parts[-1].append(record)
    found = []
    for part in parts:
        if not part:
            continue
        rank = min((each.rank for each in part if isinstance(each, TrainBatch)), default=None)
        records = [each for each in part if rank is None or getattr(each, "rank", rank) == rank]
        start = Start(file, records, part)
        start.params = params_of([each for each in part if isinstance(each, (ParamsLine, ParamLine))])
        found.append(start)
    return found


def trainings_of(starts: Iterable[Start]) -> list[Training]:
    """Put starts together: one that goes on from a checkpoint belongs to the training before it.

    One that begins anew is another training, unless the one before left no checkpoint: that was a false start.
    """
    trainings: list[Training] = []
    for start in starts:
        if not trainings:
            trainings.append(Training([start]))
        elif start.continues:
            trainings[-1].starts.append(start)
        elif not any(each.kept_something for each in trainings[-1].starts):
            last = trainings[-1]
            trainings[-1] = Training([start], [*last.false_starts, *last.starts])
        else:
            trainings.append(Training([start]))
    return trainings
