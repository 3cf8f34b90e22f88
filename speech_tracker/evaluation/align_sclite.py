"""Alignment of two networks of words, as sclite does it; for the few utterances that are more than a row of words.

Source: SCTK, `calculate_internal_cells` and `extract_NET_ALIGN_result` (net_dp.c), `wwd_WORD` (word.c).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.sclite_network import Arc, Network, ScliteRules, parse_network
from speech_tracker.evaluation.tokenize import Tokenizer

Pair = tuple["str | None", "str | None"]

_GAP, _SWAP, _OPTIONAL_GAP, _NULL_SWAP = 3.0, 4.0, 2.0, 1.0
_SINGLE = struct.Struct("f")


def _single(value: float) -> float:
    """Round to single precision: sclite adds up costs in C floats, and the sums decide between paths."""
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded


_NULL_GAP = _single(0.001)


@dataclass(frozen=True, slots=True)
class NetworkPath:
    """The preferred path through two networks.

    Attributes:
        operations: over the bytes ``C``, ``S``, ``D``, ``I``, from left to right.
        pairs: the words of each operation; an optional word that was not spoken is a hit opposite ``""``.
    """

    operations: bytes
    pairs: tuple[Pair, ...]


class TextError(ScoringError):
    """A text cannot be read.

    Attributes:
        position: of the pair.
        side: ``"reference"`` or ``"hypothesis"``.
        reason: what is wrong with the text.
    """

    def __init__(self, position: int, side: str, reason: str) -> None:
        super().__init__(f"{side} {position}: {reason}")
        self.position, self.side, self.reason = position, side, reason

    def __reduce__(self) -> tuple[type[TextError], tuple[int, str, str]]:
        return TextError, (self.position, self.side, self.reason)


def align_texts(
    pair: tuple[str, str], rules: ScliteRules, split: Tokenizer | None, *, case_sensitive: bool, position: int = 0
) -> NetworkPath:
    """Align a reference and a hypothesis with alternates or other marks in them.

    Args:
        pair: reference and hypothesis.
        rules: what to look for in them.
        split: splits a word further, or `None`.
        case_sensitive: `False` compares ``A``-``Z`` as ``a``-``z``.
        position: of the pair, for the message of the error.

    Raises:
        TextError: a text cannot be read.
    """
    networks = []
    for side, text in zip(("reference", "hypothesis"), pair, strict=True):
        try:
            networks.append(parse_network(text, rules, split or _whole, case_sensitive=case_sensitive))
        except ScoringError as error:  # noqa: PERF203 - two rounds
            raise TextError(position, side, str(error)) from None
    return align_networks(*networks)


def refuse_alternates(
    references: Sequence[str], hypotheses: Sequence[str], rules: ScliteRules, position: int = 0
) -> None:
    """Raise a `TextError` at the first text with alternates: where spaces count, they cannot be scored."""
    for side, texts in (("reference", references), ("hypothesis", hypotheses)):
        for index, text in enumerate(texts):
            if "{" in text and rules.alternates:
                reason = (
                    f"alternates with counted spaces: got {text[:60]!r}, expected no brace where a space is a "
                    "character; pass spaces='remove' (as `sclite -c` does), or switch alternates off"
                )
                raise TextError(position + index, side, reason)


def _whole(word: str) -> list[str]:
    return [word]


def align_networks(reference: Network, hypothesis: Network) -> NetworkPath:
    """Return the path that sclite takes through two networks."""
    left, right = reference.arcs, hypothesis.arcs
    exact = _single if any(arc.is_null for arc in (*left, *right)) else float
    width = len(right)
    cost = [0.0] * (len(left) * width)
    came_from = [0] * len(cost)
    for b in range(1, width):
        best = min(right[b].previous, key=cost.__getitem__)
        cost[b] = exact(cost[best] + _gap(right[b]))
        came_from[b] = best
    for a in range(1, len(left)):
        word, row = left[a], a * width
        above = tuple(position * width for position in word.previous)
        deleting = _gap(word)
        best = min(above, key=cost.__getitem__)
        cost[row] = exact(cost[best] + deleting)
        came_from[row] = best
        for b in range(1, width):
            other = right[b]
            # min() returns the first of equals, which is the one that sclite keeps
            ways_in = [row + position for position in other.previous]
            insert = min(ways_in, key=cost.__getitem__)
            delete = min([start + b for start in above], key=cost.__getitem__)
            swap = min([start + position for start in above for position in other.previous], key=cost.__getitem__)
            inserted = exact(cost[insert] + _gap(other))
            deleted = exact(cost[delete] + deleting)
            swapped = exact(cost[swap] + _swap(word, other))
            if swapped <= deleted and swapped <= inserted:
                cost[row + b], came_from[row + b] = swapped, swap
            elif deleted < inserted:
                cost[row + b], came_from[row + b] = deleted, delete
            else:
                cost[row + b], came_from[row + b] = inserted, insert
    end = min((a * width + b for a in reference.last for b in hypothesis.last), key=cost.__getitem__)
    return _trace(left, right, came_from, end)


def _gap(arc: Arc) -> float:
    return _NULL_GAP if arc.is_null else _OPTIONAL_GAP if arc.is_optional else _GAP


def _swap(word: Arc, other: Arc) -> float:
    if word.is_null and other.is_null:
        return _NULL_SWAP
    return 0.0 if word.agrees_with(other) else _SWAP


def _trace(left: tuple[Arc, ...], right: tuple[Arc, ...], came_from: list[int], end: int) -> NetworkPath:
    width = len(right)
    operations = bytearray()
    pairs: list[Pair] = []
    place = end
    while place:
        before = came_from[place]
        a, b = divmod(place, width)
        word, other = left[a], right[b]
        if before // width == a:  # the row stays: a word of the hypothesis alone
            if not other.is_null:
                operations += b"C" if other.is_optional else b"I"
                pairs.append(("" if other.is_optional else None, other.shown))
        elif before % width == b:
            if not word.is_null:
                operations += b"C" if word.is_optional else b"D"
                pairs.append((word.shown, "" if word.is_optional else None))
        elif not (word.is_null and other.is_null):
            operations += b"C" if word.agrees_with(other) else b"S"
            pairs.append((word.shown, other.shown))
        place = before
    operations.reverse()
    return NetworkPath(bytes(operations), tuple(reversed(pairs)))
