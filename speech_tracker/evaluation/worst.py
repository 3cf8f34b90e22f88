"""The utterances that cost most, and the pairs of words that are confused most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speech_tracker.evaluation.counts import ErrorCounts

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class WorstUtterance:
    """One utterance with its alignment.

    Attributes:
        index: its place in the evaluation.
        utterance_id: its id.
        counts: its counts.
        operations: the alignment over C, S, D, I.
        aligned: token pairs (reference, hypothesis); None opposite a deletion or an insertion.
        attributes: its speaker and whatever else is known.
    """

    index: int
    utterance_id: str
    counts: ErrorCounts
    operations: str
    aligned: tuple[tuple[str | None, str | None], ...]
    attributes: Mapping[str, Any]


def worst_utterances(evaluation: Evaluation, limit: int = 20) -> list[WorstUtterance]:
    """Return the utterances with most errors (not with the highest rate: one wrong word of one is no news).

    Among equals the higher rate comes first, then the order of the test set. Utterances without error are left out.
    """
    import numpy as np

    table = evaluation.table.astype(np.int64)
    errors = table[:, 1:].sum(axis=1)
    lengths = table[:, :3].sum(axis=1)
    rates = errors / np.maximum(lengths, 1)
    order = np.lexsort((np.arange(len(errors)), -rates, -errors))[: max(limit, 0)]
    return [utterance(evaluation, int(index)) for index in order if errors[index]]


def utterance(evaluation: Evaluation, index: int) -> WorstUtterance:
    """Return one utterance of an evaluation with its alignment."""
    return WorstUtterance(
        index,
        evaluation.utterance_ids[index],
        evaluation.counts_of(index),
        evaluation.operations(index).decode("ascii"),
        tuple(evaluation.aligned(index)),
        {name: column[index] for name, column in evaluation.attributes.items()},
    )


@dataclass(frozen=True, slots=True)
class Confusions:
    """Counted errors by their words, most frequent first, equal ones in alphabetical order."""

    substitutions: tuple[tuple[str, str, int], ...]
    deletions: tuple[tuple[str, int], ...]
    insertions: tuple[tuple[str, int], ...]


def confusions(evaluation: Evaluation, limit: int = 20) -> Confusions:
    """Count confused, deleted and inserted words; alignments without errors are not opened."""
    import numpy as np

    swapped: Counter[tuple[str, str]] = Counter()
    lost: Counter[str] = Counter()
    added: Counter[str] = Counter()
    for index in np.flatnonzero(evaluation.table[:, 1:].any(axis=1)).tolist():
        for code, (reference, hypothesis) in zip(evaluation.operations(index), evaluation.aligned(index), strict=True):
            if code == _SUBSTITUTION and reference is not None and hypothesis is not None:
                swapped[reference, hypothesis] += 1
            elif code == _DELETION and reference is not None:
                lost[reference] += 1
            elif code == _INSERTION and hypothesis is not None:
                added[hypothesis] += 1
    pairs = sorted(swapped.items(), key=lambda each: (-each[1], each[0]))[:limit]
    return Confusions(
        tuple((reference, hypothesis, count) for (reference, hypothesis), count in pairs),
        _top(lost, limit),
        _top(added, limit),
    )


def _top(counted: Counter[str], limit: int) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:limit])


_SUBSTITUTION, _DELETION, _INSERTION = b"SDI"
