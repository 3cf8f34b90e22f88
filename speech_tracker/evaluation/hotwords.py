"""Words that matter more than others: hotwords and phrases, rare words, words outside a vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.evaluation.tokenize import tokenizer
from speech_tracker.evaluation.words import WordCounts, count_words, total

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

_HIT = b"C"[0]


@dataclass(frozen=True, slots=True)
class PhraseCounts:
    """What became of one hotword or phrase.

    Attributes:
        references: times it was said.
        hypotheses: times it was recognised.
        hits: times it was said and recognised at the same place, whole and with nothing between.
    """

    references: int
    hypotheses: int
    hits: int

    @property
    def recall(self) -> float | None:
        """hits / references; None where it was never said."""
        return self.hits / self.references if self.references else None

    @property
    def precision(self) -> float | None:
        """hits / hypotheses; None where it was never recognised."""
        return self.hits / self.hypotheses if self.hypotheses else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of recall and precision."""
        both = self.references + self.hypotheses
        return 2 * self.hits / both if both else None

    def as_dict(self) -> dict[str, int | float | None]:
        """Return counts and rates, for JSON."""
        return {
            "references": self.references,
            "hypotheses": self.hypotheses,
            "hits": self.hits,
            "recall": self.recall,
            "precision": self.precision,
            "f1": self.f1,
        }


@dataclass(frozen=True, slots=True)
class Hotwords:
    """Recall and precision of a list of words and phrases.

    Attributes:
        phrases: as given → its counts.
        overall: the sum over all of them.
        biased: counts of the tokens of the list (B-WER is its `error_rate`).
        unbiased: counts of all other tokens (U-WER).
    """

    phrases: Mapping[str, PhraseCounts]
    overall: PhraseCounts
    biased: WordCounts
    unbiased: WordCounts

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names; rates that do not exist are left out."""
        return _known(
            hotword_recall=self.overall.recall,
            hotword_precision=self.overall.precision,
            hotword_f1=self.overall.f1,
            biased_wer=self.biased.error_rate,
            unbiased_wer=self.unbiased.error_rate,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "overall": self.overall.as_dict(),
            "biased": self.biased.as_dict(),
            "unbiased": self.unbiased.as_dict(),
            "phrases": {phrase: counts.as_dict() for phrase, counts in self.phrases.items()},
        }


@dataclass(frozen=True, slots=True)
class WordGroup:
    """Words picked out of a test set, and what became of them.

    Attributes:
        name: ``rare`` or ``oov``.
        words: each of them that was said or recognised → its counts.
        counts: the sum over all of them.
        others: the sum over all other words.
        token_share: share of the reference tokens that they are (the OOV rate); None without reference tokens.
        type_share: share of the distinct reference words that they are.
    """

    name: str
    words: Mapping[str, WordCounts]
    counts: WordCounts
    others: WordCounts
    token_share: float | None
    type_share: float | None

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names; rates that do not exist are left out."""
        rates = {"rate": self.token_share, "recall": self.counts.recall, "precision": self.counts.precision}
        return _known(**{f"{self.name}_{name}": value for name, value in rates.items()})


