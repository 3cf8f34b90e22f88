"""Alignments of many pairs at once, in three path preferences: Kaldi's, sclite's and jiwer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from speech_tracker.evaluation.tokenize import Tokenizer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Alignment = Literal["kaldi", "sclite", "jiwer"]
ALIGNMENTS: tuple[Alignment, ...] = ("kaldi", "sclite", "jiwer")

Pairs = tuple[tuple["str | None", "str | None"], ...]


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
    offsets: npt.NDArray[np.int64]
    pairs: Mapping[int, Pairs] = field(default_factory=dict)


def align_texts(
    references: Sequence[str], hypotheses: Sequence[str], *, split: Tokenizer, alignment: str = "kaldi"
) -> AlignedBatch:
    """Align each reference with the hypothesis of the same position."""
    import numpy as np

    table = np.zeros((len(references), 4), np.int32)
    offsets = np.zeros(len(references) + 1, np.int64)
    operations: list[bytes] = []
    for index, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        found = _align_pair(split(reference), split(hypothesis), alignment)
        operations.append(found)
        offsets[index + 1] = offsets[index] + len(found)
        table[index] = [found.count(letter) for letter in b"CSDI"]
    return AlignedBatch(table, b"".join(operations), offsets)


def _align_pair(reference: list[str], hypothesis: list[str], alignment: str) -> bytes:
    gap, swap = (3, 4) if alignment == "sclite" else (1, 1)
    rows, columns = len(reference), len(hypothesis)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows + 1):
        for j in range(columns + 1):
            options = []
            if i:
                options.append(cost[i - 1][j] + gap)
            if j:
                options.append(cost[i][j - 1] + gap)
            if i and j:
                options.append(cost[i - 1][j - 1] + (swap if reference[i - 1] != hypothesis[j - 1] else 0))
            cost[i][j] = min(options, default=0)
    i, j = rows, columns
    path = bytearray()
    while i or j:
        deletion = i and cost[i - 1][j] + gap == cost[i][j]
        insertion = j and cost[i][j - 1] + gap == cost[i][j]
        same = i and j and reference[i - 1] == hypothesis[j - 1]
        diagonal = i and j and cost[i - 1][j - 1] + (0 if same else swap) == cost[i][j]
        if diagonal and (alignment != "kaldi" or not (deletion or insertion)):
            path += b"C" if same else b"S"
            i, j = i - 1, j - 1
        elif insertion:
            path += b"I"
            j -= 1
        else:
            path += b"D"
            i -= 1
    path.reverse()
    return bytes(path)
