"""Alignments of many pairs at once, with the path preference of each reference scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from speech_tracker.evaluation.align_groups import PairedKeys, align_groups
from speech_tracker.evaluation.preference import Preference, preference
from speech_tracker.evaluation.token_keys import KeyMaker
from speech_tracker.evaluation.tokenize import Spaces, Unit

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

Pairs = tuple[tuple["str | None", "str | None"], ...]

CHUNK = 8192
"""Pairs aligned at a time: large enough for vector operations, small enough to stay in cache and bound the memory."""

_HIT = ord("C")


@dataclass(frozen=True, slots=True)
class AlignedBatch:
    """The alignments of n utterances.

    Attributes:
        table: int32, shape (n, 4): hits, substitutions, deletions, insertions.
        operations: the operations of all utterances one after another, over the bytes ``C``, ``S``, ``D``, ``I``.
        offsets: int64, shape (n + 1,): utterance i has ``operations[offsets[i]:offsets[i + 1]]``.
        pairs: only for utterances whose aligned tokens do not follow from their text (alternates, optional words).
    """

    table: npt.NDArray[np.int32]
    operations: bytes
    offsets: Integers
    pairs: Mapping[int, Pairs] = field(default_factory=dict)

    @classmethod
    def join(cls, parts: Sequence[AlignedBatch]) -> AlignedBatch:
        """Put batches one after another."""
        if len(parts) == 1:
            return parts[0]
        offsets = [np.zeros(1, np.int64)]
        pairs: dict[int, Pairs] = {}
        utterances = operations = 0
        for part in parts:
            offsets.append(part.offsets[1:] + operations)
            pairs.update({utterances + index: value for index, value in part.pairs.items()})
            utterances += len(part.table)
            operations += len(part.operations)
        tables = [np.zeros((0, 4), np.int32), *(part.table for part in parts)]
        return cls(np.concatenate(tables), b"".join(part.operations for part in parts), np.concatenate(offsets), pairs)


def align_texts(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    alignment: str = "kaldi",
    unit: Unit = "word",
    spaces: Spaces = "keep",
    case_sensitive: bool = True,
) -> AlignedBatch:
    """Align each reference with the hypothesis at the same place.

    Args:
        references: n texts.
        hypotheses: n texts.
        alignment: whose path preference to follow.
        unit: what a token is.
        spaces: for unit ``"char"``, whether a space is a token.
        case_sensitive: whether ``A`` and ``a`` are different letters.
    """
    maker = KeyMaker(unit, spaces, case_sensitive=case_sensitive)
    chosen = preference(alignment)
    parts = []
    for start in range(0, max(len(references), 1), CHUNK):
        parts.append(_align_chunk(references[start : start + CHUNK], hypotheses[start : start + CHUNK], maker, chosen))
        maker.forget()
    return AlignedBatch.join(parts)


def _align_chunk(
    references: Sequence[str], hypotheses: Sequence[str], maker: KeyMaker, chosen: Preference
) -> AlignedBatch:
    # Equal texts are hits throughout whatever the preference: every other path costs something.
    unequal = [reference != hypothesis for reference, hypothesis in zip(references, hypotheses, strict=True)]
    reference_keys = maker.keys(references)
    which = np.flatnonzero(unequal)
    hypothesis_keys = maker.keys([hypotheses[index] for index in which.tolist()])
    reference_lengths = np.diff(reference_keys.offsets)
    hypothesis_lengths = reference_lengths.copy()
    hypothesis_lengths[which] = np.diff(hypothesis_keys.offsets)
    sides = PairedKeys(
        reference_keys.keys,
        hypothesis_keys.keys,
        reference_keys.offsets[:-1][which],
        hypothesis_keys.offsets[:-1],
        reference_lengths[which],
        hypothesis_lengths[which],
    )
    heads = tails = np.zeros(len(which), np.int64)
    if chosen.trims:
        heads, tails = sides.trim()
    groups = list(align_groups(sides, chosen))

    path_lengths = reference_lengths.copy()
    substitutions = np.zeros(len(references), np.int64)
    for group, paths in groups:
        path_lengths[which[group]] = paths.lengths + heads[group] + tails[group]
        substitutions[which[group]] = paths.substitutions
    offsets = np.concatenate([[0], np.cumsum(path_lengths)])
    codes = np.full(offsets[-1], _HIT, np.uint8)
    for group, paths in groups:
        starts = offsets[which[group]] + heads[group]
        written = np.cumsum(paths.lengths) - paths.lengths
        codes[np.repeat(starts - written, paths.lengths) + np.arange(len(paths.codes))] = paths.codes

    table = np.empty((len(references), 4), np.int32)
    table[:, 1] = substitutions
    table[:, 2] = path_lengths - hypothesis_lengths
    table[:, 3] = path_lengths - reference_lengths
    table[:, 0] = reference_lengths - table[:, 1] - table[:, 2]
    return AlignedBatch(table, codes.tobytes(), offsets)
