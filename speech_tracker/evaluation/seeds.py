"""Several trainings of one system with different seeds: the mean, and how sure it is.

Two things vary: which seed was drawn and which speakers were tested. Seeds and speakers cross (each seed is tested on
the same speakers), so both are resampled, each on its own, in every replication.

Source: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007; A. C. Davison and D. V. Hinkley,
"Bootstrap methods and their application", 1997, section 3.8 (inflating a small upper level).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.interval import Floats, check_arguments
from speech_tracker.evaluation.paired_bootstrap import resample_systems
from speech_tracker.evaluation.pairing import pair

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

FEW_SEEDS = 5
"""Below this number of seeds the spread between seeds is itself hardly known, and a warning says so."""


@dataclass(frozen=True, slots=True)
class SeedInterval:
    """Mean error rate over seeds, or the difference of two such means, with its interval. All rates are fractions.

    Attributes:
        mean: mean of the seeds' error rates; for a difference, that of the second system minus that of the first.
        low: lower end of the interval, over seeds and blocks together.
        high: upper end.
        level: nominal coverage.
        rates: error rate of each seed; for a difference, those of the first system and then those of the second.
        seed_std: standard deviation between the seeds' error rates (divisor seeds - 1); None for one seed, and for a
            difference.
        probability_of_improvement: for a difference, the share of resamples in which the second mean is lower.
        blocks: what was resampled besides seeds.
        n_blocks: how many of them there are.
        replications: how many resamples were drawn.
        seed: seed of the resampling.
        warning: what a reader must know before trusting it, or None.
    """

    mean: float
    low: float
    high: float
    level: float
    rates: tuple[float, ...]
    seed_std: float | None
    probability_of_improvement: float | None
    blocks: str
    n_blocks: int
    replications: int
    seed: int
    warning: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def seed_interval(
    evaluations: Sequence[Evaluation],
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    block: str | None = "auto",
) -> SeedInterval:
    """Return the mean error rate of one system over its seeds, with a percentile interval.

    The interval answers: trained again with other seeds and tested on other speakers, where would the mean lie?

    Args:
        evaluations: one per seed, of the same test set.
        level: nominal coverage.
        replications: how many resamples.
        seed: seed of the resampling itself.
        block: what to resample besides seeds; see `bootstrap_interval`.

    Raises:
        InvalidArgumentError: no evaluation was given.
        ScoringError: they are not of the same utterances, or not scored alike.
    """
    check_arguments(level, replications, "percentile")
    _check_any(evaluations)
    resamples = resample_systems(pair(*evaluations), replications=replications, seed=seed, block=block)
    rates = [evaluation.error_rate or 0.0 for evaluation in evaluations]
    values = _mean_over_resampled_seeds(_rates(resamples.sums), np.random.default_rng([seed, 1]))
    low, high = np.nanquantile(values, (0.5 - level / 2, 0.5 + level / 2))
    return SeedInterval(
        mean=float(np.mean(rates)),
        low=float(low),
        high=float(high),
        level=level,
        rates=tuple(rates),
        seed_std=float(np.std(rates, ddof=1)) if len(rates) > 1 else None,
        probability_of_improvement=None,
        blocks=resamples.blocks.name,
        n_blocks=resamples.blocks.n_blocks,
        replications=replications,
        seed=seed,
        warning=_warnings([len(rates)], resamples.blocks.warning),
    )


def seed_difference(
    first: Sequence[Evaluation],
    second: Sequence[Evaluation],
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    block: str | None = "auto",
) -> SeedInterval:
    """Return the mean error rate of the second system over its seeds minus that of the first, with its interval.

    The same blocks are drawn for all seeds of both systems; seeds are drawn for each system by itself.

    Args:
        first: the evaluations of the first system, one per seed.
        second: those of the second system; the numbers of seeds may differ.
        level: nominal coverage.
        replications: how many resamples.
        seed: seed of the resampling itself.
        block: what to resample besides seeds; see `bootstrap_interval`.

    Raises:
        InvalidArgumentError: a system has no evaluation.
        ScoringError: they are not of the same utterances, or not scored alike.
    """
    check_arguments(level, replications, "percentile")
    _check_any(first)
    _check_any(second)
    resamples = resample_systems(pair(*first, *second), replications=replications, seed=seed, block=block)
    rates = [evaluation.error_rate or 0.0 for evaluation in (*first, *second)]
    drawn = _rates(resamples.sums)
    generator = np.random.default_rng([seed, 1])
    values = _mean_over_resampled_seeds(drawn[:, len(first) :], generator) - _mean_over_resampled_seeds(
        drawn[:, : len(first)], generator
    )
    low, high = np.nanquantile(values, (0.5 - level / 2, 0.5 + level / 2))
    return SeedInterval(
        mean=float(np.mean(rates[len(first) :]) - np.mean(rates[: len(first)])),
        low=float(low),
        high=float(high),
        level=level,
        rates=tuple(rates),
        seed_std=None,
        probability_of_improvement=float(np.mean(values < 0)),
        blocks=resamples.blocks.name,
        n_blocks=resamples.blocks.n_blocks,
        replications=replications,
        seed=seed,
        warning=_warnings([len(first), len(second)], resamples.blocks.warning),
    )


def _rates(sums: Floats) -> Floats:
    systems = sums.shape[1] // 2
    lengths = sums[:, systems:]
    rates: Floats = np.divide(sums[:, :systems], lengths, out=np.full(lengths.shape, np.nan), where=lengths > 0)
    return rates


def _mean_over_resampled_seeds(rates: Floats, generator: np.random.Generator) -> Floats:
    """Return the mean of as many seeds as there are, drawn anew in each replication.

    Args:
        rates: shape (replications, seeds).
        generator: draws the seeds.
    """
    count = rates.shape[1]
    means: Floats = rates.mean(axis=1)
    if count == 1:
        return means
    weights = generator.multinomial(count, np.full(count, 1 / count), size=len(rates)) / count
    # the variance among `count` values drawn with replacement is (count - 1) / count of what it should estimate
    inflated = np.sqrt(count / (count - 1))
    shifted: Floats = means + inflated * ((weights - 1 / count) * rates).sum(axis=1)
    return shifted


def _check_any(evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        raise InvalidArgumentError("no evaluations: got an empty sequence, expected one evaluation per seed")


def _warnings(seeds: Sequence[int], blocks: str | None) -> str | None:
    found = []
    if min(seeds) == 1:
        found.append("a single seed: the interval says nothing about other seeds")
    elif min(seeds) < FEW_SEEDS:
        found.append(f"only {min(seeds)} seeds: their spread is itself uncertain, and so is the width of the interval")
    if blocks:
        found.append(blocks)
    return "; ".join(found) or None
