"""Corrections for making many comparisons at once.

With 20 comparisons of equal systems, one comes out "significant at 5 %" on average.

Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979;
Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B 1995.
"""

from __future__ import annotations

from collections.abc import Sequence

from speech_tracker.errors import InvalidArgumentError


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p values: those at or below 0.05 are significant with a 5 % chance of *any* false one.

    Args:
        p_values: of all comparisons that were made, not only of those worth printing.

    Raises:
        InvalidArgumentError: a value is not a probability.
    """
    order = _ascending(p_values)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p values: of those at or below 0.05, at most 5 % are false ones on average.

    Args:
        p_values: of all comparisons that were made.

    Raises:
        InvalidArgumentError: a value is not a probability.
    """
    order = _ascending(p_values)
    adjusted = [0.0] * len(p_values)
    lowest = 1.0
    for place in range(len(order) - 1, -1, -1):
        lowest = min(lowest, p_values[order[place]] * (len(p_values) / (place + 1)))
        adjusted[order[place]] = lowest
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    for p in p_values:
        if not 0 <= p <= 1:
            raise InvalidArgumentError(
                f"not a p value: got {p!r}, expected a number from 0 to 1; pass the p values of the tests themselves"
            )
    return sorted(range(len(p_values)), key=lambda index: p_values[index])
