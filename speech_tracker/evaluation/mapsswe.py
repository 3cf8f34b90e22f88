"""The matched-pairs sentence-segment word-error test (MAPSSWE), as NIST's `sc_stats` computes it.

Source: L. Gillick and S. J. Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP
1989; NIST SCTK, `sc_stats -t mapsswe`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.distributions import normal_two_sided
from speech_tracker.evaluation.pairing import Paired, pair

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

_HIT, _INSERTION = b"CI"


@dataclass(frozen=True, slots=True)
class Mapsswe:
    """Result of the test on two systems.

    Attributes:
        segments: stretches of speech in which at least one system errs; the sample size.
        mean: mean of (errors of the first - errors of the second) per segment; positive where the second is better.
        std: standard deviation of that difference (divisor segments - 1).
        z: mean / (std / sqrt(segments)).
        p: two-tailed p value of z under the normal distribution, not rounded.
        errors: errors of the first and of the second system.
        warning: why z cannot be trusted, or None.
    """

    segments: int
    mean: float
    std: float
    z: float
    p: float
    errors: tuple[int, int]
    warning: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def mapsswe(first: Evaluation, second: Evaluation, *, boundary: int = 2, common: bool = False) -> Mapsswe:
    """Test whether two systems make equally many errors.

    Errors of one sentence are not independent, so the unit of observation is not the word but the segment: a stretch
    with errors of either system, bounded on both sides by `boundary` words that both recognised, or by the utterance's
    ends. Segments are independent of each other as far as an n-gram language model reaches.

    The counts depend on the alignment: with ``alignment="sclite"`` they are those of `sc_stats`.

    Args:
        first: one system.
        second: the other.
        boundary: correct words in a row, without insertion between them, that separate two segments.
        common: compare the utterances that both have; see `pair`.

    Raises:
        InvalidArgumentError: `boundary` is below 1.
        ScoringError: the two cannot be compared.
    """
    if boundary < 1:
        raise InvalidArgumentError(f"boundary: got {boundary}, expected 1 or more; sc_stats uses 2")
    return test_segments(segment_errors(pair(first, second, common=common), 0, 1, boundary=boundary))


def test_segments(errors: npt.NDArray[np.int64]) -> Mapsswe:
    """Apply the test to segments.

    Args:
        errors: shape (segments, 2), errors of the first and of the second system.
    """
    count = len(errors)
    totals = (int(errors[:, 0].sum()), int(errors[:, 1].sum()))
    if not count:
        return Mapsswe(0, 0.0, 0.0, 0.0, 1.0, totals, "neither system makes an error: there is nothing to test")
    difference = errors[:, 0] - errors[:, 1]
    mean = float(difference.mean())
    squares = float(np.square(difference - mean).sum())
    if squares == 0:
        warning = None
        if mean:
            warning = (
                f"all {count} segments differ by {mean:+g} errors, so there is no variance and z is undefined; 0 is "
                "what sc_stats prints; the sign test over speakers says more"
            )
        return Mapsswe(count, mean, 0.0, 0.0, 1.0, totals, warning)
    std = math.sqrt(squares / (count - 1))
    z = mean / (std / math.sqrt(count))
    warning = None
    if count < 50:
        warning = f"only {count} segments: the normal distribution of z is an approximation for about 50 or more"
    return Mapsswe(count, mean, std, z, normal_two_sided(z), totals, warning)


test_segments.__test__ = False  # type: ignore[attr-defined]  # its name is not a request to pytest


def segment_errors(paired: Paired, first: int, second: int, *, boundary: int = 2) -> npt.NDArray[np.int64]:
    """Cut the utterances of two systems into segments and return the errors of each system in each of them.

    A reference word is "good" if both systems recognised it. After the last of `boundary` good words in a row, with no
    insertion of either system between them, a new segment begins. Segments without error are dropped. Where a
    reference has alternates and the systems matched different ones, words are paired by position, as `sc_stats` does.

    Args:
        paired: the evaluations.
        first: which of them is the first system.
        second: which is the second.
        boundary: correct words in a row that separate two segments.

    Returns:
        Shape (segments, 2).
    """
    sides = [_Words(paired, system) for system in (first, second)]
    lengths = np.maximum(sides[0].lengths, sides[1].lengths)
    # one slot per reference word, and one at the end of each utterance for what was inserted there
    starts = np.cumsum(lengths + 1) - (lengths + 1)
    total = int((lengths + 1).sum())
    good = np.ones(total, dtype=bool)
    inserted = np.zeros(total, dtype=bool)
    errors = []
    for side in sides:
        slots = starts[side.utterance] + side.position
        words = side.codes != _INSERTION
        hit = np.zeros(total, dtype=bool)
        hit[slots[side.codes == _HIT]] = True
        good &= hit
        inserted[slots[~words]] = True
        errors.append(np.bincount(slots[side.codes != _HIT], minlength=total))
    begins = inserted.copy()  # a run of good words begins here: nothing good right before
    begins[1:] |= ~good[:-1]
    begins[starts] = True
    slot = np.arange(total)
    run_length = slot - np.maximum.accumulate(np.where(begins, slot, 0)) + 1
    closes = good & (run_length >= boundary)
    # what was inserted before a closing word still belongs to the segment that it closes
    closed: npt.NDArray[np.int64] = np.cumsum(closes) - closes
    segment = closed + np.repeat(np.arange(len(starts)), lengths + 1)
    table = np.stack([np.bincount(segment, weights=side) for side in errors], axis=1).astype(np.int64)
    return table[table.any(axis=1)]


class _Words:
    """All operations of one system, with the utterance and the reference word that each belongs to."""

    def __init__(self, paired: Paired, system: int) -> None:
        evaluation, rows = paired.evaluations[system], paired.rows[system]
        codes = np.frombuffer(evaluation.operation_codes, dtype=np.uint8)
        sizes = np.diff(evaluation.operation_offsets)
        if rows is not None:
            begins = evaluation.operation_offsets[:-1][rows]
            sizes = sizes[rows]
            within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            codes = codes[np.repeat(begins, sizes) + within]
        self.codes = codes
        self.utterance = np.repeat(np.arange(len(sizes)), sizes)
        words = codes != _INSERTION
        self.lengths = np.bincount(self.utterance[words], minlength=len(sizes))
        before = np.cumsum(words) - words
        self.position = before - np.repeat(np.cumsum(self.lengths) - self.lengths, sizes)
