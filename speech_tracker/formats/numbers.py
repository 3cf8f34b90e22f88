"""Times and durations as they stand in speech files."""

from __future__ import annotations

import math
from decimal import Decimal


def seconds(text: object) -> float | None:
    """Return the finite number of seconds in `text`, or None when there is none.

    >>> seconds("3.50"), seconds("nan"), seconds("*")
    (3.5, None, None)
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        return None
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return None
    # float() also takes "1_000" and digits of other scripts, which no scorer reads as a time
    if isinstance(text, str) and ("_" in text or not text.isascii()):
        return None
    return value if math.isfinite(value) else None


def time_text(value: float) -> str:
    """Return the shortest decimal text of a time, never with an exponent.

    >>> time_text(3.50), time_text(1e-7)
    ('3.5', '0.0000001')
    """
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")
