"""Where the errors are: by speaker, by any other attribute, by duration, by reference length.

Rates of groups are rates of sums, as everywhere. The mean and the median over groups give every group the same weight;
they answer another question ("how does a typical speaker fare?") and are named so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.blocks import choose_blocks
from speech_tracker.evaluation.bootstrap import rate_columns, ratio_interval
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.interval import Interval, Method

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

REFERENCE_LENGTH = "reference_length"
"""Name that stands for the number of reference tokens of an utterance, which every evaluation has."""

LENGTH_EDGES = (1, 2, 5, 10, 20, 40, 80)
"""Where buckets of reference length begin when no edges are given; empty references are a bucket of their own."""


@dataclass(frozen=True, slots=True)
class Group:
    """The utterances that share a value.

    Attributes:
        value: the value, or a `Bucket` of numbers; None for utterances without a value.
        counts: their counts.
        share: their share of all errors, from 0 to 1; None where there is no error.
        interval: of their error rate, where it was asked for and there is a rate.
    """

    value: Any
    counts: ErrorCounts
    share: float | None
    interval: Interval | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return {
            "value": str(self.value) if isinstance(self.value, Bucket) else self.value,
            "error_rate": self.counts.error_rate,
            **self.counts.as_dict(),
            "share_of_errors": self.share,
            "interval": None if self.interval is None else self.interval.as_dict(),
        }


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Numbers from `low` on and below `high` (the last bucket of a breakdown includes its upper end)."""

    low: float
    high: float

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"{self.low:g} or more"
        if self.low == self.high:
            return f"{self.low:g}"
        return f"{self.low:g} to below {self.high:g}"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Error counts by the value of one attribute.

    Attributes:
        attribute: its name.
        groups: in order of first occurrence; numbers in buckets, in rising order.
        minimum: reference tokens that a group needs to be named as best or worst.
    """

    attribute: str
    groups: tuple[Group, ...]
    minimum: int

    @property
    def rates(self) -> list[float]:
        """Error rates of the groups that have one and a value, as fractions."""
        return [
            rate for group in self.groups if group.value is not None and (rate := group.counts.error_rate) is not None
        ]

    @property
    def mean(self) -> float | None:
        """Unweighted mean of the groups' error rates, as sclite prints it for speakers."""
        return float(np.mean(self.rates)) if self.rates else None

    @property
    def median(self) -> float | None:
        """Median of the groups' error rates."""
        return float(np.median(self.rates)) if self.rates else None

    @property
    def std(self) -> float | None:
        """Standard deviation between the groups' error rates (divisor n - 1, as sclite)."""
        return float(np.std(self.rates, ddof=1)) if len(self.rates) > 1 else None

    @property
    def best(self) -> Group | None:
        """The group with the lowest error rate among those with enough reference tokens."""
        return min(self._eligible, key=_rate, default=None)

    @property
    def worst(self) -> Group | None:
        """The group with the highest error rate among those with enough reference tokens."""
        return max(self._eligible, key=_rate, default=None)

    @property
    def _eligible(self) -> list[Group]:
        return [
            group
            for group in self.groups
            if group.value is not None and group.counts.reference_length >= max(1, self.minimum)
        ]

    def worst_first(self) -> list[Group]:
        """Return all groups, the highest error rate first, those without a rate last."""
        return sorted(self.groups, key=lambda group: -1.0 if group.counts.error_rate is None else _rate(group))[::-1]

    def metrics(self) -> dict[str, float]:
        """Return the summary under standard names: how groups fare, without a key for each of them."""
        found = {"mean": self.mean, "median": self.median, "std": self.std}
        for name, group in (("best", self.best), ("worst", self.worst)):
            found[name] = None if group is None else group.counts.error_rate
        return {f"{self.attribute}_{name}_error_rate": value for name, value in found.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "attribute": self.attribute,
            "mean": self.mean,
            "median": self.median,
            "std": self.std,
            "best": None if self.best is None else self.best.as_dict()["value"],
            "worst": None if self.worst is None else self.worst.as_dict()["value"],
            "groups": [group.as_dict() for group in self.groups],
        }


