"""Records that the disk refuses: kept in memory, in order, until it takes them again."""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress

logger = logging.getLogger("speech_tracker")

AT_MOST = 64 * 1024 * 1024
"""Bytes of records that are kept in memory; beyond that, new ones are dropped, counted and reported."""

Unnumbered = tuple[float, str, bytes]
"""Time, kind and encoded content of a record that came before its segment could be opened."""


class Held:
    """The records of one segment that wait for the disk.

    Attributes:
        torn: a write was cut short, so the file ends in a part of a line: a newline goes before the next record.
        given_up: number of records dropped because of the memory limit.
        told: how many of these the journal already says.
    """

    __slots__ = ("_bytes", "_records", "_warned", "given_up", "told", "torn")

    def __init__(self) -> None:
        self.torn = False
        self.given_up = 0
        self.told = 0
        self._records: deque[bytes | Unnumbered] = deque()
        self._bytes = 0
        self._warned: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def waiting(self) -> bool:
        """Whether something has to be written before the next record may go the short way."""
        return bool(self._records) or self.torn

    def add(self, record: bytes | Unnumbered) -> bool:
        """Keep `record`; return False when the memory limit is reached and it was dropped."""
        size = _size(record)
        if self._bytes + size > AT_MOST:
            self.given_up += 1
            return False
        self._bytes += size
        self._records.append(record)
        return True

    def write_to(self, fd: int, number: Callable[[float, str, bytes], bytes]) -> OSError | None:
        """Write everything, oldest first; return why it cannot be written, None when nothing is left.

        A signal handler that logs may come in here a second time: a record is taken off only after it was written, and
        only by whoever finds it still first. At worst it is written twice, which readers drop; it is never lost.

        Args:
            fd: the segment's file.
            number: makes the line of a record that has no number yet.
        """
        while self._records:
            record = self._records[0]
            if not isinstance(record, bytes):
                text = number(*record)
                if self._records[0] is not record:
                    continue
                self._bytes += len(text) - _size(record)
                self._records[0] = record = text
            text = b"\n" + record if self.torn else record
            try:
                written = os.write(fd, text)
            except OSError as error:
                return error
            if written != len(text):
                self.torn = True
                return OSError(errno.ENOSPC, "only a part of a record was taken")
            self.torn = False
            if self._records and self._records[0] is record:
                self._records.popleft()
                self._bytes -= len(record)
        if self._warned and not self.torn:
            self._warned &= {"ended"}
            logger.info("speech-tracker: the disk takes records again; everything that was held is written")
        return None

    def warn_once(self, topic: str, message: str, *arguments: object) -> None:
        """Log a warning, once per topic until the disk has taken everything again."""
        if topic not in self._warned:
            self._warned.add(topic)
            with suppress(Exception):  # logging itself raises where stderr was closed
                logger.warning(message, *arguments)


def _size(record: bytes | Unnumbered) -> int:
    return len(record) if isinstance(record, bytes) else len(record[2]) + 100
