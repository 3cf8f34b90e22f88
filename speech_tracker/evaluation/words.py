"""How often each word was said, heard and recognised: what word lists and vocabularies are looked up in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from speech_tracker.evaluation.tokenize import tokenizer

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

_HIT, _SUBSTITUTION, _DELETION, _INSERTION = b"CSDI"


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What became of one word, or of several together.

    Attributes:
        hits: times it was recognised.
        substituted: times it was said and something else was recognised.
        deleted: times it was said and nothing was recognised.
        wrongly_heard: times it was recognised in place of another word.
        inserted: times it was recognised where nothing was said.
    """

    hits: int
    substituted: int
    deleted: int
    wrongly_heard: int
    inserted: int

    @property
    def references(self) -> int:
        """Times it was said."""
        return self.hits + self.substituted + self.deleted

    @property
    def hypotheses(self) -> int:
        """Times it was recognised, rightly or wrongly."""
        return self.hits + self.wrongly_heard + self.inserted

    @property
    def recall(self) -> float | None:
        """Share of the times it was said in which it was recognised; None where it was never said."""
        return self.hits / self.references if self.references else None

    @property
    def precision(self) -> float | None:
        """Share of the times it was recognised in which it was said; None where it was never recognised."""
        return self.hits / self.hypotheses if self.hypotheses else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of recall and precision; None where it was neither said nor recognised."""
        total = self.references + self.hypotheses
        return 2 * self.hits / total if total else None

    @property
    def error_rate(self) -> float | None:
        """(substituted + deleted + inserted) / references: the error rate of these words alone.

        With the words of a biasing list it is B-WER, with all others U-WER; their errors add up to those of the WER.

        Source: D. Le et al., "Contextualized streaming end-to-end speech recognition with trie-based deep biasing and
        shallow fusion", Interspeech 2021.
        """
        errors = self.substituted + self.deleted + self.inserted
        return errors / self.references if self.references else None

    def __add__(self, other: WordCounts) -> WordCounts:
        return WordCounts(
            self.hits + other.hits,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.wrongly_heard + other.wrongly_heard,
            self.inserted + other.inserted,
        )

    def as_dict(self) -> dict[str, int | float | None]:
        """Return counts and rates, for JSON."""
        return {
            "references": self.references,
            "hypotheses": self.hypotheses,
            "hits": self.hits,
            "substituted": self.substituted,
            "deleted": self.deleted,
            "wrongly_heard": self.wrongly_heard,
            "inserted": self.inserted,
            "recall": self.recall,
            "precision": self.precision,
            "error_rate": self.error_rate,
        }


NO_WORDS = WordCounts(0, 0, 0, 0, 0)
"""The neutral element of addition."""


def count_words(evaluation: Evaluation) -> dict[str, WordCounts]:
    """Count every token of an evaluation, in the evaluation's unit, most frequent in the references first."""
    split = tokenizer(evaluation.unit, evaluation.spaces)
    hits: Counter[str] = Counter()
    others: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
    substituted, deleted, wrongly_heard, inserted = others
    wrong = np.asarray(evaluation.table[:, 1:].any(axis=1))
    for index, has_errors in enumerate(wrong):
        if not has_errors and index not in evaluation.pairs:
            hits.update(split(evaluation.references[index]))
            continue
        for code, (reference, hypothesis) in zip(evaluation.operations(index), evaluation.aligned(index), strict=True):
            if code == _HIT:
                hits[str(reference)] += 1
            elif code == _SUBSTITUTION:
                substituted[str(reference)] += 1
                wrongly_heard[str(hypothesis)] += 1
            elif code == _DELETION:
                deleted[str(reference)] += 1
            else:
                inserted[str(hypothesis)] += 1
    words = {
        word: WordCounts(hits[word], *(counter[word] for counter in others))
        for word in hits.keys() | substituted.keys() | deleted.keys() | wrongly_heard.keys() | inserted.keys()
    }
    return dict(sorted(words.items(), key=lambda each: (-each[1].references, -each[1].hypotheses, each[0])))


def total(words: Mapping[str, WordCounts]) -> WordCounts:
    """Add up the counts of several words."""
    sums = np.zeros(5, dtype=np.int64)
    for counts in words.values():
        sums += (counts.hits, counts.substituted, counts.deleted, counts.wrongly_heard, counts.inserted)
    return WordCounts(*sums.tolist())
