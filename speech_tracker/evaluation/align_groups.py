"""Pairs of similar length are aligned together, in a band around the diagonal where that is proven to suffice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_tracker.evaluation.align_kernel import Paths, align_padded

if TYPE_CHECKING:
    import numpy.typing as npt

    from speech_tracker.evaluation.preference import Preference

    Integers = npt.NDArray[np.int64]
    Keys = npt.NDArray[np.unsignedinteger[Any]]

_LARGEST_GROUP = 2048
_MOST_CELLS = 2**23
_FEW = 512
_FIRST_BAND = 8


@dataclass(slots=True)
class PairedKeys:
    """Token numbers of p pairs, each of two stretches of `keys`."""

    keys: Keys
    reference_starts: Integers
    hypothesis_starts: Integers
    reference_lengths: Integers
    hypothesis_lengths: Integers

    def trim(self) -> tuple[Integers, Integers]:
        """Cut off the tokens on which both sides of a pair agree at its start, then at its end; return how many."""
        heads = np.zeros(len(self.reference_starts), np.int64)
        tails = heads.copy()
        shorter = np.minimum(self.reference_lengths, self.hypothesis_lengths)
        for group in _similar(shorter):
            longest = int(shorter[group].max())
            if not longest:
                continue
            left, right = self.padded(group, longest)
            heads[group] = _agreeing(left, right, shorter[group])
        self.reference_starts = self.reference_starts + heads
        self.hypothesis_starts = self.hypothesis_starts + heads
        self.reference_lengths = self.reference_lengths - heads
        self.hypothesis_lengths = self.hypothesis_lengths - heads
        shorter = shorter - heads
        for group in _similar(shorter):
            longest = int(shorter[group].max())
            if not longest:
                continue
            back = np.arange(-1, -longest - 1, -1, dtype=np.int64)[:, None]
            ends = (self.reference_starts + self.reference_lengths)[group]
            left = self.keys.take(ends + back, mode="clip")
            ends = (self.hypothesis_starts + self.hypothesis_lengths)[group]
            right = self.keys.take(ends + back, mode="clip")
            tails[group] = _agreeing(left, right, shorter[group])
        self.reference_lengths = self.reference_lengths - tails
        self.hypothesis_lengths = self.hypothesis_lengths - tails
        return heads, tails

    def padded(self, group: Integers, longest: int | None = None) -> tuple[Keys, Keys]:
        """Return both sides of some pairs as columns, as long as the longest of them or as told."""
        rows = int(self.reference_lengths[group].max()) if longest is None else longest
        columns = int(self.hypothesis_lengths[group].max()) if longest is None else longest
        return (
            _columns(self.keys, self.reference_starts[group], rows),
            _columns(self.keys, self.hypothesis_starts[group], columns),
        )


def align_groups(sides: PairedKeys, preference: Preference) -> Iterator[tuple[Integers, Paths]]:
    """Align all pairs; yield the positions of some of them and their alignments until each has come once.

    Most pairs agree so well that a narrow band proves sufficient; the others come again with one twice as wide, and in
    the end without any.
    """
    longer = np.maximum(sides.reference_lengths, sides.hypothesis_lengths)
    apart = np.abs(sides.hypothesis_lengths - sides.reference_lengths)
    waiting = np.arange(len(longer), dtype=np.int64)
    widening = 1
    while len(waiting):
        again: list[Integers] = []
        for found in _similar(longer[waiting]):
            group = waiting[found]
            longest = int(longer[group[-1]])
            band: int | None = widening * (_FIRST_BAND + longest // 16)
            if band is not None and 3 * band > longest:
                band = None
            else:
                outside = apart[group] > band
                again.append(group[outside])
                group = group[~outside]
            for part in _pieces(sides, group, band):
                lengths = sides.reference_lengths[part], sides.hypothesis_lengths[part]
                paths = align_padded(*sides.padded(part), *lengths, preference, band)
                if band is None:
                    yield part, paths
                    continue
                proven = _stays_inside(paths, *lengths, preference, band)
                again.append(part[~proven])
                yield part[proven], paths.select(proven)
        waiting = np.concatenate(again) if again else waiting[:0]
        widening *= 2


def _pieces(sides: PairedKeys, group: Integers, band: int | None) -> Iterator[Integers]:
    """Cut a group so that the cells of one piece stay in memory that is fast."""
    if not len(group):
        return
    columns = int(sides.hypothesis_lengths[group].max()) + 1 if band is None else 2 * band + 1
    cells = (int(sides.reference_lengths[group].max()) + 1) * columns
    size = max(1, min(_LARGEST_GROUP, _MOST_CELLS // cells))
    for start in range(0, len(group), size):
        yield group[start : start + size]


def _stays_inside(
    paths: Paths, reference_lengths: Integers, hypothesis_lengths: Integers, preference: Preference, band: int
) -> npt.NDArray[np.bool_]:
    """Whether every cheapest path lies within the band, so that the one found there is the one preferred.

    A path that leaves the band needs band + 1 steps to get out and those back to its end: if that alone costs more
    than the path found, no path outside can compete, not even as an equal.
    """
    gaps = 2 * paths.lengths - reference_lengths - hypothesis_lengths
    cost = preference.gap * gaps + preference.swap * paths.substitutions
    apart = np.abs(hypothesis_lengths - reference_lengths)
    inside: npt.NDArray[np.bool_] = cost < preference.gap * (2 * (band + 1) - apart)
    return inside


def _similar(lengths: Integers) -> Iterator[Integers]:
    """Cut pairs into groups of similar length, each in order of length; less similar where they are few."""
    order = np.argsort(lengths, kind="stable")
    in_order = lengths[order]
    start = 0
    while start < len(order):
        shortest = int(in_order[start])
        end = int(np.searchsorted(in_order, shortest * 5 // 4 + 4, "right"))
        if end - start < _FEW:
            longer = int(np.searchsorted(in_order, shortest * 2 + 8, "right"))
            end = min(longer, start + _FEW)
        yield order[start:end]
        start = end


def _columns(keys: Keys, starts: Integers, longest: int) -> Keys:
    if not longest or not len(keys):
        return np.zeros((longest, len(starts)), keys.dtype)
    return keys.take(starts + np.arange(longest, dtype=np.int64)[:, None], mode="clip")


def _agreeing(left: Keys, right: Keys, limits: Integers) -> Integers:
    """How many tokens agree from the top of each column on, at most `limits`."""
    differs = left != right
    first = np.where(differs.any(axis=0), differs.argmax(axis=0), len(left))
    return np.minimum(first, limits)
