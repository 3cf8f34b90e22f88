"""The dynamic programme over a batch of pairs at once, one vector operation for each step of each anti-diagonal.

A cell's value is its cost times four plus the rank of the step that leads into it. The minimum over three candidates
then takes the cheapest step and, among equally cheap ones, the preferred one, so no comparison is spent on ties, and
the two low bits are the back-pointer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from speech_tracker.evaluation.preference import Preference

    Tokens = npt.NDArray[np.unsignedinteger[Any]]

_END = 4
"""Back-pointer of the cell where every path ends."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Alignments of a batch of b pairs.

    Attributes:
        codes: uint8, all operations one after another, as ASCII letters.
        lengths: int64, shape (b,), operations of each pair.
        substitutions: int64, shape (b,).
    """

    codes: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    substitutions: npt.NDArray[np.int64]

    def select(self, which: npt.NDArray[np.bool_]) -> Paths:
        """Return some of the pairs."""
        if which.all():
            return self
        return Paths(self.codes[np.repeat(which, self.lengths)], self.lengths[which], self.substitutions[which])


def align_padded(
    references: Tokens,
    hypotheses: Tokens,
    reference_lengths: npt.NDArray[np.int64],
    hypothesis_lengths: npt.NDArray[np.int64],
    preference: Preference,
    band: int | None = None,
) -> Paths:
    """Align b pairs of token numbers.

    Args:
        references: shape (m, b), one pair per column; what stands below a pair's length is not read.
        hypotheses: shape (n, b).
        reference_lengths: shape (b,), at most m.
        hypothesis_lengths: shape (b,), at most n.
        preference: costs and order of steps.
        band: consider only cells at most this far from the diagonal; every pair's end must lie inside. `None` for all.
    """
    rows, batch = references.shape
    columns = hypotheses.shape[0]
    pointers, stride, origin = _fill(references, hypotheses, preference, band)
    # A pair's cells lie `batch` apart from column to column and `stride * batch` from row to row, so each operation
    # is a constant step back through the flat array of pointers.
    back = np.zeros(5, np.int64)
    back[preference.rank("C")] = back[preference.rank("S")] = (stride + 1) * batch
    back[preference.rank("D")] = stride * batch
    back[preference.rank("I")] = batch
    pair = np.arange(batch, dtype=np.int64)
    end = origin * batch + pair
    position = end + (reference_lengths * stride + hypothesis_lengths) * batch
    flat = pointers.reshape(-1)
    longest = max(rows, columns)
    steps: list[npt.NDArray[np.uint8]] = []
    while True:
        step = flat.take(position)
        if len(steps) >= longest and bool((step == _END).all()):
            break
        steps.append(step)
        position -= back.take(step)
    if not steps:
        nothing = np.zeros(batch, np.int64)
        return Paths(np.zeros(0, np.uint8), nothing, nothing)
    path = np.stack(steps[::-1], axis=1)  # (b, longest path), each pair's path at the right end of its row
    taken = path != _END
    letters = np.frombuffer(preference.codes, np.uint8)
    return Paths(
        letters.take(path[taken]),
        np.count_nonzero(taken, axis=1).astype(np.int64),
        np.count_nonzero(path == preference.rank("S"), axis=1).astype(np.int64),
    )


def _fill(
    references: Tokens, hypotheses: Tokens, preference: Preference, band: int | None
) -> tuple[npt.NDArray[np.uint8], int, int]:
    """Return the back-pointers, the distance between a cell and the one below it, and the place of cell (0, 0)."""
    rows, batch = references.shape
    columns = hypotheses.shape[0]
    reach = max(rows, columns)
    if band is None or band >= reach:
        band = reach
        stride, origin, size = columns + 1, 0, (rows + 1) * (columns + 1)
    else:  # row i keeps the columns i - band … i + band
        stride, origin, size = 2 * band, band, (rows + 1) * (2 * band + 1)
    # A stored value is cost * 4 + rank of a hit, so that a hit needs no addition at all.
    hit = preference.rank("C")
    # Costs above the ceiling are stored as the ceiling. In a band it is what `align_groups` accepts at most: a path
    # that touches such a cell is thrown away there, and small values make small, fast numbers.
    ceiling = preference.swap * reach if band >= reach else preference.gap * (2 * band + 2)
    saturated = 4 * ceiling + hit
    blocked = saturated + 4 * preference.swap + 4  # dearer than any step from inside, so no path leaves the band
    kind = _smallest(blocked + 4 * preference.gap + 3)
    deletion = kind(4 * preference.gap + preference.rank("D") - hit)
    insertion = kind(4 * preference.gap + preference.rank("I") - hit)
    substitution = kind(4 * preference.swap + preference.rank("S") - hit)
    keep_cost = (np.bitwise_or, kind(3)) if hit == 3 else (np.bitwise_and, kind(np.iinfo(kind).max - 3))
    rank_bits = kind(3)

    pointers = np.empty((size, batch), np.uint8)
    pointers[origin] = _END
    backwards = np.ascontiguousarray(hypotheses[::-1])
    # The last three anti-diagonals, cell (i, …) in row i + 1; row 0 and what lies beside the band stay blocked.
    current, one_back, two_back = (np.full((rows + 3, batch), blocked, kind) for _ in range(3))
    current[1] = hit
    by_gap = np.empty((rows + 1, batch), kind)
    by_diagonal = np.empty((rows + 1, batch), kind)
    unequal = np.empty((rows + 1, batch), np.bool_)
    ceilings = np.full((min(rows, band + 1) + 1, batch), saturated, kind)  # an array: faster here than a number
    for diagonal in range(1, rows + columns + 1):
        current, one_back, two_back = two_back, current, one_back
        first = max(0, diagonal - columns, (diagonal - band + 1) // 2)
        last = min(rows, diagonal, (diagonal + band) // 2)
        outside = (first, last + 2)
        if first == 0:
            current[1] = min(4 * preference.gap * diagonal + hit, saturated)
            pointers[origin + diagonal] = preference.rank("I")
            first = 1
        if last == diagonal:
            current[diagonal + 1] = min(4 * preference.gap * diagonal + hit, saturated)
            pointers[origin + diagonal * stride] = preference.rank("D")
            last -= 1
        if first <= last:
            count = last - first + 1
            upper, same = slice(first, last + 1), slice(first + 1, last + 2)
            differ, best, gap = unequal[:count], by_diagonal[:count], by_gap[:count]
            start = columns - diagonal + first
            np.not_equal(references[first - 1 : last], backwards[start : start + count], out=differ)
            np.multiply(differ.view(np.uint8), substitution, out=best)
            best += two_back[upper]
            np.add(one_back[upper], deletion, out=gap)
            np.minimum(best, gap, out=best)
            np.add(one_back[same], insertion, out=gap)
            np.minimum(best, gap, out=best)
            place = origin + first * stride + diagonal - first
            np.bitwise_and(
                best,
                rank_bits,
                out=pointers[place : place + (count - 1) * (stride - 1) + 1 : stride - 1],
                casting="unsafe",
            )
            keep_cost[0](best, keep_cost[1], out=current[same])
            if band < reach:
                np.minimum(current[same], ceilings[:count], out=current[same])
        if band < reach:
            for row in outside:
                current[row] = blocked
    return pointers, stride, origin


def _smallest(value: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if value <= 255 else np.uint16 if value <= 65535 else np.uint32
