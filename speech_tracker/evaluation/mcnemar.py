"""McNemar's test on sentences: does one system get more sentences entirely right?

Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 1947, in its exact binomial form; NIST SCTK, `sc_stats -t mcn`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_tracker.evaluation.distributions import binomial_two_sided
from speech_tracker.evaluation.pairing import Paired, pair

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class McNemar:
    """Utterances by which system has them entirely right.

    Attributes:
        both_correct: utterances without error in both systems.
        only_first_correct: the first system has them right, the second does not.
        only_second_correct: the other way round.
        both_wrong: both systems err.
        p: exact two-tailed binomial p value of the two middle counts.
    """

    both_correct: int
    only_first_correct: int
    only_second_correct: int
    both_wrong: int
    p: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def mcnemar(first: Evaluation, second: Evaluation, *, common: bool = False) -> McNemar:
    """Test whether two systems get equally many utterances entirely right.

    The counts are those of `sc_stats -t mcn`, and so is p as long as at most 20 utterances tell the systems apart.
    Beyond that `sc_stats` 2.4 changes to a normal approximation that halves the smaller count where a continuity
    correction would add one half, and calls nearly every pair of systems different; here p stays exact.

    Args:
        first: one system.
        second: the other.
        common: compare the utterances that both have; see `pair`.

    Raises:
        ScoringError: the two cannot be compared.
    """
    return mcnemar_of(pair(first, second, common=common), 0, 1)


def mcnemar_of(paired: Paired, first: int, second: int) -> McNemar:
    """Apply the test to two of several systems that are already paired."""
    right = paired.errors(first) == 0
    also_right = paired.errors(second) == 0
    only_first = int(np.count_nonzero(right & ~also_right))
    only_second = int(np.count_nonzero(also_right & ~right))
    return McNemar(
        both_correct=int(np.count_nonzero(right & also_right)),
        only_first_correct=only_first,
        only_second_correct=only_second,
        both_wrong=int(np.count_nonzero(~right & ~also_right)),
        p=binomial_two_sided(only_first, only_first + only_second),
    )
