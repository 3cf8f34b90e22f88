"""Faults for tests: a journal whose disk is full, fails after some writes, or is slow.

Only writes to segments of journals are touched; everything else that the process writes goes on as it was, so a training
in the body still saves its checkpoints.
"""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Write = Callable[[int, bytes], int]


@dataclass
class Writes:
    """What happened to the journal's writes so far.

    Attributes:
        passed: number that reached the disk.
        hurt: number that failed, were torn, or were delayed.
    """

    passed: int = 0
    hurt: int = 0


@contextmanager
def failing_writes(
    *, after: int = 0, times: int | None = None, error: int = errno.EIO, torn: bool = False
) -> Iterator[Writes]:
    """Let the journal's writes fail in the body.

    Args:
        after: how many succeed first.
        times: how many fail; all the rest when None.
        error: what they fail with, an `errno`.
        torn: whether the first one that fails has half of its bytes written, as happens when a disk fills up.
    """
    seen = Writes()

    def write(fd: int, data: bytes, real: Write) -> int:
        if seen.passed + seen.hurt < after or (times is not None and seen.hurt >= times):
            seen.passed += 1
            return real(fd, data)
        seen.hurt += 1
        if torn and seen.hurt == 1:
            return real(fd, data[: len(data) // 2])
        raise OSError(error, os.strerror(error))

    with _replaced(write):
        yield seen


@contextmanager
def full_disk(*, after: int = 0, times: int | None = None) -> Iterator[Writes]:
    """Let the journal's disk be full in the body: a torn line, then ``ENOSPC``; there is room again afterwards.

    Args:
        after: how many writes succeed first.
        times: after how many refusals there is room again, within the body.
    """
    with failing_writes(after=after, times=times, error=errno.ENOSPC, torn=True) as seen:
        yield seen


@contextmanager
def slow_writes(seconds: float) -> Iterator[Writes]:
    """Let each of the journal's writes take so much longer in the body, as on a file server under load."""
    seen = Writes()

    def write(fd: int, data: bytes, real: Write) -> int:
        seen.hurt += 1
        time.sleep(seconds)
        return real(fd, data)

    with _replaced(write):
        yield seen


@contextmanager
def limited_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes in the body; the kernel refuses with ``EFBIG``.

    The only one here that hurts whatever the process writes.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _replaced(write: Callable[[int, bytes, Write], int]) -> Iterator[None]:
    real = os.write

    def replacement(fd: int, data: Any, /) -> int:
        return write(fd, data, real) if _is_segment(fd) else real(fd, data)

    os.write = replacement
    try:
        yield
    finally:
        os.write = real


def _is_segment(fd: int) -> bool:
    """Whether a file descriptor is a segment's: asked of the kernel, so that no part of the journal has to take part."""
    try:
        path = Path(os.readlink(f"/proc/self/fd/{fd}"))  # noqa: PTH115 - no file, but the kernel's word for one
    except OSError:
        return False
    return path.suffix == ".jsonl" and path.parent.name == "segments"