def hotwords(evaluation: Evaluation, phrases: Iterable[str]) -> Hotwords:
    """Count how often words and phrases were said, recognised, and both at the same place.

    Args:
        evaluation: what `score` returned.
        phrases: written as in the scored texts, that is after normalisation; split into tokens as these were.

    Raises:
        InvalidArgumentError: the list is empty or one of its entries is.
        InvalidTypeError: it is a single string.
    """
    split = tokenizer(evaluation.unit, evaluation.spaces)
    listed = {phrase: tuple(split(phrase)) for phrase in _listed(phrases)}
    for phrase, tokens in listed.items():
        if not tokens:
            raise InvalidArgumentError(
                f"a hotword without words: got {phrase!r}, expected a word or a phrase; leave it out"
            )
    starts: dict[str, list[tuple[str, ...]]] = {}
    for tokens in dict.fromkeys(listed.values()):
        starts.setdefault(tokens[0], []).append(tokens)
    references: Counter[tuple[str, ...]] = Counter()
    hypotheses: Counter[tuple[str, ...]] = Counter()
    hits: Counter[tuple[str, ...]] = Counter()
    for index in range(len(evaluation)):
        aligned = evaluation.aligned(index)
        operations = evaluation.operations(index)
        said = [(token, place) for place, (token, _) in enumerate(aligned) if token is not None]
        heard = [token for _, token in aligned if token is not None]
        for tokens, first in _occurrences([token for token, _ in said], starts):
            references[tokens] += 1
            begin, end = said[first][1], said[first + len(tokens) - 1][1] + 1
            whole = operations[begin:end]
            hits[tokens] += len(whole) == len(tokens) and all(code == _HIT for code in whole)
        hypotheses.update(tokens for tokens, _ in _occurrences(heard, starts))
    counted = {
        phrase: PhraseCounts(references[tokens], hypotheses[tokens], hits[tokens]) for phrase, tokens in listed.items()
    }
    words = count_words(evaluation)
    on_list = {token for tokens in listed.values() for token in tokens}
    return Hotwords(
        counted,
        PhraseCounts(references.total(), hypotheses.total(), hits.total()),
        total({word: counts for word, counts in words.items() if word in on_list}),
        total({word: counts for word, counts in words.items() if word not in on_list}),
    )


def rare_words(evaluation: Evaluation, training: Mapping[str, int], *, at_most: int = 5) -> WordGroup:
    """Count the words that training saw at most `at_most` times, unseen ones included.

    Args:
        evaluation: what `score` returned.
        training: word → how often it occurs in the training text, normalised as the scored texts are.
        at_most: what counts as rare.
    """
    return _group("rare", count_words(evaluation), lambda word: training.get(word, 0) <= at_most)


def out_of_vocabulary(evaluation: Evaluation, vocabulary: Collection[str]) -> WordGroup:
    """Count the words that are not in a vocabulary.

    `WordGroup.token_share` is the OOV rate. A word-based recogniser cannot recognise these; one of subwords or
    characters can, and `WordGroup.counts.recall` says how often it does.

    Args:
        evaluation: what `score` returned.
        vocabulary: normalised as the scored texts are.

    Raises:
        InvalidTypeError: it is a single string.
    """
    if isinstance(vocabulary, str):
        raise InvalidTypeError(
            f"the vocabulary is one string: got {vocabulary[:50]!r}, expected a set or list of words"
        )
    known = vocabulary if isinstance(vocabulary, (set, frozenset, dict)) else set(vocabulary)
    return _group("oov", count_words(evaluation), lambda word: word not in known)


def _group(name: str, words: Mapping[str, WordCounts], picks: Any) -> WordGroup:
    chosen = {word: counts for word, counts in words.items() if picks(word)}
    others = {word: counts for word, counts in words.items() if word not in chosen}
    inside, outside = total(chosen), total(others)
    tokens = inside.references + outside.references
    types = sum(1 for counts in words.values() if counts.references)
    chosen_types = sum(1 for counts in chosen.values() if counts.references)
    return WordGroup(
        name,
        chosen,
        inside,
        outside,
        inside.references / tokens if tokens else None,
        chosen_types / types if types else None,
    )


def _occurrences(
    tokens: list[str], starts: Mapping[str, list[tuple[str, ...]]]
) -> Iterable[tuple[tuple[str, ...], int]]:
    for place, token in enumerate(tokens):
        for phrase in starts.get(token, ()):
            if tuple(tokens[place : place + len(phrase)]) == phrase:
                yield phrase, place


def _listed(phrases: Iterable[str]) -> list[str]:
    if isinstance(phrases, str):
        raise InvalidTypeError(
            f"the hotwords are one string: got {phrases[:50]!r}, expected a list of words and phrases"
        )
    found = list(dict.fromkeys(phrases))
    if not found:
        raise InvalidArgumentError("no hotwords: got an empty list, expected at least one word or phrase")
    return found


def _known(**rates: float | None) -> dict[str, float]:
    return {name: value for name, value in rates.items() if value is not None}
