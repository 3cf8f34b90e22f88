"""The curves of an experiment: what was measured in each epoch, on the axis that its recipe counts by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from speech_tracker.ingest.found import Point
from speech_tracker.integrations.speechbrain.names import is_percent, meta_metrics, stage_metrics
from speech_tracker.integrations.speechbrain.train_log import StatsLine, number_of

_HIGHEST_FRACTION = 1.5


@dataclass(slots=True)
class Curves:
    """What the lines of the epochs say.

    Attributes:
        points: the curves. A step is the recipe's optimizer steps where each line says them, else the epoch.
        epochs: the epochs that are there, in order.
        missing: those between them that are not.
        repeated: epochs that were trained more than once; the last time counts.
        steps: epoch → step; the last one of an epoch.
        texts: what the recipe says besides numbers, such as the optimizer: the last one.
    """

    points: tuple[Point, ...] = ()
    epochs: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    steps: dict[int, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def last_step(self) -> int | None:
        """Step of the last epoch; None without any."""
        return max(self.steps.values(), default=None)


def epochs_of(
    lines: Iterable[StatsLine], time_of: Callable[[StatsLine], float | None], *, percents: Sequence[float] = ()
) -> Curves:
    """Return the curves.

    Args:
        lines: of ``train_log.txt``, in order.
        time_of: seconds since 1970 of a line; None where it is not known.
        percents: see `rates_as_fractions`.
    """
    kept, repeated = _last_attempt(line for line in lines if line.epoch is not None and not line.is_test)
    by_steps = bool(kept) and all(line.steps is not None for line in kept)
    curves = Curves(epochs=sorted({line.epoch or 0 for line in kept}), repeated=repeated)
    points: dict[tuple[str, int], Point] = {}
    for line in kept:
        epoch = line.epoch or 0
        step = line.steps if by_steps and line.steps is not None else epoch
        for name, value in metrics_of(line, percents).items():
            points[name, step] = Point(name, step, value, epoch=float(epoch), time=time_of(line))
        curves.steps[epoch] = step
        curves.texts.update({key: text for key, text in line.meta if number_of(text) is None and text[:1].isalpha()})
    curves.points = tuple(sorted(points.values(), key=lambda point: (point.name, point.step or 0)))
    if curves.epochs:
        present = set(curves.epochs)
        whole = range(curves.epochs[0], curves.epochs[-1] + 1)
        curves.missing = [epoch for epoch in whole if epoch not in present] if len(whole) < 100_000 else []
    return curves


def _last_attempt(lines: Iterable[StatsLine]) -> tuple[list[StatsLine], list[int]]:
    """The lines without those of epochs that were trained again, and which epochs these are.

    Where a training goes back, all that came after is superseded: it went on from an older checkpoint, or from nothing.
    Within an epoch a recipe may report several times, with more steps each time.
    """
    kept: list[StatsLine] = []
    repeated: set[int] = set()
    for line in lines:
        epoch = line.epoch or 0
        if kept and epoch <= (kept[-1].epoch or 0) and not _goes_on(kept[-1], line):
            repeated |= {each.epoch or 0 for each in kept if (each.epoch or 0) >= epoch}
            kept = [each for each in kept if (each.epoch or 0) < epoch]
        kept.append(line)
    return kept, sorted(repeated)


def _goes_on(earlier: StatsLine, later: StatsLine) -> bool:
    return (
        earlier.epoch == later.epoch
        and earlier.steps is not None
        and later.steps is not None
        and later.steps > earlier.steps
    )


def metrics_of(line: StatsLine, percents: Sequence[float] = (), *, test_set: str | None = None) -> dict[str, float]:
    """Return the numbers of a line under our names; those of a test without a test set are left out."""
    found = meta_metrics({key: number_of(text) for key, text in line.meta}) if not line.is_test else {}
    for stage in ("train", "valid"):
        found.update(stage_metrics(stage, line.of(stage), percents=percents))
    if test_set is not None:
        found.update(stage_metrics("test", line.of("test"), test_set=test_set, percents=percents))
    # 93.48 % is 0.9348, not 0.9348000000000001
    return {
        name: round(value, 12) if math.isfinite(value) and is_percent(name.rpartition("/")[2]) else value
        for name, value in found.items()
    }


def rates_as_fractions(lines: Iterable[StatsLine], percents: Iterable[float]) -> list[float]:
    """Return 100 times the error rates that a recipe prints as fractions, not in percent as SpeechBrain gives them.

    That shows only where a file of error rates has the same rate in percent.

    Args:
        lines: of ``train_log.txt``.
        percents: of the files.
    """
    known = [each for each in percents if math.isfinite(each) and each > 0]
    lines = list(lines)
    tests = [value for line in lines for key, value in line.of("test").items() if is_percent(key)]
    divided = [value for value in tests if any(abs(100 * value - each) <= 0.0051 * each for each in known)]
    if not divided or any(same(value, each) for value in tests for each in known):
        return []
    rates = (value for line in lines for _, key, value in line.stats if is_percent(key))
    return sorted({100 * value for value in rates if math.isfinite(value)})


def may_be_fractions(lines: Iterable[StatsLine]) -> bool:
    """Return whether all error rates are so low that a recipe may have printed fractions; these are seldom above 1.5.

    Low rates in percent, of a model that was good from the first epoch, look the same.
    """
    rates = [value for line in lines for _, key, value in line.stats if is_percent(key) and math.isfinite(value)]
    return len(rates) > 1 and 0 < max(rates) <= _HIGHEST_FRACTION


def same(printed: float, exact: float) -> bool:
    """Return whether a number is another one as `FileTrainLogger` rounds it: to three digits, or two decimals."""
    tolerance = 0.0051 if 1 <= exact < 100 else 0.0051 * abs(exact)
    return abs(printed - exact) <= tolerance


def ranges(numbers: Sequence[int]) -> str:
    """Return numbers as people write them.

    >>> ranges([3, 4, 5, 9])
    '3-5, 9'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
