"""The head of each line of WeNet's logs: that of Python's logging, or that of absl, which names no year."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timezone

from speech_tracker.ingest.clock import time_of_wall

_LOGGING = re.compile(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)[,.](\d{3})\d* ")
_ABSL = re.compile(rb"[IWEFD](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3})\d*\s")
_LEAP_YEAR = 1972
"""In which moments of logs without a year are put; it has every day that there is."""


def time_of(match: re.Match[bytes]) -> float | None:
    """Return when the line was written that a message was found in: seconds by the clock on the wall, None if unknown.

    They are counted since 1970; those of a log without years lie in 1972.
    """
    text = match.string
    start = text.rfind(b"\n", 0, match.start()) + 1
    found = _LOGGING.match(text, start, match.start())
    if found is not None:
        numbers = [int(found[group]) for group in range(1, 8)]
    else:
        found = _ABSL.match(text, start, match.start())
        if found is None:
            return None
        numbers = [_LEAP_YEAR, *(int(found[group]) for group in range(1, 7))]
    try:
        moment = datetime(*numbers[:6])  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    return calendar.timegm(moment.timetuple()) + numbers[6] / 1000


def has_year(wall: float) -> bool:
    """Return whether a moment is of a log that names years."""
    return datetime.fromtimestamp(wall, timezone.utc).year != _LEAP_YEAR


def local_time(wall: float | None) -> float | None:
    """Return seconds since 1970 of a wall clock that showed this machine's time; None where the year is not known."""
    return None if wall is None or not has_year(wall) else time_of_wall(wall)
