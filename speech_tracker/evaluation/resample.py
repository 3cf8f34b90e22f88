"""The bootstrap's engine: draw as many blocks as there are, with replacement, and add up their counts; many times.

A replication over n utterances needs n random draws, so 10,000 replications of 20,000 utterances are 200 million. Most
utterances look alike, though: a few hundred pairs (errors, length) cover nearly all of them. How often each of the
common rows turns up in a replication is one multinomial draw over the distinct rows, which has exactly the same
distribution as drawing one utterance at a time; only the uncommon rows are drawn one at a time.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

STREAMS = 8
"""Random streams that the replications are dealt out to; fixed, so that the number of cores does not matter."""

_COMMON = 25  # rows alike from which one binomial draw is cheaper than drawing each of them
_CHUNK = 1 << 20  # draws held in memory at once by one stream (8 MiB)
_WORTH_THREADS = 2_000_000  # draws below which threads cost more than they save

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def replicate_sums(rows: npt.NDArray[Any], *, replications: int, seed: int) -> Floats:
    """Return the column sums of `replications` resamples of the rows.

    Args:
        rows: shape (blocks, columns); what is added up for each block, for example its errors and its reference words.
            Whole numbers of 0 or more take the fast path; anything else is drawn row by row.
        replications: how many resamples.
        seed: the same seed gives the same sums on any number of cores (with the same version of NumPy).

    Returns:
        Shape (replications, columns).
    """
    rows = np.ascontiguousarray(rows)
    if rows.dtype.kind in "iu" and rows.size and rows.min() >= 0 and int(rows.max()) * len(rows) < 2**62:
        sampler: _Sampler = _CountSampler(rows.astype(np.int64))
    else:
        sampler = _Sampler(rows.astype(np.float64))
    sizes = [replications // STREAMS + (stream < replications % STREAMS) for stream in range(STREAMS)]
    seeds = np.random.SeedSequence(seed).spawn(STREAMS)
    generators = [np.random.Generator(np.random.PCG64(child)) for child in seeds]
    if replications * len(rows) < _WORTH_THREADS:
        parts = [sampler.draw(generator, size) for generator, size in zip(generators, sizes, strict=True)]
    else:
        with ThreadPoolExecutor(min(STREAMS, _usable_cores())) as pool:
            parts = list(pool.map(sampler.draw, generators, sizes))
    return np.concatenate(parts)


class _Sampler:
    """Draw rows one at a time."""

    def __init__(self, rows: Floats) -> None:
        self.rows = rows

    def draw(self, generator: np.random.Generator, replications: int) -> Floats:
        blocks, columns = self.rows.shape
        sums = np.empty((replications, columns))
        step = max(1, _CHUNK // max(1, blocks))
        for start in range(0, replications, step):
            size = min(step, replications - start)
            chosen = generator.integers(0, blocks, size=(size, blocks))
            for column in range(columns):
                sums[start : start + size, column] = self.rows[:, column].take(chosen).sum(axis=1)
        return sums


class _CountSampler(_Sampler):
    """Draw whole numbers: rows alike together, and several columns at once, side by side in one 64-bit word."""

    def __init__(self, rows: Integers) -> None:
        super().__init__(rows.astype(np.float64))
        self.words, self.places = _pack(rows)
        self.blocks = len(rows)
        kinds, first, counts = np.unique(self.words, axis=0, return_index=True, return_counts=True)
        common = counts >= _COMMON
        self.common = rows[first[common]]
        # in the order given where nothing is common, so that exchanging two columns only exchanges their sums
        self.rare = np.repeat(kinds[~common], counts[~common], axis=0) if common.any() else self.words
        self.shares = np.append(counts[common], len(self.rare)) / max(1, self.blocks)

    def draw(self, generator: np.random.Generator, replications: int) -> Floats:
        sums = np.empty((replications, self.rows.shape[1]))
        expected = self.blocks * self.shares[-1] + len(self.shares)
        step = max(1, int(_CHUNK / max(1.0, expected)))
        for start in range(0, replications, step):
            size = min(step, replications - start)
            if len(self.common):
                drawn = generator.multinomial(self.blocks, self.shares, size=size)
                # float matrix products are exact up to 2**53, and many times faster than whole-number ones
                part = drawn[:, :-1].astype(np.float64) @ self.common.astype(np.float64)
                part += self._draw_rare(generator, drawn[:, -1])
            else:
                part = self._draw_rare(generator, np.full(size, self.blocks, dtype=np.int64))
            sums[start : start + size] = part
        return sums

    def _draw_rare(self, generator: np.random.Generator, draws: Integers) -> Floats:
        """Return the sums of `draws[i]` rows of the rare ones, for each i."""
        sums = np.zeros((len(draws), self.rows.shape[1]))
        total = int(draws.sum())
        if not total:
            return sums
        chosen = generator.integers(0, len(self.rare), size=total)
        occupied = draws > 0
        starts = np.cumsum(draws)[occupied] - draws[occupied]
        for word in range(self.words.shape[1]):
            packed = np.add.reduceat(self.rare[:, word].take(chosen), starts)
            for column, (place, shift, mask) in enumerate(self.places):
                if place == word:
                    sums[occupied, column] = (packed >> shift) & mask
        return sums


def _pack(rows: Integers) -> tuple[Integers, list[tuple[int, int, int]]]:
    """Put columns side by side into 63-bit words, wide enough that the sums of a replication do not overflow.

    Returns:
        The words, shape (blocks, words), and for each column (word, shift, mask).
    """
    places: list[tuple[int, int, int]] = []
    word, used = 0, 0
    for column in rows.T:
        bits = max(1, (int(column.max(initial=0)) * max(1, len(rows))).bit_length())
        if used and used + bits > 63:
            word, used = word + 1, 0
        places.append((word, used, (1 << bits) - 1))
        used += bits
    words = np.zeros((len(rows), word + 1), dtype=np.int64)
    for column, (place, shift, _) in zip(rows.T, places, strict=True):
        words[:, place] |= column << shift
    return words, places


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
