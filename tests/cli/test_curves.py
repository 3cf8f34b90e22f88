from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_tracker.cli.curves import Curve, chart, spark

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def test_a_falling_curve_falls_from_the_top_left_to_the_bottom_right() -> None:
    lines = chart([Curve("loss", [(x, 10.0 - x) for x in range(11)])], width=40, height=10)
    body = [re.sub(r"\x1b\[\d*m", "", line).partition("┤")[2] for line in lines[:-2]]
    places = [line.rstrip() for line in body]
    assert all(len(upper) < len(lower) for upper, lower in pairwise(places))
    assert "10" in lines[0]
    assert "━" in lines[-1]
    assert "loss" in lines[-1]


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0.0, 1.0)],
        [(1.0, 1.0), (1.0, 2.0)],
        [(0.0, math.nan), (1.0, math.inf)],
        [(0.0, -1.7e308), (1.0, 1.7e308)],
        [(-1.7e308, 0.0), (1.7e308, 1.0)],
    ],
)
def test_nothing_is_drawn_of_what_is_no_curve(points: list[tuple[float, float]]) -> None:
    assert chart([Curve("loss", points)], width=40, height=10) == []


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30), st.integers(20, 100), st.integers(5, 20))
def test_no_numbers_break_a_drawing_or_its_frame(points: list[tuple[float, float]], width: int, height: int) -> None:
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in chart([Curve("x", points)], width=width, height=height)]
    assert len(lines) in (0, height)


@given(st.lists(NUMBERS, max_size=60), st.integers(1, 30))
def test_a_sparkline_is_never_wider_than_it_may_be(values: list[float], width: int) -> None:
    assert len(spark(values, width)) <= width
