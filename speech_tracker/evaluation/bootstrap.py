"""How sure an error rate is: bootstrap intervals.

Source: M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004;
B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993 (bias-corrected and accelerated, chapter 14).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.blocks import UTTERANCE, choose_blocks
from speech_tracker.evaluation.distributions import normal_cdf, normal_quantile, student_quantile
from speech_tracker.evaluation.resample import replicate_sums

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

Method = Literal["percentile", "normal", "bca", "t"]
Rate = Literal["error_rate", "sentence_error_rate"]
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


def bootstrap_interval(
    evaluation: Evaluation,
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    block: str | None = "auto",
    rate: Rate = "error_rate",
) -> Interval:
    """Return the interval around an evaluation's error rate.

    ``method="normal", block=None`` is Kaldi's `compute-wer-bootci`: mean ± 1.96 standard deviations of 10,000 resamples
    of single utterances.

    Args:
        evaluation: what `score` returned.
        level: nominal coverage.
        replications: how many resamples.
        seed: the same seed gives the same interval.
        method: ``percentile`` (Bisani and Ney: the 2.5 % and 97.5 % points of the replications), ``normal`` (mean ±
            1.96 standard deviations), ``bca`` (bias-corrected and accelerated) or ``t`` (Student's t on the linearised
            variance between blocks, the safest with few blocks).
        block: ``"auto"`` resamples whole speakers or sessions where the evaluation has them; an attribute's name, or
            None for single utterances. See `choose_blocks`.
        rate: ``"error_rate"`` (WER, CER, … as the evaluation's unit is) or ``"sentence_error_rate"``.

    Raises:
        InvalidArgumentError: an argument cannot be taken as it is.
        ScoringError: there is no utterance or no reference word.
    """
    blocks = choose_blocks(evaluation.attributes, len(evaluation.table), block)
    return ratio_interval(
        blocks.sums(rate_columns(evaluation.table, rate)),
        level=level,
        replications=replications,
        seed=seed,
        method=method,
        blocks=blocks.name,
        warning=blocks.warning,
    )


def ratio_interval(
    rows: npt.NDArray[Any],
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    blocks: str = UTTERANCE,
    warning: str | None = None,
) -> Interval:
    """Return the interval around any ratio of sums.

    Args:
        rows: shape (blocks, 2): each block's numerator and denominator, for example errors and reference words, or the
            sum and the number of its ratings.
        level: nominal coverage.
        replications: how many resamples.
        seed: seed of the resampling.
        method: see `bootstrap_interval`.
        blocks: the name of what a row is, passed on to the result.
        warning: passed on to the result.

    Raises:
        InvalidArgumentError: an argument cannot be taken as it is.
        ScoringError: there is no row, or the denominators add up to 0.
    """
    check_arguments(level, replications, method)
    numerator, denominator = (float(total) for total in rows.sum(axis=0)) if len(rows) else (0.0, 0.0)
    if denominator <= 0:
        raise ScoringError(
            f"a rate without a denominator has no interval: the references of {len(rows)} {blocks} blocks add up to "
            f"{denominator:g}; score utterances with references that are not empty"
        )
    estimate = numerator / denominator
    if method == "t":
        replications = 0
        mean, std = estimate, linearised_error(rows, estimate)
        reach = student_quantile(0.5 + level / 2, len(rows) - 1) * std if len(rows) > 1 else float("inf")
        low, high = estimate - reach, estimate + reach
    else:
        values = ratios(replicate_sums(rows, replications=replications, seed=seed))
        if len(values) < replications:
            lost = f"{replications - len(values)} of {replications} resamples had no reference word and were left out"
            warning = lost if warning is None else f"{warning}; {lost}"
        mean, std = float(values.mean()), float(values.std())
        low, high = _ends(values, rows, estimate, level, method)
    return Interval(low, high, level, method, blocks, len(rows), replications, seed, warning, estimate, mean, std)


def rate_columns(table: npt.NDArray[Any], rate: Rate) -> npt.NDArray[np.int64]:
    """Return what a rate adds up per utterance: shape (utterances, 2), numerator and denominator.

    Args:
        table: shape (utterances, 4): hits, substitutions, deletions, insertions.
        rate: which rate.
    """
    wide = table.astype(np.int64)
    errors = wide[:, 1] + wide[:, 2] + wide[:, 3]
    if rate == "sentence_error_rate":
        return np.stack([errors > 0, np.ones(len(wide), dtype=np.int64)], axis=1).astype(np.int64)
    if rate != "error_rate":
        raise InvalidArgumentError(
            f"unknown rate: got {rate!r}, expected 'error_rate' or 'sentence_error_rate'; correct rate="
        )
    return np.stack([errors, wide[:, 0] + wide[:, 1] + wide[:, 2]], axis=1)


def ratios(sums: Floats) -> Floats:
    """Return first column / second column, leaving out the rows whose second column is 0."""
    usable = sums[:, 1] > 0
    result: Floats = sums[usable, 0] / sums[usable, 1]
    return result


def normal_reach(level: float) -> float:
    """Return how many standard deviations a normal interval reaches; 1.96, as Kaldi writes it, for 95 %."""
    return 1.96 if level == 0.95 else normal_quantile(0.5 + level / 2)


def linearised_error(rows: npt.NDArray[Any], estimate: float) -> float:
    """Return the standard error of a ratio of sums over blocks, by linearisation.

    Source: W. G. Cochran, "Sampling techniques", 1977, section 6.4 (variance of a ratio estimate).
    """
    count = len(rows)
    if count < 2:
        return float("inf")
    residuals = rows[:, 0] - estimate * rows[:, 1]
    return float(np.sqrt(count / (count - 1) * np.square(residuals).sum()) / rows[:, 1].sum())


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


def _ends(values: Floats, rows: npt.NDArray[Any], estimate: float, level: float, method: Method) -> tuple[float, float]:
    if method == "normal":
        reach = normal_reach(level) * float(values.std())
        return float(values.mean()) - reach, float(values.mean()) + reach
    tails = (0.5 - level / 2, 0.5 + level / 2)
    if method == "bca":
        tails = _corrected_tails(values, rows, estimate, tails)
    low, high = np.quantile(values, tails)
    return float(low), float(high)


def _corrected_tails(
    values: Floats, rows: npt.NDArray[Any], estimate: float, tails: tuple[float, float]
) -> tuple[float, float]:
    """Shift the two percentiles for bias and for skewness (the acceleration, from leaving out one block at a time)."""
    below = float(np.mean(values < estimate) + np.mean(values == estimate) / 2)
    if not 0 < below < 1:  # all replications on one side: nothing to correct with
        return tails
    bias = normal_quantile(below)
    numerator, denominator = rows.sum(axis=0)
    left = denominator - rows[:, 1]
    jackknife = (numerator - rows[:, 0])[left > 0] / left[left > 0]
    distances = jackknife.mean() - jackknife
    spread = float(np.square(distances).sum())
    acceleration = float((distances**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0
    shifted = []
    for tail in tails:
        z = bias + normal_quantile(tail)
        shifted.append(normal_cdf(bias + z / (1 - acceleration * z)))
    return shifted[0], shifted[1]
