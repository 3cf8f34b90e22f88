"""Records written down and read back: whatever a broken log made of them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.ingest.codec import RecordCodec


@dataclass(frozen=True, slots=True)
class Said:
    number: float | int | None
    text: str
    pairs: tuple[tuple[str, float], ...] = ()


CODEC = RecordCodec((sys.modules[__name__],))
TEXTS = st.sampled_from(["!", "!nan", "!!5", "!17", "nan", "5", ""]) | st.text(st.characters(codec="utf-8"), max_size=5)
NUMBERS = st.floats() | st.integers() | st.sampled_from([2**63, 2**63 - 1, -(2**63), 10**400, True]) | st.none()


def through_json(record: Said) -> Said:
    found = CODEC.decode(orjson.loads(orjson.dumps(CODEC.encode(record))))
    assert isinstance(found, Said)
    return found


@settings(max_examples=300, deadline=None)
@given(NUMBERS, TEXTS, st.lists(st.tuples(TEXTS, st.floats()), max_size=3))
def test_a_record_is_what_it_was(number, text, pairs):
    record = Said(number, text, tuple(pairs))
    assert repr(through_json(record)) == repr(record)


def test_numbers_that_json_does_not_have_are_kept():
    assert math.isnan(through_json(Said(math.nan, "")).number)
    assert through_json(Said(10**30, "!")) == Said(10**30, "!")
