"""Tests over speakers: does one system do better for most speakers, or for the speakers where it matters?

Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics 1945; M. Friedman, "The use of ranks to
avoid the assumption of normality implicit in the analysis of variance", JASA 1937; NIST SCTK, `sc_stats -t wilc`,
`-t sign`, `-t anovar`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.distributions import binomial_two_sided, chi_squared_tail, normal_two_sided
from speech_tracker.evaluation.pairing import Paired, pair

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

Floats = npt.NDArray[np.float64]

EXACT_UP_TO = 50
"""Speakers up to which the Wilcoxon p value is counted out rather than approximated."""

_EQUAL = 0.005e-2  # sc_stats takes rates that differ by at most 0.005 percentage points as equal


@dataclass(frozen=True, slots=True)
class Wilcoxon:
    """Signed-rank test over speakers.

    Attributes:
        speakers: how many speakers were compared.
        w_first: sum of the ranks of the speakers for whom the first system has the higher error rate.
        w_second: likewise for the second system; speakers with equal rates are in neither.
        p: two-tailed p value; equal speakers are left out, as Wilcoxon did.
        method: ``exact`` (all sign patterns counted, ties included) or ``normal`` (with tie correction).
        z_sc_stats: the statistic that `sc_stats` prints: equal speakers dealt out in turn, no tie correction. Negative
            where the ranks of the better system are the smaller sum.
        p_sc_stats: its two-tailed p value, which `sc_stats -u` prints with three digits.
    """

    speakers: int
    w_first: float
    w_second: float
    p: float
    method: Literal["exact", "normal"]
    z_sc_stats: float
    p_sc_stats: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SignTest:
    """For how many speakers each system is better.

    Attributes:
        first_better: speakers for whom the first system has the lower error rate.
        second_better: speakers for whom the second has.
        equal: speakers for whom the rates differ by at most 0.005 percentage points.
        p: exact two-tailed binomial p value, the equal speakers divided between the two sides, as `sc_stats` does.
    """

    first_better: int
    second_better: int
    equal: int
    p: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Friedman:
    """Two-way analysis of variance by ranks: are several systems all the same?

    Attributes:
        systems: how many systems.
        speakers: how many speakers.
        statistic: chi-squared with correction for ties, what `sc_stats` calls X2_r.
        p: probability of a statistic as large if all systems were the same; systems - 1 degrees of freedom.
        mean_ranks: mean rank of each system over the speakers, 1 the best.
    """

    systems: int
    speakers: int
    statistic: float
    p: float
    mean_ranks: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def wilcoxon(first: Evaluation, second: Evaluation, *, attribute: str = "speaker_id", common: bool = False) -> Wilcoxon:
    """Test whether two systems have the same error rates over speakers.

    Args:
        first: one system.
        second: the other.
        attribute: what to group by.
        common: compare the utterances that both have; see `pair`.

    Raises:
        ScoringError: the two cannot be compared, or the utterances have no such attribute.
    """
    rates = speaker_rates(pair(first, second, common=common), attribute)
    return wilcoxon_of_rates(rates[:, 0], rates[:, 1])


def sign_test(
    first: Evaluation, second: Evaluation, *, attribute: str = "speaker_id", common: bool = False
) -> SignTest:
    """Test whether each of two systems is better for as many speakers as the other. Arguments as for `wilcoxon`."""
    rates = speaker_rates(pair(first, second, common=common), attribute)
    return sign_test_of_rates(rates[:, 0], rates[:, 1])


def friedman(*evaluations: Evaluation, attribute: str = "speaker_id", common: bool = False) -> Friedman:
    """Test whether several systems are all the same over speakers. Arguments as for `wilcoxon`."""
    return friedman_of_rates(speaker_rates(pair(*evaluations, common=common), attribute))


def speaker_rates(paired: Paired, attribute: str = "speaker_id") -> Floats:
    """Return the error rate of each speaker in each system, as fractions; shape (speakers, systems).

    Speakers come in order of appearance. Speakers all of whose references are empty have no rate and are left out, and
    so are utterances without a speaker.

    Raises:
        ScoringError: the utterances have no such attribute.
    """
    try:
        column = paired.attribute(attribute)
    except KeyError:
        raise ScoringError(
            f"the test over speakers needs the speaker of each utterance: no evaluation has the attribute {attribute!r}; "
            f"pass attributes={{{attribute!r}: …}} to score(), or --speakers utt2spk on the command line"
        ) from None
    numbers: dict[object, int] = {}
    labels = np.array(
        [-1 if value is None or value == "" else numbers.setdefault(value, len(numbers)) for value in column],
        dtype=np.int64,
    )
    known = labels >= 0
    rates = np.full((len(numbers), len(paired.evaluations)), np.nan)
    for system in range(len(paired.evaluations)):
        errors = np.bincount(labels[known], weights=paired.errors(system)[known], minlength=len(numbers))
        words = np.bincount(labels[known], weights=paired.reference_lengths(system)[known], minlength=len(numbers))
        np.divide(errors, words, out=rates[:, system], where=words > 0)
    usable: Floats = rates[~np.isnan(rates).any(axis=1)]
    return usable


def wilcoxon_of_rates(first: Floats, second: Floats) -> Wilcoxon:
    """Apply the signed-rank test to the speakers' error rates (fractions) of two systems."""
    difference = first - second
    z = _z_of_sc_stats(first, second)
    # rates are ratios of counts: what differs only by the rounding of floating point is tied
    difference = np.round(difference, 12)
    kept = difference[difference != 0]
    ranks = _ranks(np.abs(kept))
    w_first, w_second = float(ranks[kept > 0].sum()), float(ranks[kept < 0].sum())
    exact = len(kept) <= EXACT_UP_TO
    p = _exact_p(ranks, min(w_first, w_second)) if exact else _normal_p(ranks, w_first)
    return Wilcoxon(len(difference), w_first, w_second, p, "exact" if exact else "normal", z, normal_two_sided(z))


