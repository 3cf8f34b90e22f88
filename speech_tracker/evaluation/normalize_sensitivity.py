"""How much of a result is the normaliser: error rates under each of several, and whether the ranking holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.normalize import Normalizer, get_normalizer, normalize_sides
from speech_tracker.evaluation.preference import Alignment
from speech_tracker.evaluation.score import Missing, score
from speech_tracker.evaluation.tokenize import Unit

DEFAULT = ("none", "lower", "basic", "kaldi", "whisper-basic", "whisper-en")
"""What the command line compares, as far as installed."""


@dataclass(frozen=True, slots=True)
class RankingChange:
    """Two systems, each of which is the better one under some normaliser."""

    system: str
    best_under: str
    other: str
    other_best_under: str

    def __str__(self) -> str:
        return (
            f"{self.system} is better than {self.other} under {self.best_under}, "
            f"{self.other} is better under {self.other_best_under}"
        )


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Counts of each system under each normaliser.

    Attributes:
        unit: what was counted.
        normalizers: their names with versions, in the order given.
        systems: in the order given.
        counts: one row per normaliser, one entry per system.
        warnings: what the normalisers had to say about the text, once each.
    """

    unit: Unit
    normalizers: tuple[str, ...]
    systems: tuple[str, ...]
    counts: tuple[tuple[ErrorCounts, ...], ...]
    warnings: tuple[str, ...] = ()

    def rates(self, row: int) -> tuple[float | None, ...]:
        """Error rates (fractions) of all systems under one normaliser."""
        return tuple(each.error_rate for each in self.counts[row])

    def ranking(self, row: int) -> tuple[str, ...]:
        """Systems from best to worst under one normaliser; equal ones in the order given, those without rate last."""
        rates = self.rates(row)
        order = sorted(range(len(rates)), key=lambda i: (rates[i] is None, rates[i] or 0.0))
        return tuple(self.systems[i] for i in order)

    @property
    def changes(self) -> tuple[RankingChange, ...]:
        """Pairs of systems that change places; a tie is no change, it takes a strict advantage on both sides."""
        found = []
        for first, second in combinations(range(len(self.systems)), 2):
            under: dict[int, str] = {}
            for row, name in enumerate(self.normalizers):
                a, b = self.rates(row)[first], self.rates(row)[second]
                if a is not None and b is not None and a != b:
                    under.setdefault(first if a < b else second, name)
            if len(under) == 2:
                found.append(RankingChange(self.systems[first], under[first], self.systems[second], under[second]))
        return tuple(found)


def sensitivity(
    references: Mapping[str, str],
    hypotheses_by_system: Mapping[str, Mapping[str, str]],
    normalizers: Sequence[str | Normalizer | Callable[[str], str]] = DEFAULT,
    *,
    unit: Unit = "word",
    alignment: Alignment = "kaldi",
    missing: Missing = "error",
) -> Sensitivity:
    """Score every system under every normaliser.

    Raises:
        InvalidArgumentError: there is no system or no normaliser.
        ScoringError: hypotheses are missing and `missing` is ``"error"``.
        MissingExtraError: a normaliser's library is not installed.
    """
    import warnings as python_warnings

    if not hypotheses_by_system or not normalizers:
        raise InvalidArgumentError("nothing to compare: expected at least one system and one normaliser; name them")
    found = [get_normalizer(each) for each in normalizers]
    rows = []
    with python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always")
        for normalizer in found:
            row = []
            for hypotheses in hypotheses_by_system.values():
                left, right, done = normalize_sides(normalizer, references, hypotheses)
                scored = score(left, right, unit=unit, alignment=alignment, normalizer=done, missing=missing)
                row.append(scored.counts)
            rows.append(tuple(row))
    messages = dict.fromkeys(str(each.message) for each in caught)
    names = tuple(f"{each.name} ({each.version})" for each in found)
    return Sensitivity(unit, names, tuple(hypotheses_by_system), tuple(rows), tuple(messages))
