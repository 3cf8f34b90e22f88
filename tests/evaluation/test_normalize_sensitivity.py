from __future__ import annotations

import pytest

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.normalize_sensitivity import sensitivity
from speech_tracker.evaluation.show import sensitivity_text

REFERENCES = {"u1": "Hello, world!", "u2": "a b c d"}
CASED = {"u1": "Hello, world!", "u2": "a b x x"}
PLAIN = {"u1": "hello world", "u2": "a b c d"}


def test_a_ranking_that_turns_with_the_normaliser_is_named():
    found = sensitivity(REFERENCES, {"cased": CASED, "plain": PLAIN}, ["none", "lower", "basic"])
    assert [found.rates(row) for row in range(3)] == [(2 / 6, 2 / 6), (2 / 6, 2 / 6), (2 / 6, 0.0)]
    assert found.changes == ()  # a tie is no change
    worse = CASED | {"u2": "a b c x"}
    found = sensitivity(REFERENCES, {"cased": worse, "plain": PLAIN}, ["none", "basic"])
    assert [str(change) for change in found.changes] == [
        "cased is better than plain under none (1), plain is better under basic (1)"
    ]
    assert (found.ranking(0), found.ranking(1)) == (("cased", "plain"), ("plain", "cased"))
    text = sensitivity_text(found).plain
    assert "The ranking depends on the normalizer" in text
    assert "16.67" in text


def test_one_system_has_no_ranking():
    text = sensitivity_text(sensitivity(REFERENCES, {"plain": PLAIN}, ["none"])).plain
    assert "ranking" not in text
    assert text.splitlines()[1].split() == ["none", "(1)", "33.33", "6"]


def test_what_a_normaliser_warns_of_is_kept():
    found = sensitivity({"u": "हिन्दी"}, {"s": {"u": "हिन्दी"}}, ["whisper-basic"])
    assert len(found.warnings) == 1
    assert "Devanagari" in found.warnings[0]


def test_nothing_to_compare_is_refused():
    with pytest.raises(InvalidArgumentError, match="nothing to compare"):
        sensitivity(REFERENCES, {}, ["none"])
