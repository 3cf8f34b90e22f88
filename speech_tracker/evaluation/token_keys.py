"""Texts as flat arrays of token numbers: equal tokens, and only those, have equal numbers.

For words no Python object per token is made: a word of up to 8 bytes of UTF-8 *is* its number, read from the text eight
bytes at a time. Longer ones are looked up; their numbers carry 0xFF in the top byte, which occurs in no UTF-8 text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_tracker.evaluation.tokenize import Spaces, Tokenizer, Unit, tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

_LONG = np.uint64(0xFF << 56)
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)
_MOST_REMEMBERED = 1_000_000


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
    """Numbers tokens; one instance must serve all texts that are compared with each other.

    Args:
        unit: what a token is.
        spaces: for unit ``"char"``, whether a space is one.
        case_sensitive: `False` treats ``A``-``Z`` as ``a``-``z`` and, as sclite does, no other letter.
    """

    def __init__(self, unit: Unit, spaces: Spaces = "keep", *, case_sensitive: bool = True) -> None:
        self._unit = unit
        self._split: Tokenizer = tokenizer(unit, spaces)
        self._case_sensitive = case_sensitive
        self._numbers = _Numbers()

    def keys(self, texts: Sequence[str]) -> TokenKeys:
        """Return the tokens of each text."""
        if self._unit == "word":
            return self._of_words(texts)
        if self._unit == "char":
            return self._of_characters(texts)
        tokens = [self._split(text) for text in texts]
        if not self._case_sensitive:
            tokens = [[fold_case(token) for token in one] for one in tokens]
        flat = chain.from_iterable(tokens)
        return TokenKeys(np.fromiter(map(self._numbers.__getitem__, flat), np.uint32), _offsets(map(len, tokens)))

    def forget(self) -> None:
        """Drop what was remembered if it has grown large; numbers made before are then void."""
        if len(self._numbers) > _MOST_REMEMBERED:
            self._numbers.clear()

    def _of_words(self, texts: Sequence[str]) -> TokenKeys:
        encoded = encode_all(texts)
        text_starts = np.fromiter(map(len, encoded), np.int64, len(encoded))
        text_starts += 1
        text_starts = np.concatenate([[0], np.cumsum(text_starts)])
        data = b" ".join([*encoded, b" " * 16])
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
            number = self._numbers
            words = [data[start:end] for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True)]
            keys[long] = np.fromiter(map(number.__getitem__, words), np.uint64, len(words)) | _LONG
        return TokenKeys(keys, np.searchsorted(starts, text_starts))

    def _of_characters(self, texts: Sequence[str]) -> TokenKeys:
        # a tokeniser for characters only removes or merges spaces, so its tokens joined are the text to be counted
        cleaned = ["".join(self._split(text)) for text in texts]
        joined = "".join(cleaned)
        if not self._case_sensitive:
            joined = fold_case(joined)
        points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
        return TokenKeys(points, _offsets(map(len, cleaned)))


def encode_all(texts: Sequence[str]) -> list[bytes]:
    """Encode as UTF-8, lone surrogates (from undecodable bytes) included."""
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass") for text in texts]


def fold_case(text: str) -> str:
    """Return the text with ``A``-``Z`` as ``a``-``z`` and every other letter unchanged.

    >>> fold_case("ÉTÉ")
    'ÉtÉ'
    """
    return text.translate(_FOLD)


_FOLD = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _offsets(lengths: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.cumsum(np.fromiter(chain((0,), lengths), np.int64))
