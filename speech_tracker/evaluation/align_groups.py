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
_BAND_FROM = 40
"""Shorter pairs are aligned in full: a band would save less than it costs."""


@dataclass(slots=True)
class PairedKeys:
    """Token numbers of p pairs; pair i is a stretch of `references` and a stretch of `hypotheses`."""

    references: Keys
    hypotheses: Keys
    reference_starts: Integers
    hypothesis_starts: Integers
    reference_lengths: Integers
    hypothesis_lengths: Integers

    def trim(self) -> tuple[Integers, Integers]:
        """Cut off the tokens on which both sides of a pair agree at its start, then at its end; return how many."""
        heads = np.zeros(len(self.reference_starts), np.int64)
        tails = heads.copy()
        shorter = np.minimum(self.reference_lengths, self.hypothesis_lengths)
        for group in _similar(shorter, np.zeros_like(shorter)):
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
        for group in _similar(shorter, np.zeros_like(shorter)):
            longest = int(shorter[group].max())
            if not longest:
                continue
            back = np.arange(-1, -longest - 1, -1, dtype=np.int64)[:, None]
            ends = (self.reference_starts + self.reference_lengths)[group]
            left = self.references.take(ends + back, mode="clip")
            ends = (self.hypothesis_starts + self.hypothesis_lengths)[group]
            right = self.hypotheses.take(ends + back, mode="clip")
            tails[group] = _agreeing(left, right, shorter[group])
        self.reference_lengths = self.reference_lengths - tails
        self.hypothesis_lengths = self.hypothesis_lengths - tails
        return heads, tails

    def padded(self, group: Integers, longest: int | None = None) -> tuple[Keys, Keys]:
        """Return both sides of some pairs as columns, as long as the longest of them or as told."""
        rows = int(self.reference_lengths[group].max()) if longest is None else longest
        columns = int(self.hypothesis_lengths[group].max()) if longest is None else longest
        return (
            _columns(self.references, self.reference_starts[group], rows),
            _columns(self.hypotheses, self.hypothesis_starts[group], columns),
        )


def align_groups(sides: PairedKeys, preference: Preference) -> Iterator[tuple[Integers, Paths]]:
    """Align all pairs; yield the positions of some of them and their alignments until each has come once."""
    longer = np.maximum(sides.reference_lengths, sides.hypothesis_lengths)
    apart = np.abs(sides.reference_lengths - sides.hypothesis_lengths)
    lopsided = apart > 8 + longer // 4
    for group in _similar(longer, lopsided.astype(np.int64)):
        yield from _align_group(sides, group, preference)


def _align_group(sides: PairedKeys, group: Integers, preference: Preference) -> Iterator[tuple[Integers, Paths]]:
    longest = int(np.maximum(sides.reference_lengths[group], sides.hypothesis_lengths[group]).max())
    apart = sides.hypothesis_lengths[group] - sides.reference_lengths[group]
    widest = int(np.abs(apart).max())
    band: int | None = widest + 6 + longest // 16
    if longest < _BAND_FROM or 2 * (band or 0) > longest:
        band = None
    while len(group):
        width = (2 * band + 1) if band is not None else int(sides.hypothesis_lengths[group].max()) + 1
        cells = (int(sides.reference_lengths[group].max()) + 1) * width
        size = max(1, min(_LARGEST_GROUP, _MOST_CELLS // cells))
        again = []
        for start in range(0, len(group), size):
            part = group[start : start + size]
            lengths = sides.reference_lengths[part], sides.hypothesis_lengths[part]
            paths = align_padded(*sides.padded(part), *lengths, preference, band)
            if band is None:
                yield part, paths
                continue
            proven = _stays_inside(paths, *lengths, preference, band)
            again.append(part[~proven])
            if proven.any():
                yield part[proven], paths.select(proven)
        group = np.concatenate(again) if again else group[:0]
        band = None if band is None or 4 * band > longest else 2 * band


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


def _similar(lengths: Integers, kinds: Integers) -> Iterator[Integers]:
    """Cut pairs into groups of one kind and similar length."""
    order = np.lexsort((lengths, kinds))
    sorted_lengths, sorted_kinds = lengths[order], kinds[order]
    start = 0
    while start < len(order):
        limit = int(sorted_lengths[start]) * 5 // 4 + 4
        same = np.searchsorted(sorted_kinds, sorted_kinds[start], "right")
        end = start + int(np.searchsorted(sorted_lengths[start:same], limit, "right"))
        end = min(end, start + _LARGEST_GROUP)
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
