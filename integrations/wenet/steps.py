"""Updates since the training began, over which the curves are drawn.

WeNet 3 prints them at the beginning of each epoch. Earlier versions print only which batch of an epoch they are at; there
the learning rate tells, which rises by the same amount at each update until the warm-up is over. Source: wenet/bin/train.py,
wenet/utils/executor.py, wenet/utils/scheduler.py (`WarmupLR`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.integrations.wenet.train_logs import Accumulation, CvResult, EpochBegins, TrainBatch

_TOLERANCE = 1e-3


@dataclass(slots=True)
class Axis:
    """Where the epochs of a training begin.

    Attributes:
        starts: epoch → updates before its first batch.
        exact: epochs of which that is certain.
        accumulation: batches to an update.

    Recipes that save within an epoch (``save_interval``) count batches from the beginning of the training: there an epoch
    begins at 0.
    """

    starts: dict[int, int] = field(default_factory=dict)
    exact: set[int] = field(default_factory=set)
    accumulation: int = 1

    def step(self, batch: TrainBatch) -> int:
        """Return how many updates there were when a batch had been trained on; the update that it is a part of counts."""
        index = batch.batch - 1 if batch.counts_from_one else batch.batch
        return self.starts.get(batch.epoch, 0) + max(index, 0) // self.accumulation + 1

    @property
    def estimated(self) -> tuple[int, ...]:
        """Epochs whose beginning is not certain."""
        return tuple(sorted(set(self.starts) - self.exact))


def axis_of(records: Iterable[Any]) -> Axis:
    """Return the axis of a training.

    Args:
        records: of one process, over all its logs, in the order of time.
    """
    axis = Axis()
    last: dict[int, int] = {}
    steps: dict[int, int] = {}
    rates: dict[int, float] = {}
    begun: EpochBegins | None = None
    for record in records:
        if isinstance(record, Accumulation) and record.batches > 0:
            axis.accumulation = record.batches
        elif isinstance(record, EpochBegins):
            begun = record
            rates.setdefault(record.epoch, record.learning_rate)
            if record.step is not None:
                steps[record.epoch] = max(0, record.step)
        elif isinstance(record, CvResult) and record.step is not None:
            steps[record.epoch + 1] = max(0, record.step)
        elif isinstance(record, TrainBatch):
            if begun is not None and begun.step and begun.epoch == record.epoch:
                if record.batch > begun.step * axis.accumulation:
                    steps[record.epoch] = 0
                begun = None
            index = record.batch - 1 if record.counts_from_one else record.batch
            last[record.epoch] = max(index, last.get(record.epoch, -1))
    interval = _interval(last)
    by_rate = _from_rates(rates)
    for epoch in sorted(set(last) | set(rates)):
        if epoch in steps:
            axis.starts[epoch] = steps[epoch]
            axis.exact.add(epoch)
        elif epoch == 0:
            axis.starts[epoch] = 0
            axis.exact.add(epoch)
        elif epoch in by_rate:
            axis.starts[epoch] = by_rate[epoch]
            axis.exact.add(epoch)
        else:
            axis.starts[epoch] = _estimate(axis, epoch, last, interval)
    return axis


def _interval(last: dict[int, int]) -> int:
    """Batches between two lines; half of them are missing at the end of an epoch, on average."""
    return max(1, next((index for index in last.values() if index > 0), 100) // 20)


def _from_rates(rates: dict[int, float]) -> dict[int, int]:
    """Updates before each epoch, while the learning rate rises with each update by that of the first one."""
    unit = rates.get(0)
    if not unit:
        return {}
    found: dict[int, int] = {}
    length: float | None = None
    for epoch, rate in sorted(rates.items()):
        if epoch == 0:
            continue
        updates = rate / unit
        if abs(updates - round(updates)) > _TOLERANCE * max(1.0, updates):
            break
        per_epoch = updates / epoch
        if length is not None and abs(per_epoch - length) > 0.02 * length:
            break  # the warm-up is over
        length = per_epoch
        found[epoch] = round(updates)
    return found if length is not None and length >= 1 else {}


def _estimate(axis: Axis, epoch: int, last: dict[int, int], interval: int) -> int:
    """What the epochs before suggest; at least what was printed."""
    earlier = [each for each in axis.starts if each < epoch]
    if not earlier:
        return 0
    before = max(earlier)
    first = min(earlier)
    least = axis.starts[before] + (last.get(before, -1) + 1 + axis.accumulation - 1) // axis.accumulation
    if before > first:
        length = (axis.starts[before] - axis.starts[first]) / (before - first)
        return max(least, axis.starts[before] + round(length * (epoch - before)))
    return max(least, axis.starts[before] + (last.get(before, 0) + interval) // axis.accumulation)
