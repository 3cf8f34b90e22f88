"""An interval around a rate, and the four ways of getting its ends from resamples.

Source: M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004
(percentile); Kaldi's compute-wer-bootci (normal); B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993,
chapter 14 (bias-corrected and accelerated).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.distributions import normal_cdf, normal_quantile, student_quantile

Method = Literal["percentile", "normal", "bca", "t"]
METHODS: tuple[Method, ...] = ("percentile", "normal", "bca", "t")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval around a rate. All rates are fractions.

    Attributes:
        low: lower end.
        high: upper end.
        level: nominal coverage, for example 0.95.
        method: ``percentile``, ``normal``, ``bca`` or ``t``.
        blocks: what was resampled: ``speaker_id``, ``session_id``, another attribute, or ``utterance``.
        n_blocks: how many of them there are.
        replications: how many resamples were drawn (0 for ``t``, which needs none).
        seed: seed of the resampling.
        warning: what a reader must know before trusting it, or None.
        estimate: the rate itself, from all counts.
        mean: mean of the replications (what Kaldi's compute-wer-bootci prints as the WER); the estimate for ``t``.
        std: standard deviation of the replications: the standard error of the rate.
    """

    low: float
    high: float
    level: float
    method: Method
    blocks: str
    n_blocks: int
    replications: int
    seed: int
    warning: str | None
    estimate: float
    mean: float
    std: float

    @property
    def width(self) -> float:
        """high - low, as a fraction."""
        return self.high - self.low

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def interval_ends(
    estimate: float,
    *,
    level: float,
    method: Method,
    replicates: Floats,
    jackknife: Floats,
    standard_error: float,
    blocks: int,
) -> tuple[float, float]:
    """Return the two ends of an interval.

    Args:
        estimate: the value from all data.
        level: nominal coverage.
        method: ``percentile``, ``normal`` and ``bca`` need `replicates`; ``bca`` also `jackknife`; ``t`` needs
            `standard_error` and `blocks`.
        replicates: the value from each resample.
        jackknife: the value with one block left out, for each block.
        standard_error: of the estimate, over blocks.
        blocks: how many blocks there are.

    Raises:
        ScoringError: method ``t`` with a single block.
    """
    if method == "t":
        if blocks < 2:
            raise ScoringError(
                "method='t' measures the spread between blocks: got 1 block, expected 2 or more; "
                "resample smaller blocks, for example block='utterance'"
            )
        reach = student_quantile(0.5 + level / 2, blocks - 1) * standard_error
        return estimate - reach, estimate + reach
    if method == "normal":
        reach = normal_reach(level) * float(replicates.std())
        return float(replicates.mean()) - reach, float(replicates.mean()) + reach
    tails = (0.5 - level / 2, 0.5 + level / 2)
    if method == "bca":
        tails = _corrected_tails(replicates, jackknife, estimate, tails)
    low, high = np.quantile(replicates, tails)
    return float(low), float(high)


def normal_reach(level: float) -> float:
    """Return how many standard deviations a normal interval reaches; 1.96, as Kaldi writes it, for 95 %."""
    return 1.96 if level == 0.95 else normal_quantile(0.5 + level / 2)


def check_arguments(level: float, replications: int, method: str) -> None:
    """Raise InvalidArgumentError for what no interval can be computed from."""
    if not 0 < level < 1:
        raise InvalidArgumentError(
            f"level is not a coverage: got {level!r}, expected a fraction between 0 and 1; write 0.95 for 95 %"
        )
    if replications < 1:
        raise InvalidArgumentError(
            f"replications: got {replications!r}, expected 1 or more; 10000 is what Bisani and Ney and Kaldi use"
        )
    if method not in METHODS:
        raise InvalidArgumentError(f"unknown method: got {method!r}, expected one of {', '.join(METHODS)}")


def _corrected_tails(
    replicates: Floats, jackknife: Floats, estimate: float, tails: tuple[float, float]
) -> tuple[float, float]:
    """Shift the two percentiles for bias and for skewness (the acceleration, from leaving out one block at a time)."""
    below = float(np.mean(replicates < estimate) + np.mean(replicates == estimate) / 2)
    if not 0 < below < 1 or len(jackknife) < 2:  # all replications on one side: nothing to correct with
        return tails
    bias = normal_quantile(below)
    distances = jackknife.mean() - jackknife
    spread = float(np.square(distances).sum())
    acceleration = float((distances**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0
    shifted = []
    for tail in tails:
        z = bias + normal_quantile(tail)
        shifted.append(normal_cdf(bias + z / (1 - acceleration * z)))
    return shifted[0], shifted[1]