def breakdown(
    evaluation: Evaluation,
    attribute: str,
    *,
    edges: Sequence[float] | None = None,
    buckets: int = 5,
    minimum: int = 100,
    intervals: bool = False,
    level: float = 0.95,
    method: Method = "percentile",
    replications: int = 2_000,
    seed: int = 0,
) -> Breakdown:
    """Count by the values of an attribute.

    Args:
        evaluation: what `score` returned.
        attribute: its name, or ``"reference_length"``.
        edges: for numbers: where a new bucket begins. Numbers without edges are put in `buckets` buckets with about
            equally many utterances, unless they have few distinct values; reference lengths get `LENGTH_EDGES`.
        buckets: how many, where there are no edges.
        minimum: reference tokens that a group needs to be named as best or worst: with few words, chance decides.
        intervals: whether to give each group an interval, resampling the speakers or sessions within it.
        level: of the intervals.
        method: of the intervals; see `bootstrap_interval`.
        replications: of the intervals.
        seed: of the intervals.

    Raises:
        InvalidArgumentError: no utterance has that attribute, or the edges are not rising.
    """
    values, codes = _values(evaluation, attribute, edges, buckets)
    total = evaluation.counts.errors
    groups = []
    by_group = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[by_group], np.arange(len(values) + 1))
    for number, value in enumerate(values):
        rows = by_group[bounds[number] : bounds[number + 1]]
        counts = ErrorCounts.from_table(evaluation.table[rows])
        interval = None
        if intervals and counts.reference_length:
            inner = {name: [column[i] for i in rows.tolist()] for name, column in evaluation.attributes.items()}
            blocks = choose_blocks(inner, len(rows))
            interval = ratio_interval(
                blocks.sums(rate_columns(evaluation.table[rows], "error_rate")),
                level=level,
                method=method if blocks.n_blocks > 1 else "percentile",
                replications=replications,
                seed=seed,
                blocks=blocks.name,
                warning=blocks.warning,
            )
        groups.append(Group(value, counts, counts.errors / total if total else None, interval))
    return Breakdown(attribute, tuple(groups), minimum)


def by_speaker(evaluation: Evaluation, *, minimum: int = 1, **options: Any) -> Breakdown:
    """Count by speaker; any speaker may be the best or worst. Other arguments as for `breakdown`."""
    return breakdown(evaluation, "speaker_id", minimum=minimum, **options)


def by_reference_length(evaluation: Evaluation, edges: Sequence[float] = LENGTH_EDGES, **options: Any) -> Breakdown:
    """Count by the number of reference tokens of an utterance. Other arguments as for `breakdown`."""
    return breakdown(evaluation, REFERENCE_LENGTH, edges=edges, **options)


def _rate(group: Group) -> float:
    rate = group.counts.error_rate
    return math.nan if rate is None else rate


def _values(
    evaluation: Evaluation, attribute: str, edges: Sequence[float] | None, buckets: int
) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Return the groups' values and the number of each utterance's group."""
    if attribute == REFERENCE_LENGTH and attribute not in evaluation.attributes:
        numbers = evaluation.table[:, :3].sum(axis=1).astype(np.float64)
        return _bucketed(numbers, LENGTH_EDGES if edges is None else edges)
    values, codes = evaluation.groups(attribute)
    known = [value for value in values if value is not None]
    numeric = bool(known) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)
    if not numeric:
        if edges is not None:
            raise InvalidArgumentError(
                f"edges need numbers: got {attribute!r} with values such as {known[0] if known else None!r}; leave "
                "edges out, or turn the values into numbers first"
            )
        return values, codes
    if edges is None and len(known) <= buckets:
        order = sorted(range(len(values)), key=lambda i: (values[i] is None, values[i] or 0))
        return [values[i] for i in order], np.argsort(order)[codes]
    numbers = np.array([math.nan if value is None else float(value) for value in values])[codes]
    if edges is None:
        inner = np.quantile(numbers[~np.isnan(numbers)], np.linspace(0, 1, buckets + 1)[:-1])
        edges = sorted({float(f"{edge:.3g}") for edge in inner})
        edges[0] = min(edges[0], float(np.nanmin(numbers)))
    return _bucketed(numbers, edges)


def _bucketed(numbers: npt.NDArray[np.float64], edges: Sequence[float]) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Put numbers into the buckets that begin at the edges; what lies below the first is a bucket too, NaN is None."""
    rising = list(edges)
    if not rising or any(b <= a for a, b in pairwise(rising)):
        raise InvalidArgumentError(
            f"edges must be rising numbers: got {list(edges)!r}, expected for example (1, 5, 20)"
        )
    lows = [-math.inf, *rising]
    places = np.searchsorted(rising, numbers, side="right")
    places[np.isnan(numbers)] = len(lows)
    used = np.unique(places)
    values: list[Any] = []
    for place in used.tolist():
        if place == len(lows):
            values.append(None)
            continue
        inside = numbers[places == place]
        low = float(inside.min()) if place == 0 else float(lows[place])
        high = float(rising[place]) if place < len(rising) else math.inf
        only = inside.size and float(inside.min()) == float(inside.max()) and place == 0
        values.append(Bucket(low, low if only else high))
    return values, np.searchsorted(used, places)
