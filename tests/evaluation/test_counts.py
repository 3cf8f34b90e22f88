"""Counts add, and refuse to be averaged."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.evaluation import ErrorCounts

small = st.integers(0, 50)
counts = st.builds(ErrorCounts, small, small, small, small)


@given(st.lists(counts, max_size=10))
def test_the_sum_has_the_sum_of_every_count(many: list[ErrorCounts]) -> None:
    total = sum(many, ErrorCounts.zero())
    for name, value in total.as_dict().items():
        assert value == sum(getattr(each, name) for each in many)
    if many:
        assert sum(many) == total


@given(counts, counts, counts)
def test_addition_is_associative_and_commutative(a: ErrorCounts, b: ErrorCounts, c: ErrorCounts) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + ErrorCounts.zero() == a


@given(st.lists(st.tuples(small, small, small, small), max_size=20))
def test_a_table_gives_what_its_rows_add_up_to(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows, np.int32).reshape(-1, 4)
    assert ErrorCounts.from_table(table) == sum(map(ErrorCounts.from_array, rows), ErrorCounts.zero())


def test_lengths_follow_from_the_counts() -> None:
    found = ErrorCounts(hits=10, substitutions=3, deletions=2, insertions=1)
    assert (found.reference_length, found.hypothesis_length, found.errors) == (15, 14, 6)
    assert found.error_rate == found.wer == 6 / 15
    assert found.match_error_rate == 6 / 16
    assert found.sentence_error_rate == 1.0
    assert (found.substitution_rate, found.deletion_rate, found.insertion_rate) == (3 / 15, 2 / 15, 1 / 15)


def test_information_measures_equal_those_of_jiwer() -> None:
    wanted = jiwer.process_words("a b c d e f", "a x c d e g h")
    found = ErrorCounts(wanted.hits, wanted.substitutions, wanted.deletions, wanted.insertions)
    assert found.match_error_rate == pytest.approx(wanted.mer)
    assert found.word_information_lost == pytest.approx(wanted.wil)
    assert found.word_information_preserved == pytest.approx(wanted.wip)


def test_an_empty_reference_has_counts_and_no_rate() -> None:
    found = ErrorCounts(0, 0, 0, 3)
    assert found.error_rate is None
    assert found.word_information_lost == 1.0
    assert (found + ErrorCounts(10, 0, 0, 0)).error_rate == 0.3
    assert ErrorCounts.zero().word_information_lost is None
    assert ErrorCounts.zero().sentence_error_rate is None


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(lambda found: found / 2, id="division"),
        pytest.param(lambda found: 2 / found, id="as-a-divisor"),
        pytest.param(lambda found: found // 2, id="floor"),
        pytest.param(lambda found: 0.5 * found, id="scaling"),
        pytest.param(lambda found: found * 3, id="repetition"),
        pytest.param(float, id="float"),
    ],
)
def test_counts_refuse_to_be_averaged(operation: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="counts add, but cannot be averaged"):
        operation(ErrorCounts(1, 1, 0, 0))


@pytest.mark.parametrize("other", [1, 0.5, None, "a", False])
def test_only_counts_are_added(other: object) -> None:
    with pytest.raises(TypeError):
        operator.add(ErrorCounts(1, 0, 0, 0), other)


@pytest.mark.parametrize("value", [0.5, "3", None, True])
def test_a_count_is_a_whole_number(value: Any) -> None:
    with pytest.raises(InvalidTypeError, match="substitutions is not a count"):
        ErrorCounts(1, value, 0, 0)


def test_counts_of_numpy_become_plain_numbers() -> None:
    assert type(ErrorCounts(np.int32(1), 0, 0, 0).hits) is int  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((-1, 0, 0, 0), "hits is negative"),
        ((1, 0, 0, 0, 1, 1), "contradict"),
        ((1, 2, 0, 0, 3, 3), "contradict"),
        ((1, 2, 0, 0, 3, 0), "contradict"),
        ((1, 2, 0, 0, 1, 2), "contradict"),
        ((1, 2, 0, 0, 3), "utterances_with_errors is missing"),
    ],
)
def test_impossible_counts_are_refused(arguments: tuple[int, ...], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        ErrorCounts(*arguments)


def test_the_line_is_the_one_of_compute_wer() -> None:
    assert ErrorCounts(50638, 3337, 427, 695, 2703, 1500).kaldi_line() == (
        "%WER 8.20 [ 4459 / 54402, 695 ins, 427 del, 3337 sub ]"
    )
    assert ErrorCounts(0, 0, 0, 1).kaldi_line("CER") == "%CER nan [ 1 / 0, 1 ins, 0 del, 0 sub ]"
