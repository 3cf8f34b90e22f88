"""Times, ages and sizes as people read them."""

from __future__ import annotations

import time
from datetime import datetime

from speech_tracker.view import iso

_AGES = ((60.0, "s", 1.0), (3600.0, "min", 60.0), (2 * 86400.0, "h", 3600.0), (float("inf"), "d", 86400.0))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def utc(seconds: float | None) -> str | None:
    """Return a moment in ISO 8601 in UTC, with milliseconds."""
    return iso(seconds)


def local(seconds: float | None) -> str:
    """Return a moment in local time, to the minute."""
    return "-" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def ago(seconds: float | None, *, now: float | None = None) -> str:
    """Return how long ago a moment was, roughly; a moment to come (clocks differ) is ``now``.

    >>> ago(0.0, now=7200.0)
    '2 h ago'
    """
    if seconds is None:
        return "-"
    age = (time.time() if now is None else now) - seconds
    return "now" if age < 1 else f"{duration(age)} ago"


def duration(seconds: float) -> str:
    """Return a length of time, roughly.

    >>> duration(95), duration(20), duration(8000)
    ('2 min', '20 s', '2 h')
    """
    for limit, unit, size in _AGES:
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return ""


def size(count: float | None) -> str:
    """Return a number of bytes in a unit of which it is at least one.

    >>> size(2048)
    '2.0 KiB'
    """
    if count is None:
        return "-"
    place = 0
    while count >= 1024 and place < len(_SIZES) - 1:
        count /= 1024
        place += 1
    return f"{count:.0f} B" if place == 0 else f"{count:.1f} {_SIZES[place]}"
