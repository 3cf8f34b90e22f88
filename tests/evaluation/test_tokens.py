"""Tokens as text and tokens as numbers are the same tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.evaluation import token_keys
from speech_tracker.evaluation.sclite_network import fold_case
from speech_tracker.evaluation.token_keys import KeyMaker
from speech_tracker.evaluation.tokenize import split_characters, split_mixed, split_words, tokenizer

letters = st.sampled_from(
    [*"abAB \t\n", "é", "中", "の", "한", "𠀀", "\u00a0", "\x1c", "\x0b", "\0", "\udce9", "longerthan8", "longerthan9"]
)
texts = st.lists(st.lists(letters, max_size=12).map("".join), max_size=8)
units = st.sampled_from([("word", "keep"), ("char", "keep"), ("char", "remove"), ("mixed", "keep")])


def groups(values: list[Any]) -> list[int]:
    """Each value as the position of the first one that equals it."""
    return [values.index(value) for value in values]


@settings(max_examples=200, deadline=None)
@given(texts, units, st.booleans())
def test_numbers_are_equal_where_tokens_are(many: list[str], unit: Any, case_sensitive: bool) -> None:
    found = KeyMaker(*unit, case_sensitive=case_sensitive).keys(many)
    split = tokenizer(*unit)
    tokens = [[token if case_sensitive else fold_case(token) for token in split(text)] for text in many]
    assert found.offsets.tolist() == [sum(map(len, tokens[:index])) for index in range(len(many) + 1)]
    assert groups(found.keys.tolist()) == groups([token for one in tokens for token in one])


@pytest.mark.parametrize("slot_bits", [0, 1, 18])
def test_long_words_are_told_apart_even_where_their_slots_collide(
    slot_bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_keys, "_SLOT_BITS", slot_bits)
    words = [f"{'x' * length}{ending}" for length in (8, 9, 15, 16, 17, 40, 47, 48, 90) for ending in "ab"] * 2
    found = KeyMaker("word").keys([" ".join(words)])
    assert groups(found.keys.tolist()) == groups(words)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我要 check一下e-mail", ["我", "要", "check", "一", "下", "e-mail"]),
        ("カメラを使うAI", [*"カメラを使う", "AI"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("𠀀b", ["𠀀", "b"]),
        ("你好,world", ["你", "好", ",world"]),
        ("", []),
    ],
)
def test_mixed_tokens_are_single_han_and_kana_and_whole_other_words(text: str, tokens: list[str]) -> None:
    assert split_mixed(text) == tokens


def test_words_are_separated_by_ascii_space_alone() -> None:
    assert split_words(" a\tb\u00a0c\u3000d\n\x0be\x1cf ") == ["a", "b\u00a0c\u3000d", "e\x1cf"]


def test_a_run_of_space_is_one_character() -> None:
    assert split_characters("  a \t b\n") == ["a", " ", "b"]