def sign_test_of_rates(first: Floats, second: Floats) -> SignTest:
    """Apply the sign test to the speakers' error rates (fractions) of two systems."""
    difference = first - second
    equal = np.abs(difference) <= _EQUAL
    second_better = int(np.count_nonzero((difference > 0) & ~equal))
    first_better = int(np.count_nonzero((difference < 0) & ~equal))
    ties = int(np.count_nonzero(equal))
    # sc_stats names the system with the higher mean rate first and gives an odd equal speaker to the other side
    higher, lower = (second_better, first_better) if first.sum() > second.sum() else (first_better, second_better)
    higher, lower = higher + ties // 2, lower + ties - ties // 2
    return SignTest(first_better, second_better, ties, binomial_two_sided(lower, higher + lower))


def friedman_of_rates(rates: Floats) -> Friedman:
    """Apply the test to the speakers' error rates, shape (speakers, systems).

    Raises:
        ScoringError: fewer than two systems or no speaker.
    """
    speakers, systems = rates.shape
    if systems < 2 or not speakers:
        raise ScoringError(
            f"nothing to rank: got {systems} systems and {speakers} speakers, expected two systems and one speaker at "
            "least"
        )
    ranks: Floats = np.stack([_ranks(row) for row in rates])
    sums = ranks.sum(axis=0)
    statistic = 12 / (speakers * systems * (systems + 1)) * float(np.square(sums).sum()) - 3 * speakers * (systems + 1)
    ties = sum(_tied(row) for row in rates)
    adjustment = 1 - ties / (speakers * (systems**3 - systems))
    statistic = max(0.0, statistic / adjustment) if adjustment > 1e-12 else 0.0
    p = chi_squared_tail(statistic, systems - 1)
    return Friedman(systems, speakers, statistic, p, tuple((sums / speakers).tolist()))


def _ranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = ((last - counts + 1 + last) / 2)[place]
    return ranks


def _tied(values: Floats) -> float:
    counts: npt.NDArray[np.int64] = np.unique(values, return_counts=True)[1]
    return float((counts**3 - counts).sum())


def _exact_p(ranks: Floats, smaller: float) -> float:
    """Count the sign patterns whose smaller rank sum is at most this one. Doubled ranks are whole, ties included."""
    doubled = np.rint(2 * ranks).astype(np.int64)
    ways = [1] + [0] * int(doubled.sum())
    reach = 0
    for rank in doubled.tolist():
        reach += rank
        for total in range(reach, rank - 1, -1):
            ways[total] += ways[total - rank]
    patterns = sum(ways[: round(2 * smaller) + 1])
    return min(1.0, 2 * patterns / (1 << len(doubled)))


def _normal_p(ranks: Floats, w: float) -> float:
    count = len(ranks)
    variance = count * (count + 1) * (2 * count + 1) / 24 - _tied(ranks) / 48
    return normal_two_sided((w - count * (count + 1) / 4) / math.sqrt(variance))


def _z_of_sc_stats(first: Floats, second: Floats) -> float:
    """Return the Z statistic as `sc_stats` has it: equal speakers keep their ranks and go to each side in turn."""
    count = len(first)
    if not count:
        return 0.0
    higher, lower = (first, second) if first.sum() > second.sum() else (second, first)
    difference = 100 * higher - 100 * lower
    ranks = _ranks(np.abs(difference))
    equal = np.abs(difference) <= 100 * _EQUAL
    plus = difference > 0
    plus[equal] = np.arange(int(equal.sum())) % 2 == 0
    chosen = plus if plus.sum() < (~plus).sum() else ~plus
    mean = count * (count + 1) / 4
    return float((ranks[chosen].sum() - mean) / math.sqrt(count * (count + 1) * (2 * count + 1) / 24))
