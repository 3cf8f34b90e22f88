"""Texts as flat arrays of token numbers: equal tokens, and only those, have equal numbers.

For words no Python object per token is made. A word of up to 8 bytes of UTF-8 *is* its number, read from the text in one
piece. A longer one gets the position of a word that was compared with it byte by byte and found equal; such numbers
carry 0xFF or 0xFE in the top byte, which occur in no UTF-8 text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_tracker.evaluation.sclite_network import fold_case
from speech_tracker.evaluation.tokenize import Spaces, Tokenizer, Unit, tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

_LONG, _LOOKED_UP = np.uint64(0xFF << 56), np.uint64(0xFE << 56)
_MOST_BLOCKS = 6  # of 8 bytes; words beyond are looked up one by one
_SLOT_BITS = 18
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, bits well spread (2**64 over the golden ratio)
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Tokens of n texts.

    Attributes:
        keys: all tokens one after another.
        offsets: int64, shape (n + 1,): text i has ``keys[offsets[i]:offsets[i + 1]]``.
    """

    keys: npt.NDArray[np.unsignedinteger[Any]]
    offsets: npt.NDArray[np.int64]


class _Numbers(dict[Any, int]):
    """Numbers in order of first occurrence."""

    def __missing__(self, key: object) -> int:
        number = self[key] = len(self)
        return number


class KeyMaker:
    """Numbers the tokens of texts; numbers of different calls of `keys` are not comparable.

    Args:
        unit: what a token is.
        spaces: for unit ``"char"``, whether a space is one.
        case_sensitive: `False` treats ``A``-``Z`` as ``a``-``z`` and, as sclite does, no other letter.
    """

    def __init__(self, unit: Unit, spaces: Spaces = "keep", *, case_sensitive: bool = True) -> None:
        self._unit = unit
        self._keep_spaces = spaces == "keep"
        self._split: Tokenizer = tokenizer(unit, spaces)
        self._case_sensitive = case_sensitive

    def keys(self, texts: Sequence[str]) -> TokenKeys:
        """Return the tokens of each text."""
        if self._unit == "word":
            return self._of_words(texts)
        if self._unit == "char":
            return self._of_characters(texts)
        return self._one_by_one(texts)

    def _one_by_one(self, texts: Sequence[str]) -> TokenKeys:
        tokens = [self._split(text) for text in texts]
        if not self._case_sensitive:
            tokens = [[fold_case(token) for token in one] for one in tokens]
        flat = chain.from_iterable(tokens)
        return TokenKeys(np.fromiter(map(_Numbers().__getitem__, flat), np.uint32), _offsets(map(len, tokens)))

    def _of_words(self, texts: Sequence[str]) -> TokenKeys:
        encoded = encode_all(texts)
        text_starts = np.fromiter(map(len, encoded), np.int64, len(encoded))
        text_starts += 1
        text_starts = np.concatenate([[0], np.cumsum(text_starts)])
        data = b" ".join([*encoded, b" " * 16])
        if b"\0" in data:  # a short word and the same with zeros behind it would be one number
            return self._one_by_one(texts)
        if not self._case_sensitive:
            data = data.lower()
        letters = np.frombuffer(data, np.uint8)
        space = (letters - np.uint8(9)) <= np.uint8(4)
        space |= letters == np.uint8(32)
        edge = np.empty(len(space), np.bool_)
        edge[0] = not space[0]
        np.not_equal(space[1:], space[:-1], out=edge[1:])
        edges = np.flatnonzero(edge)
        starts, ends = edges[::2], edges[1::2]
        sizes = ends - starts
        eight_bytes_from = np.ndarray((len(data) - 8,), "<u8", data, strides=(1,))
        keys = eight_bytes_from[starts]
        keys &= _MASKS.take(np.minimum(sizes, 8))
        long = np.flatnonzero(sizes > 8)
        if len(long):
            keys[long] = _long_words(data, starts[long], sizes[long])
        return TokenKeys(keys, np.searchsorted(starts, text_starts))

    def _of_characters(self, texts: Sequence[str]) -> TokenKeys:
        points = _code_points(texts)
        # "\n" stands before the first text and behind each one: next to it no space is kept
        ends = np.cumsum(np.fromiter(chain((0,), map(len, texts)), np.int64, len(texts) + 1) + 1) - 1
        keep = np.ones(len(points), np.bool_)
        keep[ends] = False
        space = ((points - points.dtype.type(9)) <= 4) | (points == 32)
        inner = space & keep
        if not self._keep_spaces:
            keep &= ~space
        elif (points[inner] != 32).any() or (inner[1:] & space[:-1]).any() or (inner[:-1] & space[1:]).any():
            return self._of_characters(["".join(self._split(text)) for text in texts])
        if not self._case_sensitive:
            points[(points - points.dtype.type(65)) < 26] += 32
        return TokenKeys(points[keep], np.cumsum(keep, dtype=np.int64)[ends])


def _long_words(data: bytes, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return one number for each word of more than 8 bytes, by comparing it with one other word.

    Words are hashed into slots, and the last word of each slot stands for it. Words that equal the one of their slot
    take its position for their number; the few that do not share their slot with a different word and are looked up.
    """
    eight_bytes_from = np.ndarray((len(data) - 8,), "<u8", data, strides=(1,))
    blocks = []
    mixed = np.zeros(len(starts), np.uint64)
    for block in range(min(_MOST_BLOCKS, (int(sizes.max()) + 7) // 8)):
        # beyond its end a word is read as zeros, which stand in no text that has a word there
        rest = np.clip(sizes - 8 * block, 0, 8)
        values = eight_bytes_from[np.minimum(starts + 8 * block, len(data) - 9)] & _MASKS.take(rest)
        blocks.append(values)
        mixed = (mixed ^ values) * _MIX
        mixed ^= mixed >> np.uint64(29)
    slots = ((mixed * _MIX) >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
    speaker = np.zeros(1 << _SLOT_BITS, np.int64)
    speaker[slots] = np.arange(len(starts))
    stands_for = speaker[slots]
    equal = (sizes == sizes[stands_for]) & (sizes <= 8 * _MOST_BLOCKS)
    for values in blocks:
        equal &= values == values[stands_for]
    keys = stands_for.astype(np.uint64) | _LONG
    other = np.flatnonzero(~equal)
    if len(other):
        ends = starts + sizes
        words = [data[start:end] for start, end in zip(starts[other].tolist(), ends[other].tolist(), strict=True)]
        keys[other] = np.fromiter(map(_Numbers().__getitem__, words), np.uint64, len(words)) | _LOOKED_UP
    return keys


def _code_points(texts: Sequence[str]) -> npt.NDArray[Any]:
    """Return the code points of all texts, a line end before the first and behind each, as narrow as they fit."""
    joined = "\n".join(["", *texts, ""])
    if joined.isascii():
        return np.frombuffer(bytearray(joined, "ascii"), np.uint8)
    wide = np.frombuffer(bytearray(joined, "utf-32-le", "surrogatepass"), "<u4")
    return wide.astype(np.uint16) if int(wide.max()) < 2**16 else wide


def encode_all(texts: Sequence[str]) -> list[bytes]:
    """Encode as UTF-8, lone surrogates (from undecodable bytes) included."""
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass") for text in texts]


def _offsets(lengths: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.cumsum(np.fromiter(chain((0,), lengths), np.int64))
