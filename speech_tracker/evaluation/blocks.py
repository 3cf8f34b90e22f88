"""Which utterances belong together when a test set is resampled.

Utterances of one speaker (or one conversation) go well or badly together, so they are not independent draws from the
world. Resampling single utterances then gives an interval that is far too narrow; resampling whole speakers or sessions
does not.

Source: Z. Liu and F. Peng, "Statistical testing on ASR performance via blockwise bootstrap", Interspeech 2020,
arXiv 1912.09508.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError

UTTERANCE = "utterance"
FEW_BLOCKS = 20
"""Below this number of blocks even the block bootstrap is too optimistic, and a warning says so."""

_AUTOMATIC = ("speaker_id", "session_id")


@dataclass(frozen=True, slots=True)
class Blocks:
    """The block that each utterance belongs to.

    Attributes:
        name: the attribute that the blocks come from, or ``"utterance"``.
        labels: shape (utterances,), the number of each utterance's block, from 0.
        n_blocks: how many blocks there are.
        warning: what a reader of the interval must know, or None.
    """

    name: str
    labels: npt.NDArray[np.int64]
    n_blocks: int
    warning: str | None

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Add up the rows of each block.

        Args:
            values: shape (utterances, columns), whole numbers.

        Returns:
            Shape (n_blocks, columns).
        """
        if self.n_blocks == len(values):  # every utterance its own block, in order
            return np.asarray(values, dtype=np.int64)
        columns = [np.bincount(self.labels, weights=column, minlength=self.n_blocks) for column in values.T]
        return np.rint(np.stack(columns, axis=1)).astype(np.int64)


def choose_blocks(attributes: Mapping[str, Sequence[Any]], utterances: int, block: str | None = "auto") -> Blocks:
    """Return the blocks to resample.

    Args:
        attributes: per-utterance columns, as in `Evaluation.attributes`.
        utterances: how many utterances there are.
        block: ``"auto"`` takes whichever of ``speaker_id`` and ``session_id`` is there, and of the two the one with
            fewer values (the larger blocks, which assume less); an attribute's name takes that one; ``None`` or
            ``"utterance"`` resamples single utterances.

    Raises:
        InvalidArgumentError: there is no such attribute.
        ScoringError: the named attribute has a single value, so there is nothing to resample.
    """
    if block is None or block == UTTERANCE:
        return _single_utterances(utterances, None)
    if block != "auto":
        if block not in attributes:
            known = ", ".join(sorted(attributes)) or "none"
            raise InvalidArgumentError(
                f"no such attribute to resample by: got block={block!r}, expected 'auto', 'utterance' or one of the "
                f"attributes of this evaluation ({known}); pass attributes={{{block!r}: …}} to score()"
            )
        blocks = _by_attribute(block, attributes[block])
        if blocks.n_blocks < 2:
            raise ScoringError(
                f"there is nothing to resample: all {utterances} utterances have the same {block}; use "
                "block='utterance', and say that the interval says nothing about other speakers"
            )
        return blocks
    found = [_by_attribute(name, attributes[name]) for name in _AUTOMATIC if name in attributes]
    usable = [blocks for blocks in found if blocks.n_blocks >= 2]
    if usable:
        return min(usable, key=lambda blocks: blocks.n_blocks)
    if found:
        return _single_utterances(
            utterances,
            f"all utterances have the same {found[0].name}: single utterances were resampled, so the interval says "
            "nothing about other speakers",
        )
    return _single_utterances(utterances, None)


def _single_utterances(utterances: int, warning: str | None) -> Blocks:
    if utterances < FEW_BLOCKS:
        few = _few(utterances, "utterances")
        warning = few if warning is None else f"{warning}; {few}"
    return Blocks(UTTERANCE, np.arange(utterances, dtype=np.int64), utterances, warning)


def _by_attribute(name: str, column: Sequence[Any]) -> Blocks:
    """Number the values of a column in order of appearance; an utterance without a value is a block of its own."""
    numbers: dict[object, int] = {}
    labels = np.empty(len(column), dtype=np.int64)
    missing = 0
    for i, value in enumerate(column):
        key: object = value
        if value is None or value == "":
            missing += 1
            key = (None, i)
        labels[i] = numbers.setdefault(key, len(numbers))
    warnings = []
    if missing:
        warnings.append(f"{missing} of {len(column)} utterances have no {name}: each was taken as a block of its own")
    if len(numbers) < FEW_BLOCKS:
        warnings.append(_few(len(numbers), f"values of {name}"))
    return Blocks(name, labels, len(numbers), "; ".join(warnings) or None)


def _few(count: int, what: str) -> str:
    return (
        f"only {count} {what}: with fewer than about {FEW_BLOCKS} blocks a bootstrap interval is too narrow; "
        "method='t' is wider and safer"
    )
