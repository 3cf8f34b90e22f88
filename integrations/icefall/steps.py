"""Batches since the training began, which icefall's curves are drawn over but which its logs do not print.

A log says only which batch of an epoch it is at. How many batches earlier epochs had is told by other lines: a checkpoint
that is named after the batch, and the batch count that scheduled values are computed from, which is set at every tenth
batch. Each of them limits how many batches can have come before the epoch; in the logs of current recipes there are so many
that one number is left. Source: `train_one_epoch` and `get_adjusted_batch_count` of egs/*/*/train.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.integrations.icefall.train_logs import BatchCount, CheckpointLoaded, CheckpointSaved, TrainBatch

_CHECKPOINT = re.compile(r"checkpoint-(\d+)\.pt$")
_SET_EVERY = 10
"""Batches between two settings of the batch count."""


@dataclass(slots=True)
class EpochStart:
    """What is known of the batches before an epoch.

    Attributes:
        lowest: the least that they can be.
        highest: the most; None where there is no limit.
        residue: their remainder by ten, None where it is not known.
        last: number of the last batch of the epoch that was printed, from 0.
        chosen: of the numbers that are left; None before `Axis.resolve`.
    """

    lowest: int = 0
    highest: int | None = None
    residue: int | None = None
    last: int = -1
    chosen: int | None = None

    def at_least(self, count: int) -> None:
        """Note a lower limit, unless it contradicts what is known."""
        if self.highest is None or count <= self.highest:
            self.lowest = max(self.lowest, count)

    def at_most(self, count: int) -> None:
        """Note an upper limit, unless it contradicts what is known."""
        if count >= self.lowest:
            self.highest = count if self.highest is None else min(self.highest, count)

    def candidates(self) -> range:
        """Return what is left."""
        first, step = self.lowest, 1
        if self.residue is not None:
            first, step = first + (self.residue - first) % _SET_EVERY, _SET_EVERY
        last = self.highest if self.highest is not None else first
        return range(first, max(last, first) + 1, step)

    @property
    def is_known(self) -> bool:
        """Whether only one number is left."""
        return self.highest is not None and len(self.candidates()) == 1

    @property
    def value(self) -> int:
        """The number, or the likeliest of those that are left."""
        return self.candidates()[0] if self.chosen is None else self.chosen


@dataclass(slots=True)
class Axis:
    """The starts of the epochs of one training, over all the logs that it was continued in.

    Attributes:
        epochs: epoch → what is known of its start.
    """

    epochs: dict[int, EpochStart] = field(default_factory=dict)

    def step(self, epoch: int, batch: int) -> int:
        """Return the step of a batch: how many batches were trained on when it had been."""
        return self.epochs[epoch].value + batch + 1

    def resolve(self) -> None:
        """Choose where several numbers are left: what fits the length of the epochs before best.

        Only earlier epochs are looked at, so that a choice stands when the training goes on.
        """
        first: tuple[int, int] | None = None
        before: tuple[int, EpochStart] | None = None
        for epoch, start in sorted(self.epochs.items()):
            choices = start.candidates()
            if before is not None:
                least = before[1].value + before[1].last + 1 if before[0] == epoch - 1 else before[1].value + 1
                skipped = -((choices.start - least) // choices.step) if least > choices.start else 0
                choices = choices[skipped:] or range(max(least, choices[-1]), max(least, choices[-1]) + 1)
            start.chosen = choices[0] if len(choices) == 1 else choices[len(choices) // 2]
            if first is not None and before is not None and before[0] > first[0]:
                length = (before[1].value - first[1]) / (before[0] - first[0])
                expected = before[1].value + length * (epoch - before[0])
                place = round((expected - choices.start) / choices.step)
                start.chosen = choices[min(max(place, 0), len(choices) - 1)]
            first = first or (epoch, start.value)
            before = epoch, start

    @property
    def estimated(self) -> tuple[int, ...]:
        """Epochs of which the start is not known exactly."""
        return tuple(epoch for epoch, start in sorted(self.epochs.items()) if not start.is_known)


def batch_size_factor(params: Mapping[str, Any]) -> float | None:
    """Return by what the batch count is multiplied before it is printed, None where the parameters do not say."""
    try:
        if "ref_duration" not in params:
            return 1.0
        return float(params["max_duration"]) * float(params["world_size"]) / float(params["ref_duration"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def add_log(axis: Axis, records: Iterable[Any], params: Mapping[str, Any], *, continues: bool = False) -> None:
    """Take what the log of one start says about the starts of its epochs.

    Args:
        axis: gets it.
        records: of one process.
        params: that the log prints.
        continues: whether it goes on from a checkpoint of the same training.
    """
    factor = batch_size_factor(params)
    interval = _positive(params.get("log_interval")) or 50
    before: TrainBatch | None = None
    loaded: int | None = None
    counts: list[float] = []
    saved: list[int] = []
    for record in records:
        if isinstance(record, BatchCount):
            counts.append(record.count)
        elif isinstance(record, CheckpointSaved) and (match := _CHECKPOINT.search(record.path)):
            saved.append(int(match[1]))
        elif isinstance(record, CheckpointLoaded):
            match = _CHECKPOINT.search(record.path) if continues else None
            loaded = int(match[1]) if match is not None else None
        elif isinstance(record, TrainBatch):
            start = _start(axis, record, before, loaded, interval, continues=continues)
            _narrow(start, before, record, counts, saved, factor)
            counts, saved = [], []
            start.last = max(start.last, record.batch)
            exact = dict(record.figures).get("global_batch_idx")
            if exact is not None:
                start.lowest = start.highest = int(exact) - record.batch
            before = record
    if before is not None:
        _after(axis.epochs[before.epoch], before, interval, counts, saved, factor)


def _start(
    axis: Axis, batch: TrainBatch, before: TrainBatch | None, loaded: int | None, interval: int, *, continues: bool
) -> EpochStart:
    start = axis.epochs.get(batch.epoch)
    if start is not None and (before is None or before.epoch == batch.epoch):
        return start
    start = EpochStart()
    previous = axis.epochs.get(batch.epoch - 1)
    if before is None and loaded is not None and batch.batch == 0:
        # the sampler goes on where it was, and its batches are numbered from 0 again
        start.lowest = start.highest = loaded
    elif previous is not None:
        start.at_least(previous.candidates()[0] + previous.last + 1)
        if previous.highest is not None:
            start.at_most(previous.candidates()[-1] + previous.last + interval)
    elif before is None and not continues:
        start.highest = 0
    axis.epochs[batch.epoch] = start
    return start


def _narrow(
    start: EpochStart,
    before: TrainBatch | None,
    batch: TrainBatch,
    counts: list[float],
    saved: list[int],
    factor: float | None,
) -> None:
    """Use what was printed between two batches of an epoch."""
    if before is None or before.epoch != batch.epoch:
        return  # which of them belong to which epoch is not certain
    for count in _whole_counts(counts, factor):
        start.residue = count % _SET_EVERY
        start.at_least(count - batch.batch)
        start.at_most(count - before.batch)
    for step in saved:
        start.at_least(step - 1 - batch.batch)
        start.at_most(step - 1 - before.batch)


def _after(
    start: EpochStart,
    last: TrainBatch,
    interval: int,
    counts: list[float],
    saved: list[int],
    factor: float | None,
) -> None:
    """Use what was printed after the last batch."""
    for count in _whole_counts(counts, factor):
        start.residue = count % _SET_EVERY
        start.at_least(count - last.batch - interval)
        start.at_most(count - last.batch)
    for step in saved:
        start.at_least(step - 1 - last.batch - interval)
        start.at_most(step - 1 - last.batch)


def _whole_counts(counts: Iterable[float], factor: float | None) -> list[int]:
    """Batches of this training behind printed counts; those that are none are left out."""
    if not factor:
        return []
    found = ((count / factor) for count in counts if count == count and abs(count) < 1e12)  # noqa: PLR0124 - NaN
    return [round(value) for value in found if abs(value - round(value)) < 0.02]


def _positive(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None
