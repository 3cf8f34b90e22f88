"""Appending to a segment: when `append` returns, the record survives the death of the process.

One record is one ``write(2)`` to a file opened with ``O_APPEND``, so the kernel has it, whole and in place, before the
caller goes on; no buffer of ours is in between. No lock is taken on that path: the number comes from an atomic counter
and the kernel orders the writes, so threads log at once and a signal handler may log in the middle of a log call.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import re
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any, Literal, Protocol

from speech_tracker.errors import StoreError
from speech_tracker.journal.record import line, opening

Durability = Literal["os", "fsync", "interval"]

logger = logging.getLogger("speech_tracker")

HELD_AT_MOST = 64 * 1024 * 1024  # bytes of records kept in memory while the disk refuses them
_SEGMENT = re.compile(r"^(\d{4,})-rank(\d+)\.jsonl$")
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


class Sink(Protocol):
    """What a `Run` appends to."""

    def append(self, kind: str, data: Any) -> None:
        """Record `data`; never raises for a reason of the disk."""

    def sync(self) -> None:
        """Ask the kernel to put what was recorded on the disk."""

    def beat(self) -> None:
        """Show that the writing process is alive, without a record."""

    def close(self) -> None:
        """Write what is held and close; appending afterwards is dropped."""


class NullSink:
    """Takes everything and keeps nothing: a disabled run, or a rank that does not write."""

    def append(self, kind: str, data: Any) -> None:
        """Drop `data`."""

    def sync(self) -> None:
        """Do nothing."""

    def beat(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class SegmentWriter:
    """The segment of one process of one run.

    The file is made by `open` or, when the process is a fork or was unpickled, by the first `append`. A process forked
    from the one that opened it gets a segment of its own, so no two processes ever share a file.

    Args:
        run_folder: the run's folder; ``segments/`` is made in it.
        run: the run's id.
        rank: the process's rank, part of the segment's name.
        header: content of the segment's first record, without what this class adds (process, host, times).
        durability: ``"os"``: survives any kill of processes; ``"fsync"``: each record survives a power loss as well;
            ``"interval"``: a power loss costs what was recorded since the last `sync`.
    """

    def __init__(
        self, run_folder: Path, run: str, *, rank: int, header: dict[str, Any], durability: Durability = "os"
    ) -> None:
        self.folder = run_folder / "segments"
        self.run = run
        self.rank = rank
        self.durability = durability
        self.name = ""
        self.path: Path | None = None
        self.swallowed = 0  # records given up because the disk refused them and the memory limit was reached
        self._header = header
        self._fd = -1
        self._closed = False
        self._start = b""
        self._numbers = itertools.count()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._torn = False
        self._lock = threading.RLock()  # for opening and for a refusing disk only, never on the path of a good write
        _writers.add(self)

    @property
    def held(self) -> int:
        """Number of records that are in memory because the disk refuses them."""
        return len(self._held)

    def open(self) -> None:
        """Make the segment's file and write its header.

        Raises:
            StoreError: the folder cannot be made or written.
        """
        with self._lock:
            if self._fd >= 0:
                return
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                fd = self._create()
                self._start = opening(self.run, self.name)
                self._numbers = itertools.count(1)
                text = line(self._start, 0, time.time(), "segment", {**self._header, **_process()})
                if os.write(fd, text) != len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise StoreError(
                    f"the run cannot be recorded: {self.folder} cannot be written ({error.strerror or error}); "
                    "expected a folder on a disk with room and free inodes; set SPEECH_TRACKER_DIR to another one"
                ) from error
            self._fd = fd  # last: another thread that sees it may append at once

    def _create(self) -> int:
        while True:
            numbers = [int(found[1]) for entry in self.folder.iterdir() if (found := _SEGMENT.match(entry.name))]
            self.name = f"{max(numbers, default=0) + 1:04d}-rank{self.rank}"
            self.path = self.folder / f"{self.name}.jsonl"
            try:
                return os.open(self.path, _FLAGS, 0o666)
            except FileExistsError:  # another process took the number in between
                continue

    def append(self, kind: str, data: Any) -> None:
        """Record `data`. When this returns, the record is with the kernel, or held and reported when it refuses."""
        if self._fd < 0:
            if self._closed:
                return
            try:
                self.open()
            except StoreError as error:
                self._hold(
                    line(opening(self.run, self.name or "unopened"), next(self._numbers), time.time(), kind, data),
                    error,
                )
                return
        text = line(self._start, next(self._numbers), time.time(), kind, data)
        if self._held or self._torn:
            self._retry(text)
            return
        try:
            written = os.write(self._fd, text)
            if written == len(text):
                if self.durability == "fsync":
                    os.fdatasync(self._fd)
                return
            self._torn = True
            self._hold(text, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        except OSError as error:
            self._hold(text, error)

    def _hold(self, text: bytes, error: OSError) -> None:
        with self._lock:
            if not self._held:
                logger.warning(
                    "speech-tracker cannot write to %s (%s): records are held in memory until it can; make room or "
                    "mend the disk, the training goes on",
                    self.path or self.folder,
                    error.strerror or error,
                )
            if self._held_bytes + len(text) > HELD_AT_MOST:
                self.swallowed += 1
                return
            self._held.append(text)
            self._held_bytes += len(text)

    def _retry(self, text: bytes | None) -> None:
        """Write what is held, oldest first, then `text`; what the disk still refuses stays held."""
        with self._lock:
            if text is not None:
                self._held.append(text)
                self._held_bytes += len(text)
            while self._held and self._fd >= 0:
                first = b"\n" + self._held[0] if self._torn else self._held[0]  # ends the torn line
                try:
                    written = os.write(self._fd, first)
                except OSError:
                    return
                if written != len(first):
                    self._torn = True
                    return
                self._torn = False
                self._held_bytes -= len(self._held.popleft())

    def sync(self) -> None:
        """Write what is held and ask the kernel to put everything on the disk."""
        if self._held or self._torn:
            self._retry(None)
        if self._fd >= 0:
            try:
                os.fsync(self._fd)
            except OSError as error:
                logger.warning("speech-tracker: %s cannot be flushed to the disk (%s)", self.path, error)

    def beat(self) -> None:
        """Set the segment's modification time to now, which tells readers on other hosts that the process lives."""
        if self._fd < 0:
            return
        try:
            os.utime(self._fd)
            if self._held or self._torn:
                self._retry(None)
            if self.durability == "interval":
                os.fdatasync(self._fd)
        except OSError:
            pass  # only a sign of life; the next write tells whether the disk works

    def close(self) -> None:
        """Write what is held and close the file."""
        self.sync()
        with self._lock:
            self._closed = True
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _after_fork(self) -> None:
        """In a forked child: let go of the parent's file; the first record opens a segment of the child's own."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._lock = threading.RLock()
        self._held.clear()  # they are the parent's to write
        self._held_bytes = 0
        self._torn = False
        self._header = {**self._header, "role": "forked"}


_writers: weakref.WeakSet[SegmentWriter] = weakref.WeakSet()


def _release_after_fork() -> None:
    for writer in list(_writers):
        writer._after_fork()  # noqa: SLF001 - this module's own class


os.register_at_fork(after_in_child=_release_after_fork)


def _process() -> dict[str, Any]:
    return {
        "process": os.getpid(),
        "host": os.uname().nodename,
        "started": process_start(os.getpid()),
        "boot": boot_id(),
    }


def process_start(process: int) -> float | None:
    """Return when `process` of this host was started, in clock ticks since boot; None when there is no such process.

    Together with the process id it tells a living process from a later one that was given the same id.
    """
    try:
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return _process_start_without_proc(process)


def _process_start_without_proc(process: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return None


def boot_id() -> str | None:
    """Return an id of this host's current boot (Linux), so that a process id of before a reboot is known as gone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
