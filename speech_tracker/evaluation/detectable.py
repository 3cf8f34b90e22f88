"""What a test set can tell apart: the smallest difference that it would show to be significant.

If the true difference of two systems is D and its standard error on this test set is s, a two-tailed test at level
1 - a finds it with probability `power` when D = (q(1 - a/2) + q(power)) · s, q being the quantiles of Student's t with
as many degrees of freedom as there are blocks, less one.

Source: J. Cohen, "Statistical power analysis for the behavioral sciences", 1988; W. G. Cochran, "Sampling techniques",
1977, section 6.4 (standard error of a ratio).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.blocks import Blocks, choose_blocks
from speech_tracker.evaluation.bootstrap import linearised_error, rate_columns
from speech_tracker.evaluation.distributions import student_quantile
from speech_tracker.evaluation.pairing import pair

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class Detectable:
    """Minimum detectable difference of a test set.

    Attributes:
        difference: in error rate, as a fraction: 0.0012 are 0.12 percentage points.
        relative: the same as a share of the (first) system's error rate; None where that is 0.
        standard_error: of the difference between two systems, as a fraction.
        correlation: of the two systems' errors over blocks: measured where two systems were given, assumed otherwise.
        measured: whether two systems were given.
        level: of the test, for example 0.95.
        power: probability that a true difference of this size is found.
        blocks: what varies: ``speaker_id``, ``session_id``, another attribute, or ``utterance``.
        n_blocks: how many of them there are.
        warning: what a reader must know, or None.
    """

    difference: float
    relative: float | None
    standard_error: float
    correlation: float
    measured: bool
    level: float
    power: float
    blocks: str
    n_blocks: int
    warning: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def minimum_detectable_difference(
    evaluation: Evaluation,
    other: Evaluation | None = None,
    *,
    level: float = 0.95,
    power: float = 0.8,
    correlation: float = 0.5,
    block: str | None = "auto",
) -> Detectable:
    """Return the smallest difference in error rate that a comparison on this test set finds with probability `power`.

    With two systems, the standard error of their difference is measured. With one, the other is assumed to vary as much
    between blocks and to correlate with it by `correlation`, so that s = sqrt(2 · (1 - correlation)) · (standard error
    of the error rate). Systems that fail at the same places correlate strongly and are told apart more easily; 0 is the
    pessimistic assumption of two systems with nothing in common.

    Args:
        evaluation: a system on the test set.
        other: another system on the same test set.
        level: of the two-tailed test.
        power: wanted probability of finding the difference.
        correlation: assumed where `other` is not given.
        block: what varies; see `bootstrap_interval`.

    Raises:
        InvalidArgumentError: an argument is out of its range.
        ScoringError: there are fewer than two blocks or no reference word, or the two cannot be compared.
    """
    for name, value in (("level", level), ("power", power)):
        if not 0 < value < 1:
            raise InvalidArgumentError(
                f"{name}: got {value!r}, expected a fraction between 0 and 1; 0.95 and 0.8 are usual"
            )
    if not -1 <= correlation < 1:
        raise InvalidArgumentError(f"correlation: got {correlation!r}, expected -1 or more and less than 1")
    if other is not None:
        paired = pair(evaluation, other)
        blocks = paired.blocks(block)
        sides = [
            blocks.sums(np.stack([paired.errors(system), paired.reference_lengths(system)], axis=1))
            for system in (0, 1)
        ]
        return detectable_between(sides[0], sides[1], blocks, level=level, power=power)
    blocks = choose_blocks(evaluation.attributes, len(evaluation.table), block)
    rows = blocks.sums(rate_columns(evaluation.table, "error_rate"))
    rate = _rate(rows)
    standard_error = linearised_error(rows, rate) * float(np.sqrt(2 * (1 - correlation)))
    return _detectable(rate, standard_error, correlation, False, blocks, level, power)


def detectable_between(
    first: npt.NDArray[Any], second: npt.NDArray[Any], blocks: Blocks, *, level: float = 0.95, power: float = 0.8
) -> Detectable:
    """Return the minimum detectable difference measured on two systems.

    Args:
        first: shape (blocks, 2), errors and reference words of the first system in each block.
        second: likewise of the second.
        blocks: what a block is.
        level: of the two-tailed test.
        power: wanted probability of finding the difference.

    Raises:
        ScoringError: there are fewer than two blocks or no reference word.
    """
    residuals = [(side[:, 0] - _rate(side) * side[:, 1]) / side[:, 1].sum() for side in (first, second)]
    count = blocks.n_blocks
    difference = residuals[1] - residuals[0]
    standard_error = float(np.sqrt(count / max(1, count - 1) * np.square(difference).sum()))
    spread = float(np.sqrt(np.square(residuals[0]).sum() * np.square(residuals[1]).sum()))
    correlation = float((residuals[0] * residuals[1]).sum()) / spread if spread else 1.0
    return _detectable(_rate(first), standard_error, correlation, True, blocks, level, power)


def _detectable(
    rate: float, standard_error: float, correlation: float, measured: bool, blocks: Blocks, level: float, power: float
) -> Detectable:
    if blocks.n_blocks < 2:
        raise ScoringError(
            f"a test set of {blocks.n_blocks} blocks has no spread to measure; expected 2 or more {blocks.name} values"
        )
    degrees = blocks.n_blocks - 1
    reach = student_quantile(0.5 + level / 2, degrees) + student_quantile(power, degrees)
    return Detectable(
        difference=reach * standard_error,
        relative=reach * standard_error / rate if rate else None,
        standard_error=standard_error,
        correlation=correlation,
        measured=measured,
        level=level,
        power=power,
        blocks=blocks.name,
        n_blocks=blocks.n_blocks,
        warning=blocks.warning,
    )


def _rate(rows: npt.NDArray[Any]) -> float:
    errors, words = rows.sum(axis=0)
    if not words:
        raise ScoringError(
            f"all {len(rows)} references are empty, so there is no error rate; score references that are not empty"
        )
    return float(errors / words)
