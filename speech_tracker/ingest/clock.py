"""Time in logs: how long a silence means an end, and clocks on walls whose zone nobody names."""

from __future__ import annotations

from datetime import datetime, timezone

STILL_RUNNING_SECONDS = 900.0
"""What has no end and was written to this recently is taken to be of a program that still runs."""

_COPIED_AFTER_SECONDS = 36 * 3600.0  # more than the clocks of two places on Earth can differ


def still_running(changed: float, now: float, said: float | None = None) -> bool:
    """Return whether what has no end is of a program that still runs.

    Args:
        changed: the time of its file.
        now: seconds since 1970.
        said: as in `written_last`.
    """
    return now - written_last(changed, said) < STILL_RUNNING_SECONDS


def written_last(changed: float, said: float | None) -> float:
    """Return when a program last wrote to its log, in seconds since 1970.

    A clone, an archive or a plain copy gives old files the time of the copying: a log whose own last time is days
    before that was not written then.

    Args:
        changed: the time of the file.
        said: the last time that stands in it; None where it gives none.
    """
    return said if said is not None and changed - said > _COPIED_AFTER_SECONDS else changed


def time_of_wall(wall: float | None) -> float | None:
    """Return seconds since 1970 of a clock that showed this machine's time; None where there is none.

    Args:
        wall: what the clock showed, as seconds since 1970 as if it were UTC; None where no time is told.
    """
    if wall is None:
        return None
    try:
        return datetime.fromtimestamp(wall, timezone.utc).replace(tzinfo=None).timestamp()
    except (OverflowError, ValueError, OSError):
        return None
