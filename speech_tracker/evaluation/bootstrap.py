"""How sure an error rate is: bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.blocks import UTTERANCE, choose_blocks
from speech_tracker.evaluation.interval import Floats, Interval, Method, check_arguments, interval_ends
from speech_tracker.evaluation.resample import replicate_sums

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

__all__ = ["Interval", "Method", "Rate", "bootstrap_interval", "ratio_interval"]

Rate = Literal["error_rate", "sentence_error_rate"]


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
    standard_error = linearised_error(rows, estimate)
    if method == "t":
        replications, values = 0, np.empty(0)
        mean, std = estimate, standard_error
    else:
        values = ratios(replicate_sums(rows, replications=replications, seed=seed))
        if len(values) < replications:
            lost = f"{replications - len(values)} of {replications} resamples had no reference word and were left out"
            warning = lost if warning is None else f"{warning}; {lost}"
        mean, std = float(values.mean()), float(values.std())
    low, high = interval_ends(
        estimate,
        level=level,
        method=method,
        replicates=values,
        jackknife=leave_one_out(rows),
        standard_error=standard_error,
        blocks=len(rows),
    )
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


def linearised_error(rows: npt.NDArray[Any], estimate: float) -> float:
    """Return the standard error of a ratio of sums over blocks, by linearisation.

    Source: W. G. Cochran, "Sampling techniques", 1977, section 6.4 (variance of a ratio estimate).
    """
    count = len(rows)
    if count < 2:
        return float("inf")
    residuals = rows[:, 0] - estimate * rows[:, 1]
    return float(np.sqrt(count / (count - 1) * np.square(residuals).sum()) / rows[:, 1].sum())


def leave_one_out(rows: npt.NDArray[Any]) -> Floats:
    """Return the ratio of sums without each of the rows in turn."""
    numerator, denominator = rows.sum(axis=0)
    left = denominator - rows[:, 1]
    values: Floats = (numerator - rows[:, 0])[left > 0] / left[left > 0]
    return values
