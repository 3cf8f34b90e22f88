"""Values come back as they were given, also those that JSON has no words for."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speech_tracker.encoding import Tagged, decode, encode, tag, tag_number

# with surrogates, which st.text leaves out by default
_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXT)
_KEYS = st.one_of(
    _TEXT, st.sampled_from(["$", "$float", "$int", "$text", "$dict", "a/b/c", "", "\x00", "$ü", "\udfff"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in value and class: NaN is NaN, -0.0 is not 0.0, True is not 1, 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@settings(deadline=None, max_examples=400)
@given(_VALUES)
@example({"$float": "nan"})
@example({"$dict": [["$dict", []]]})
@example({"$float": "nan", "b": 1})
@example([{"$text": "a"}, "$text"])
@example({"a": {"$x": [float("nan"), 2**64, -(2**63) - 1, "\ud83d"]}})
@example("\ud83d\ude00")  # two lone halves, not the face that they would make together
def test_what_is_encoded_comes_back_the_same(value: Any) -> None:
    assert same(decode(encode(tag(value))), value)


@settings(deadline=None, max_examples=200)
@given(_VALUES)
def test_a_line_of_json_is_one_line_that_any_reader_of_json_takes(value: Any) -> None:
    text = encode(tag(value))
    assert b"\n" not in text
    json.loads(text.decode("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@settings(deadline=None, max_examples=100)
@given(_VALUES)
def test_tagging_twice_changes_nothing(value: Any) -> None:
    assert encode(tag(tag(value))) == encode(tag(value))


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.integers(), st.floats(), st.integers(2**62, 2**66), st.integers(-(2**66), -(2**62))))
def test_numbers_keep_value_and_class(number: float) -> None:
    assert same(decode(encode({"x": tag_number(number)})), {"x": number})


def test_large_integers_and_lone_surrogates_are_found_where_nobody_tagged_them() -> None:
    data = {"values": {"x": 2**200}, "text": "half \ud800"}
    assert decode(encode(data)) == data


@pytest.mark.parametrize("value", [2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**400])
def test_integers_at_the_edges_are_exact(value: int) -> None:
    assert decode(encode(tag(value))) == value


def test_what_cannot_be_written_is_refused_at_once() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})


def test_a_tagged_value_is_told_from_a_dictionary_that_looks_like_one() -> None:
    assert decode(encode(tag({"$float": "inf"}))) == {"$float": "inf"}
    assert decode(encode(tag(Tagged({"$float": "inf"})))) == math.inf
