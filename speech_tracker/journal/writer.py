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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from speech_tracker.encoding import encode
from speech_tracker.errors import StoreError
from speech_tracker.journal.held import Held
from speech_tracker.journal.process import describe_process
from speech_tracker.journal.record import line, opening

Durability = Literal["os", "fsync", "interval"]

logger = logging.getLogger("speech_tracker")

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


class _Open(NamedTuple):
    """An open segment. Replaced as a whole, so that a thread or a signal handler never sees half of a change."""

    fd: int
    start: bytes
    numbers: Iterator[int]


class SegmentWriter:
    """The segment of one process of one run.

    The file is made by `open` or, when the process is a fork or was unpickled, by the first `append`. A process forked
    from the one that opened it gets a segment of its own, so no two processes ever share a file.

    Args:
        run_folder: the run's folder; ``segments/`` is made in it.
        run: the run's id.
        rank: the process's rank, part of the segment's name.
        header: what the first record says of the process, beside what is added here (process, host, start).
        durability: ``os`` (survives any kill of processes), ``fsync`` (survives a power loss, each record waits for the
            disk), ``interval`` (flushed by the heartbeat, at most its period is lost by a power loss).
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
        self._header = header
        self._open: _Open | None = None
        self._closer: weakref.finalize[[int], SegmentWriter] | None = None
        self._closed = False
        self._fsync = durability == "fsync"
        self._refused = Held()
        self._lock = threading.RLock()  # for opening and for a refusing disk only, never on the path of a good write
        _writers.add(self)

    @property
    def held(self) -> int:
        """Number of records that are in memory because the disk refuses them."""
        return len(self._refused)

    @property
    def given_up(self) -> int:
        """Number of records dropped because the disk refused them and the memory limit was reached."""
        return self._refused.given_up

    def open(self) -> None:
        """Make the segment's file and write its header.

        Raises:
            StoreError: the folder cannot be made or written.
        """
        with self._lock:
            if self._open is not None or self._closed:
                return
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                name, path, fd = self._create()
                try:
                    start = opening(self.run, name)
                    text = line(start, 0, time.time(), "segment", encode({**self._header, **describe_process()}))
                    if os.write(fd, text) != len(text):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    if self.durability != "os":
                        _sync_folders(self.folder)
                except BaseException:
                    os.close(fd)
                    path.unlink(missing_ok=True)  # ours and empty: retried later, it would be one more each time
                    raise
            except OSError as error:
                raise StoreError(
                    f"the run cannot be recorded: {self.folder} cannot be written ({error.strerror or error}); "
                    "expected a folder on a disk with room and free inodes; set SPEECH_TRACKER_DIR to another one"
                ) from error
            self.name, self.path = name, path
            # The file is closed when nothing can append to it any more, not by `close`: a thread that is about to write
            # would otherwise hit a closed descriptor, or, reused by then, somebody's checkpoint.
            self._closer = weakref.finalize(self, os.close, fd)
            self._closer.atexit = False
            self._open = _Open(fd, start, itertools.count(1))

    def _create(self) -> tuple[str, Path, int]:
        while True:
            numbers = [int(found[1]) for entry in self.folder.iterdir() if (found := _SEGMENT.match(entry.name))]
            name = f"{max(numbers, default=0) + 1:04d}-rank{self.rank}"
            path = self.folder / f"{name}.jsonl"
            try:
                return name, path, _above_standard_streams(os.open(path, _FLAGS, 0o666))
            except FileExistsError:  # another process took the number in between
                continue

    def append(self, kind: str, data: Any) -> None:
        """Record `data`. When this returns, the record is with the kernel, or held and reported when it refuses."""
        content = encode(data)  # first: what cannot be encoded raises, and must not use up a number
        file = self._open
        if file is None:
            self._append_unopened(kind, content)
            return
        text = line(file.start, next(file.numbers), time.time(), kind, content)
        refused = self._refused
        if refused.waiting:
            self._hold(text)
            self._retry()
            return
        try:
            if os.write(file.fd, text) == len(text):
                if self._fsync:
                    os.fdatasync(file.fd)
                return
            refused.torn = True  # and why will be seen at the next attempt
        except OSError as error:  # also of fdatasync: the kernel may have dropped what it could not flush
            self._warn_of(error)
            self._hold(text)
            return
        self._hold(text)
        self._retry()

    def _append_unopened(self, kind: str, content: bytes) -> None:
        """Open the segment of this process and append; what comes before it can be opened is held without a number."""
        with self._lock:
            if self._closed:
                self._refused.warn_once(
                    "ended", "speech-tracker: run %s has ended in this process; what is logged now is not recorded", self.run
                )  # fmt: skip
                return
            moment = time.time()
            try:
                self.open()
            except StoreError as error:
                self._warn_of(error)
                self._hold((moment, kind, content))
                return
            self._hold((moment, kind, content))
        self._retry()

    def _warn_of(self, error: OSError) -> None:
        with self._lock:
            self._refused.warn_once(
                "refused", "speech-tracker cannot write to %s (%s): records are held in memory until it can; make room or "
                "mend the disk, the training goes on", self.path or self.folder, error.strerror or error,
            )  # fmt: skip

    def _hold(self, record: bytes | tuple[float, str, bytes]) -> None:
        with self._lock:
            if not self._refused.add(record):
                self._refused.warn_once(
                    "full", "speech-tracker: the disk of %s still refuses, and the memory for records is full: further ones "
                    "are lost until there is room", self.path or self.folder,
                )  # fmt: skip

    def _retry(self) -> None:
        """Write what is held, oldest first; what the disk still refuses stays held."""
        with self._lock:
            if self._open is None and self._refused and not self._closed:
                try:
                    self.open()
                except StoreError:
                    return
            file = self._open
            if file is None:
                return
            refused = self._refused
            error = refused.write_to(file.fd, lambda moment, kind, content: line(
                file.start, next(file.numbers), moment, kind, content))  # fmt: skip
            if error is not None:
                self._warn_of(error)
                return
            if self._fsync:
                try:
                    os.fdatasync(file.fd)
                except OSError:
                    return
            if refused.given_up > refused.told:
                lost, refused.told = refused.given_up - refused.told, refused.given_up
                self.append("problem", {"reason": f"{lost} records were lost: the disk refused them for too long",
                                        "path": str(self.path)})  # fmt: skip

    def sync(self) -> None:
        """Write what is held and ask the kernel to put everything on the disk."""
        if self._refused.waiting:
            self._retry()
        file = self._open
        if file is not None:
            try:
                os.fsync(file.fd)
            except OSError as error:
                logger.warning("speech-tracker: %s cannot be flushed to the disk (%s)", self.path, error)

    def beat(self) -> None:
        """Set the segment's modification time to now, which tells readers on other hosts that the process lives."""
        if self._refused.waiting:
            self._retry()
        file = self._open
        if file is None:
            return
        try:
            os.utime(file.fd)
            if self.durability == "interval":
                os.fdatasync(file.fd)
        except OSError:
            pass  # only a sign of life; the next write tells whether the disk works

    def close(self) -> None:
        """Write what is held and end the segment; a thread that is in the middle of `append` still gets its record in."""
        if self._closed:
            return
        self.sync()
        with self._lock:
            self._closed = True
            self._open = None
            if self.held or self.given_up:
                logger.warning(
                    "speech-tracker: %d records of run %s are lost, since %s could not be written until its end",
                    self.held + self.given_up, self.run, self.path or self.folder,
                )  # fmt: skip

    def _after_fork(self) -> None:
        """In a forked child: let go of the parent's file; the first record opens a segment of the child's own."""
        if self._closer is not None and (alive := self._closer.detach()) is not None:
            os.close(alive[2][0])
        self._open = self._closer = None
        self._lock = threading.RLock()
        self._refused = Held()  # what is held is the parent's to write
        self.name, self.path = "", None
        self._header = {**self._header, "role": "forked"}


_writers: weakref.WeakSet[SegmentWriter] = weakref.WeakSet()


def _release_after_fork() -> None:
    for writer in list(_writers):
        writer._after_fork()  # noqa: SLF001 - this module's own class


os.register_at_fork(after_in_child=_release_after_fork)


def _above_standard_streams(fd: int) -> int:
    """Return a descriptor that is none of stdin, stdout, stderr.

    Where one of those is closed, as in some daemons, its number is the next to be given, and what any library prints
    would go into the journal.
    """
    if fd > 2:
        return fd
    import fcntl

    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _sync_folders(folder: Path) -> None:
    """Put the new names on the disk: of the segment in ``segments/``, of that in the run's folder, of that in ``runs/``."""
    for each in (folder, folder.parent, folder.parent.parent):
        fd = os.open(each, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
