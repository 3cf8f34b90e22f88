"""The head of each line of icefall's logs: ``2024-03-29 00:26:31,067 INFO [decode.py:792] (0/8) ``.

Source: icefall/utils.py, `setup_logger`. The rank and the world size stand there only in distributed training.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime

_HEADER = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)[,.](\d{3}) (DEBUG|INFO|WARNING|ERROR|CRITICAL) \[[^\]\n]*\]"
    rb"(?: \((\d+)/(\d+)\))? "
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
    try:
        moment = datetime(*(int(found[group]) for group in range(1, 7)))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return Header(None, int(found[9] or 0))
    return Header(calendar.timegm(moment.timetuple()) + int(found[7]) / 1000, int(found[9] or 0))


def date_and_rank(name: str) -> tuple[str, int]:
    """Return the date at the end of a log's name and its rank, `""` and 0 where there are none.

    >>> date_and_rank("log-train-2024-03-29-00-26-31-3")
    ('2024-03-29-00-26-31', 3)
    """
    match = _RANK_IN_NAME.search(name)
    return (match[1], int(match[2] or 0)) if match is not None else ("", 0)
