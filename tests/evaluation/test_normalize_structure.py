from __future__ import annotations

import pytest

from speech_tracker.evaluation.normalize import get_normalizer
from speech_tracker.evaluation.normalize_structure import KeepingStructure


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("I'VE { Um, / UH! / @ } as", "i've { um / uh / @ } as"),
        ("{the/this} Is", "{ the / this } is"),
        ("a { [x] b / ?! } c", "a { x b / @ } c"),
        ("{ a / { B / C } d } e", "{ a / { b / c } d } e"),
        ("{ A / @ } (Word.) x/y", "{ a / @ } (word) x y"),
        ("{ { a / b } / c }", "{ { a / b } / c }"),
        ("no (Alternates) here / there", "no alternates here there"),
    ],
)
def test_words_are_normalised_and_the_marks_stay(text, normal):
    assert KeepingStructure(get_normalizer("basic"))(text) == normal


def test_it_is_recorded_as_the_normaliser_within():
    inner = get_normalizer("basic")
    outer = KeepingStructure(inner)
    assert (outer.name, outer.version, outer.digest) == (inner.name, inner.version, inner.digest)
