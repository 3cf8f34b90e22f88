"""The configuration that Fairseq prints, which is almost Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.integrations.fairseq.config_text import parse_config

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_what_python_prints_is_read_back(config):
    assert parse_config(repr(config)) == config


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), VALUES, max_size=5))
def test_a_namespace_becomes_the_entry_args(arguments):
    text = "Namespace(" + ", ".join(f"{key}={value!r}" for key, value in arguments.items()) + ")"
    assert parse_config(text) == {"args": arguments}
    assert parse_config(f"{{'common': {{'seed': 1}}, 'model': {text}, 'task': {text}}}") == {
        "common": {"seed": 1},
        "args": arguments,
    }


def test_members_of_enumerations_objects_and_infinities_are_texts():
    text = (
        "{'a': static, 'b': [gelu, -inf, nan], 'c': PosixPath('x (y)'), 'd': <object at 0x7f>, 'e': (1, 2), 'f': 1e-05}"
    )
    assert parse_config(text) == {
        "a": "static",
        "b": ["gelu", "-inf", "nan"],
        "c": "PosixPath('x (y)')",
        "d": "<object at 0x7f>",
        "e": [1, 2],
        "f": 1e-05,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a'}",
        "{'a': }",
        "{'a': 1} and more",
        "Namespace(a)",
        "Namespace(a=1",
        "[1]",
        "{'a': [" * 500,
        "{'a': f((",
    ],
)
def test_damage_is_told_by_a_value_error(text):
    with pytest.raises(ValueError, match=r"character|ends|configuration|levels"):
        parse_config(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}[]()'\"=,: \\aN1.-<>", max_size=60))
def test_no_text_raises_anything_else(text):
    try:
        parse_config(text)
    except ValueError:
        pass
