"""Time in logs: how long a silence means an end, and clocks on walls whose zone nobody names."""

from __future__ import annotations

from datetime import datetime, timezone

STILL_RUNNING_SECONDS = 900.0
"""What has no end and was written to this recently is taken to be of a program that still runs."""


def time_of_wall(wall: float) -> float | None:
    """Return seconds since 1970 of a clock that showed this machine's time; None where there is no such moment.

    Args:
        wall: what the clock showed, as seconds since 1970 as if it were UTC.
    """
    try:
        return datetime.fromtimestamp(wall, timezone.utc).replace(tzinfo=None).timestamp()
    except (OverflowError, ValueError, OSError):
        return None
