"""Alignment "jiwer" against jiwer."""

from __future__ import annotations

from typing import Any

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.evaluation.align import Aligner

few_words = st.lists(st.sampled_from("ab"), max_size=12).map(" ".join)
some_words = few_words.filter(bool)  # jiwer refuses an empty reference where it is given alone
long_words = st.lists(st.sampled_from("abc"), min_size=60, max_size=150).map(" ".join)
_LETTER = {"equal": "C", "substitute": "S", "insert": "I", "delete": "D"}


def by_jiwer(alignment: list[Any]) -> str:
    return "".join(
        _LETTER[chunk.type] * max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for chunk in alignment
    )


def ours(reference: str, hypothesis: str, **options: Any) -> str:
    return Aligner("jiwer", **options).align([reference], [hypothesis]).operations.decode()


@settings(max_examples=400, deadline=None)
@given(some_words, few_words)
def test_operations_equal_jiwer(reference: str, hypothesis: str) -> None:
    assert ours(reference, hypothesis) == by_jiwer(jiwer.process_words(reference, hypothesis).alignments[0])


@settings(max_examples=30, deadline=None)
@given(long_words, long_words)
def test_operations_of_long_utterances_equal_jiwer(reference: str, hypothesis: str) -> None:
    assert ours(reference, hypothesis) == by_jiwer(jiwer.process_words(reference, hypothesis).alignments[0])


@settings(max_examples=100, deadline=None)
@given(some_words, few_words)
def test_characters_with_spaces_equal_jiwer(reference: str, hypothesis: str) -> None:
    wanted = jiwer.process_characters(reference, hypothesis)
    assert ours(reference, hypothesis, unit="char", spaces="keep") == by_jiwer(wanted.alignments[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(some_words, few_words), min_size=1, max_size=30))
def test_counts_of_a_batch_equal_jiwer(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [left for left, _ in pairs], [right for _, right in pairs]
    wanted = jiwer.process_words(references, hypotheses)
    got = Aligner("jiwer").align(references, hypotheses).table.sum(axis=0).tolist()
    assert got == [wanted.hits, wanted.substitutions, wanted.deletions, wanted.insertions]


@pytest.mark.parametrize("size", [100, 700])
def test_a_transcript_of_many_words_equals_jiwer(size: int) -> None:
    reference = [f"w{(7 * i * i) % 31}" for i in range(size)]
    hypothesis = [word for i, word in enumerate(reference) if i % 9] + ["w1", "w2"]
    hypothesis[5:5] = ["w3"] * 20
    left, right = " ".join(reference), " ".join(hypothesis)
    assert ours(left, right) == by_jiwer(jiwer.process_words(left, right).alignments[0])
