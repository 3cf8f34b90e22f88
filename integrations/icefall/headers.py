"""The head of each line of icefall's logs: ``2024-03-29 00:26:31,067 INFO [decode.py:792] (0/8) ``.

Source: icefall/utils.py, `setup_logger`. The rank and the world size stand there only in distributed training.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

_HEADER = re.compile(
    rb"(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)[,.](\d{3}) (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \[[^\]\n]*\]"
    rb"(?: \((\d+)/\d+\))? "
)
_RANK_IN_NAME = re.compile(r"-(\d{4}(?:-\d\d){5})(?:-(\d+))?$")


@dataclass(frozen=True, slots=True)
class Header:
    """When and where a line was written.

    Attributes:
        time: seconds since 1970 by the clock on the wall, its time zone not taken into account; None when not there.
        rank: of the process, 0 where it does not say.
    """

    time: float | None
    rank: int


def header_of(match: re.Match[bytes]) -> Header:
    """Return the head of the line that a message was found in."""
    text = match.string
    start = text.rfind(b"\n", 0, match.start()) + 1
    found = _HEADER.match(text, start, match.start())
    if found is None:
        return Header(None, 0)
    rank = int(found[6]) if found[6] is not None else 0
    midnight = _midnight(found[1])
    if midnight is None:
        return Header(None, rank)
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4])
    if hours > 23 or minutes > 59 or seconds > 59:
        return Header(None, rank)
    return Header(midnight + 3600 * hours + 60 * minutes + seconds + int(found[5]) / 1000, rank)


@lru_cache(maxsize=64)
def _midnight(date: bytes) -> int | None:
    """Seconds since 1970 at which a day began; None where there is no such day."""
    try:
        return calendar.timegm(datetime.strptime(date.decode(), "%Y-%m-%d").timetuple())  # noqa: DTZ007
    except ValueError:
        return None


def date_and_rank(name: str) -> tuple[str, int]:
    """Return the date at the end of a log's name and its rank, `""` and 0 where there are none.

    >>> date_and_rank("log-train-2024-03-29-00-26-31-3")
    ('2024-03-29-00-26-31', 3)
    """
    match = _RANK_IN_NAME.search(name)
    return (match[1], int(match[2] or 0)) if match is not None else ("", 0)
