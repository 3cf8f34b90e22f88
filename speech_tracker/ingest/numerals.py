"""Numbers as C++ streams, awk and Python print them into logs."""

from __future__ import annotations

import math

NUMBER = rb"([-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan(?:\([^()\s]*\))?|inf(?:inity)?|1\.#\w+))"
"""One captured number: a sign, an exponent with or without ``+``, ``nan``, ``inf`` and Windows' ``1.#QNAN``.

A run of digits can be divided in one way only, so that a line of digits alone is not tried in all ways.
"""

WHOLE = rb"(\d+)"
"""One captured count."""


_TOO_LARGE = 1 << 63
"""What is more is damage, and cannot be written down as a number of JSON."""


def number(text: bytes) -> float:
    """Return the value of a number that `NUMBER` matched.

    >>> number(b"1.45e+06"), number(b"-inf"), number(b"-1.#IND")
    (1450000.0, -inf, nan)

    Raises:
        ValueError: the text is no number.
    """
    try:
        return float(text)
    except ValueError:
        plain = text.lower().lstrip(b"+-")
        if plain.startswith(b"1.#inf"):
            return -math.inf if text.startswith(b"-") else math.inf
        if plain.startswith((b"nan", b"1.#")):
            return math.nan
        raise


def whole(text: bytes) -> int:
    """Return a count; C++ prints large sums of floats as ``1.2e+06``, which is whole as well.

    Raises:
        ValueError: the text is no whole number, or one that no log counts to.
    """
    try:
        count = int(text)
    except ValueError:
        value = number(text)
        if not value.is_integer():
            raise
        count = int(value)
    if abs(count) >= _TOO_LARGE:
        raise ValueError("more than 64 bits")
    return count
