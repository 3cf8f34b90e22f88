"""The processes that a tool started, found wherever they went: W&B's worker leaves the process group of the training."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "BENCHMARK_FAMILY"
"""Variable of the environment that every descendant inherits."""


def members(mark: str) -> list[int]:
    """Return the living processes whose environment has the mark."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):  # another user's, or gone meanwhile
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def wait(mark: str, seconds: float) -> None:
    """Return when all have ended, or after some seconds."""
    until = time.monotonic() + seconds
    while members(mark) and time.monotonic() < until:
        time.sleep(0.05)


def kill(mark: str) -> None:
    """Kill all, also those that are started meanwhile; return when they are gone."""
    while left := members(mark):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
