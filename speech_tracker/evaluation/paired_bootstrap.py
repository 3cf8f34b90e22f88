"""Is one system better than another: bootstrap of the difference, with the same blocks drawn for both.

Source: M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004;
Kaldi's compute-wer-bootci (probability of improvement).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.blocks import Blocks
from speech_tracker.evaluation.interval import Floats, Interval, Method, check_arguments, interval_ends
from speech_tracker.evaluation.pairing import Paired, pair
from speech_tracker.evaluation.resample import replicate_sums

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class PairedInterval:
    """The difference of two error rates, second minus first, and how sure it is. All rates are fractions.

    Attributes:
        delta: error rate of the second system minus that of the first; negative where the second is better.
        low: lower end of its interval.
        high: upper end.
        level: nominal coverage.
        probability_of_improvement: share of the resamples in which the second system has fewer errors than the first.
        p: two-tailed bootstrap p value of "no difference"; at least 2 / (replications + 1).
        std: standard deviation of the difference over the resamples.
        method: how the ends were got.
        blocks: what was resampled.
        n_blocks: how many of them there are.
        replications: how many resamples were drawn.
        seed: seed of the resampling.
        warning: what a reader must know before trusting it, or None.
    """

    delta: float
    low: float
    high: float
    level: float
    probability_of_improvement: float
    p: float
    std: float
    method: Method
    blocks: str
    n_blocks: int
    replications: int
    seed: int
    warning: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Resamples:
    """Block sums of several systems and the same resamples of all of them.

    Attributes:
        blocks: what was resampled.
        rows: shape (blocks, 2 · systems): the errors of each system, then the reference lengths of each system.
        sums: shape (replications, 2 · systems), likewise.
        seed: seed of the resampling.
    """

    blocks: Blocks
    rows: npt.NDArray[np.int64]
    sums: Floats
    seed: int

    @property
    def systems(self) -> int:
        """How many systems."""
        columns: int = self.rows.shape[1]
        return columns // 2

    def interval(self, system: int, *, level: float = 0.95, method: Method = "percentile") -> Interval:
        """Return the interval of one system's error rate, from the resamples that all systems share."""
        columns = [system, self.systems + system]
        values = _rates(self.sums[:, columns])
        sums = self.rows[:, columns].sum(axis=0)
        estimate = float(sums[0] / sums[1])
        low, high = self._ends(estimate, values, _leave_one_out(self.rows[:, columns]), level, method)
        return Interval(
            low,
            high,
            level,
            method,
            self.blocks.name,
            len(self.rows),
            len(self.sums),
            self.seed,
            self.blocks.warning,
            estimate,
            float(np.nanmean(values)),
            float(np.nanstd(values)),
        )

    def difference(
        self, first: int, second: int, *, level: float = 0.95, method: Method = "percentile"
    ) -> PairedInterval:
        """Return the interval of the second system's error rate minus the first's."""
        a, b = [first, self.systems + first], [second, self.systems + second]
        values = _rates(self.sums[:, b]) - _rates(self.sums[:, a])
        values = values[~np.isnan(values)]
        totals = self.rows.sum(axis=0)
        delta = float(totals[b[0]] / totals[b[1]] - totals[a[0]] / totals[a[1]])
        jackknife = _leave_one_out(self.rows[:, b]) - _leave_one_out(self.rows[:, a])
        low, high = self._ends(delta, values, jackknife, level, method)
        # counted in errors, as Kaldi does: a tie is exact there, and no improvement
        improved = self.sums[:, b[0]] < self.sums[:, a[0]]
        smaller_tail = min(int((values <= 0).sum()), int((values >= 0).sum()))
        return PairedInterval(
            delta,
            low,
            high,
            level,
            float(improved.mean()),
            min(1.0, 2 * (smaller_tail + 1) / (len(values) + 1)),
            float(values.std()),
            method,
            self.blocks.name,
            len(self.rows),
            len(self.sums),
            self.seed,
            self.blocks.warning,
        )

    def _ends(
        self, estimate: float, values: Floats, jackknife: Floats, level: float, method: Method
    ) -> tuple[float, float]:
        jackknife = jackknife[~np.isnan(jackknife)]
        count = len(jackknife)
        # the spread of the leave-one-out values is the delete-one jackknife's standard error
        error = float(np.sqrt(np.square(jackknife - jackknife.mean()).sum() * (count - 1) / count)) if count else 0.0
        return interval_ends(
            estimate,
            level=level,
            method=method,
            replicates=values[~np.isnan(values)],
            jackknife=jackknife,
            standard_error=error,
            blocks=len(self.rows),
        )


def paired_bootstrap(
    first: Evaluation,
    second: Evaluation,
    *,
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    block: str | None = "auto",
    common: bool = False,
) -> PairedInterval:
    """Return the difference of two systems' error rates on one test set, with its interval.

    With ``block=None`` the probability of improvement is that of Kaldi's `compute-wer-bootci` (set 2 over set 1).

    Args:
        first: the system that the other is compared with, for example the baseline.
        second: the other one; an improvement is a negative `delta`.
        level: nominal coverage.
        replications: how many resamples.
        seed: the same seed gives the same result.
        method: see `bootstrap_interval`.
        block: see `bootstrap_interval`.
        common: compare the utterances that both have; see `pair`.

    Raises:
        InvalidArgumentError: an argument cannot be taken as it is.
        ScoringError: the two cannot be compared.
    """
    check_arguments(level, replications, method)
    paired = pair(first, second, common=common)
    resamples = resample_systems(paired, replications=replications, seed=seed, block=block)
    return resamples.difference(0, 1, level=level, method=method)


def resample_systems(
    paired: Paired, *, replications: int = 10_000, seed: int = 0, block: str | None = "auto"
) -> Resamples:
    """Draw the same blocks of utterances for all systems, `replications` times.

    Raises:
        ScoringError: there is no reference word.
    """
    blocks = paired.blocks(block)
    systems = range(len(paired.evaluations))
    errors = [paired.errors(system) for system in systems]
    lengths = [paired.reference_lengths(system) for system in systems]
    if not all(length.any() for length in lengths):
        raise ScoringError(
            f"every reference is empty ({len(paired)} utterances), so there is no error rate to compare; compare "
            "utterances whose references are not empty"
        )
    same = all(np.array_equal(length, lengths[0]) for length in lengths[1:])
    rows = blocks.sums(np.stack(errors + (lengths[:1] if same else lengths), axis=1))
    sums = replicate_sums(rows, replications=replications, seed=seed)
    if same:  # the common length was drawn once
        repeat = [*systems, *[len(errors)] * len(errors)]
        rows, sums = rows[:, repeat], sums[:, repeat]
    return Resamples(blocks, rows, sums, seed)


def _rates(sums: Floats) -> Floats:
    """Return errors / length, NaN where a resample drew only empty references."""
    rates: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    return rates


def _leave_one_out(rows: npt.NDArray[np.int64]) -> Floats:
    return _rates((rows.sum(axis=0) - rows).astype(np.float64))
