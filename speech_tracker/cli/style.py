"""The colours that mean something."""

from __future__ import annotations

from speech_tracker.cli.document import Cell

_STATUS = {
    "running": "bold green",
    "finished": "green",
    "failed": "bold red",
    "killed": "red",
    "preempted": "yellow",
    "unreadable": "magenta",
}


def status_cell(status: str, reason: str | None = None) -> Cell:
    """Return a status in its colour, with the reason behind it where one is known."""
    return Cell(f"{status} ({reason})" if reason else status, _STATUS.get(status, ""))
