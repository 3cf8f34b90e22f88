"""The headers before Fairseq's messages, and one description of a message under all of them.

``2024-05-01 10:00:00 | INFO | train | message`` (from 0.9 on), ``[2024-05-01 10:00:00,123][train][INFO] - message`` (Hydra),
``| message`` (before 0.9), and the bare message in the file of ``--log-file``.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from typing import Any

from speech_tracker.ingest.scan import LINE_START, Message

_HEADER = re.compile(
    rb"(?:(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[.,\d]* \| \w+ \| ([^|\n]*)"
    rb"|\[(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[.,\d]*\]\[([^\]\n]*)\]\[\w+)"
)
_LONGEST_HEADER = 300


def said(
    record: type[Any],
    marker: bytes,
    pattern: bytes,
    *,
    open_ended: bool = False,
    common: bool = False,
    build: Callable[..., Any] | None = None,
) -> tuple[Message, ...]:
    """Return the messages that Fairseq logs, under each of its headers.

    Args:
        record: as for `speech_tracker.ingest.scan.Message`.
        marker: how the message begins, without any header.
        pattern: the message. One capturing group per field.
        open_ended: likewise.
        common: likewise; without a header every message is, for anything may stand at the start of a line.
        build: likewise.
    """
    return (
        Message(record, marker, pattern, b" | ", open_ended, common, build),
        Message(record, marker, pattern, b"] - ", open_ended, common, build),
        Message(record, b"| " + marker, rb"\| " + pattern, LINE_START, open_ended, common, build),
        Message(record, marker, pattern, LINE_START, open_ended, True, build),
    )


def header_of(match: re.Match[bytes]) -> tuple[float | None, str]:
    """Return what stands before a message: its time, and the name of the logger that said it.

    The time is that of a clock without zone, in seconds since 1970; see `time_of_wall`.
    """
    data = match.string
    start = max(data.rfind(b"\n", 0, match.start()) + 1, match.start() - _LONGEST_HEADER)
    found = _HEADER.search(data, start, match.start())
    if found is None:
        return None, ""
    day, hour, name = found.groups()[:3] if found[1] is not None else found.groups()[3:]
    try:
        parsed = time.strptime(f"{day.decode()} {hour.decode()}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None, ""
    return float(calendar.timegm(parsed)), name.decode("utf-8", "backslashreplace").strip()
