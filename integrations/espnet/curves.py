"""The curves of a training, from its logs: steps on the axis of optimizer steps, over restarts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from speech_tracker.ingest.found import Happening, Point
from speech_tracker.integrations.espnet.names import metrics, without_empty
from speech_tracker.integrations.espnet.train_log import (
    EpochResults,
    EpochStarted,
    StepMeans,
    TrainerEvent,
    seconds_since_1970,
)

_OLD_RATE = re.compile(r"^lr_(\d+)$")
_OF_EPOCHS_ONLY = re.compile(r"_time$|^(loss_scale|clip)$")
"""Values of steps that say nothing that those of epochs do not."""

_MOST = 1e12
"""Mini-batches, seconds: what is more is damage."""


@dataclass(slots=True)
class Curves:
    """What the logs of a training say of its course.

    Attributes:
        points: the curves.
        happenings: resumptions.
        epochs: with results, in order.
        missing: epochs without results before the last one that has them.
        unplaced: epochs whose first mini-batches cannot be counted, since what came before is not there.
        steps: optimizer steps so far.
        steps_of: epoch → optimizer steps at its end.
        valid: epoch → results of its validation, under our names.
        began: seconds since 1970; None where the logs do not say.
        last_line: of the newest log, that shows the training going on; 0 where none does.
        max_epoch: that the training was to last; None where the logs do not say.
        finished: whether the newest log says that the training is over.
        skipped_updates: steps whose gradient was no number.
    """

    points: tuple[Point, ...] = ()
    happenings: tuple[Happening, ...] = ()
    epochs: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    unplaced: tuple[int, ...] = ()
    steps: int = 0
    steps_of: dict[int, int] = field(default_factory=dict)
    valid: dict[int, dict[str, float]] = field(default_factory=dict)
    began: float | None = None
    last_line: int = 0
    max_epoch: int | None = None
    finished: bool = False
    skipped_updates: int = 0


@dataclass(slots=True)
class _Course:
    """What is valid of all that was logged: a restart goes on from the last complete epoch."""

    results: dict[int, EpochResults] = field(default_factory=dict)
    means: dict[int, dict[int, StepMeans]] = field(default_factory=dict)

    def restarted(self, epoch: int) -> None:
        for known in (self.results, self.means):
            for later in [each for each in known if each >= epoch]:
                del known[later]

    def take(self, record: StepMeans) -> None:
        means = self.means.setdefault(record.epoch, {})
        # an epoch that begins anew without a word: its first attempt is not counted
        if means and record.first <= next(reversed(means)):
            for last in [each for each in means if each >= record.first]:
                del means[last]
        means[record.last] = record


def build_curves(logs: Iterable[Iterable[Any]], accumulation: int = 1) -> Curves:
    """Return the course of a training.

    Args:
        logs: the records of each log, the oldest log first.
        accumulation: mini-batches to an optimizer step.
    """
    course, found, happenings = _Course(), Curves(), []
    for records in logs:
        found.last_line, found.finished = 0, False
        for record in records:
            if getattr(record, "rank", 0) != 0:
                continue  # other ranks say the same, and their counts are not those of the training
            if isinstance(record, StepMeans) and record.stage == "train":
                course.take(record)
            elif isinstance(record, EpochResults):
                course.results[record.epoch] = record
            elif isinstance(record, EpochStarted):
                course.restarted(record.epoch)
                found.max_epoch = record.max_epoch
            elif isinstance(record, TrainerEvent):
                if record.kind == "resumed":
                    happenings.append(_resumed(record, max(course.results, default=0)))
                found.skipped_updates += record.kind == "skipped-update"
                found.finished = record.kind in ("finished", "early-stopped") or (
                    found.finished and record.kind in ("averaged", "best-updated")
                )
            if isinstance(record, (StepMeans, EpochResults, EpochStarted, TrainerEvent)):
                found.last_line = record.line_number
                found.began = found.began or seconds_since_1970(record.moment)
                if not isinstance(record, TrainerEvent):
                    found.finished = False
    found.happenings = tuple(happenings)
    _place(course, found, max(accumulation, 1))
    return found


def _resumed(record: TrainerEvent, epoch: int) -> Happening:
    return Happening(
        f"resumed:{record.moment}", "resumed", {"epoch": epoch, "checkpoint": record.text}, seconds_since_1970(record.moment)
    )  # fmt: skip


def _place(course: _Course, found: Curves, accumulation: int) -> None:
    """Count mini-batches over epochs, and make points of what was logged."""
    counts = {
        epoch: round(total)
        for epoch, each in course.results.items()
        if 0 < (total := each.of("train").get("total_count", 0.0)) < _MOST
    }
    points: list[Point] = []
    unplaced = []
    validations = [each.of("valid") for each in course.results.values()]
    for epoch in sorted({*course.results, *course.means}):
        begin = _mini_batches_before(epoch, counts)
        for last, means in sorted(course.means.get(epoch, {}).items()):
            if begin is None:
                unplaced.append(epoch)
                break
            points += _of_step(means, (begin + last) // accumulation)
        results = course.results.get(epoch)
        if results is None:
            continue
        if epoch not in counts:
            following = _mini_batches_before(epoch + 1, counts)
            if following is None:
                unplaced.append(epoch)
                continue
            counts[epoch] = following
        found.steps_of[epoch] = counts[epoch] // accumulation
        of_epoch = list(_of_epoch(results, found.steps_of[epoch], validations))
        found.valid[epoch] = {point.name: point.value for point in of_epoch if point.name.startswith("valid/")}
        points += of_epoch
    # memory is told with training and with validation, at the same step: what was said last holds
    found.points = tuple({(point.name, point.step): point for point in points}.values())
    found.epochs = tuple(sorted(course.results))
    found.missing = tuple(each for each in range(1, max(found.epochs, default=0)) if each not in course.results)
    found.unplaced = tuple(dict.fromkeys(unplaced))
    found.steps = max((point.step for point in points if point.step is not None), default=0)


def _mini_batches_before(epoch: int, counts: dict[int, int]) -> int | None:
    """Mini-batches before an epoch; where its forerunner is not there, all epochs are taken to be as long as another."""
    if epoch == 1:
        return 0
    if epoch - 1 in counts:
        return counts[epoch - 1]
    for known in sorted(counts, key=lambda each: abs(each - epoch)):
        if known - 1 in counts or known == 1:
            length = counts[known] - counts.get(known - 1, 0)
        elif counts[known] % known == 0:
            length = counts[known] // known
        else:
            continue
        return max(counts[known] - (known - epoch + 1) * length, 0)
    return None


def _of_step(means: StepMeans, step: int) -> Iterator[Point]:
    stats = {
        kept: value
        for name, value in zip(means.names, means.values, strict=True)
        if (kept := _name_of_step(name)) is not None
    }
    time = seconds_since_1970(means.moment)
    for name, value in metrics("train", stats).items():
        yield Point(name, step, value, epoch=means.epoch, time=time)


def _of_epoch(results: EpochResults, step: int, others: Iterable[Mapping[str, float]]) -> Iterator[Point]:
    time = seconds_since_1970(results.moment)
    for stage in results.stages:
        if stage == "att_plot":
            continue
        there = (
            without_empty({each: results.of(each) for each in results.stages}, others)
            if stage == "valid"
            else results.of(stage)
        )
        stats: dict[str, Any] = {_renamed(name): value for name, value in there.items()}
        seconds = stats.pop("time", None)
        if seconds is not None and 0 <= seconds < _MOST:
            stats["time"] = timedelta(seconds=seconds)
        for name, value in metrics(stage, stats, epoch_means=stage == "train").items():
            yield Point(name, step, value, epoch=results.epoch, time=time)


@lru_cache(maxsize=1024)
def _name_of_step(name: str) -> str | None:
    return None if _OF_EPOCHS_ONLY.search(name) else _renamed(name)


def _renamed(name: str) -> str:
    """The name that newer versions have for a value: with one optimizer, ``lr_0`` was the rate of its first group."""
    old = _OLD_RATE.match(name)
    return f"optim0_lr{old[1]}" if old is not None else name
