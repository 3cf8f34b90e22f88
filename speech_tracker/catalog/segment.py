"""What the catalog needs of one segment, without reading a long one through.

A segment's first lines say who writes it and which run it is; its last line says how it ended, and repeats the tags that
were added on the way. Only a segment that did not end needs its middle searched (for added tags), and only once: the next
look begins where the last one stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from speech_tracker.journal.reader import scan
from speech_tracker.journal.record import Record

WHOLE = 256 * 1024  # bytes that are read in one piece: on a network file system a second read costs more than these
_END = 64 * 1024  # bytes of the head and of the tail of a longer segment
_PIECE = 4 * 1024 * 1024
_TRIED = 64  # damaged lines that are passed over at either end
_NOWHERE = Path()  # damage is not reported here, so its place need not be known
_END_OF_RUN = ("status", "reason", "added_tags")
_HEADER = ("role", "host", "process", "started", "boot", "namespace", "mode")


@dataclass(slots=True)
class SegmentFacts:
    """What is known of a segment.

    Attributes:
        header: of its first record: role, host, process, start, boot id, mode.
        statements: number of the record → data of each ``run`` record.
        final: status, reason and added tags of its last ``status`` record that is not ``running``, None when it has not ended.
        warned: the status that the last signal it received stands for.
        first_time, last_time: of its first and last record, in seconds since the epoch.
        newer: the version of the journal format that it is in, when that is newer than ours.
        searched: bytes, from the beginning, that need not be read again.
    """

    header: dict[str, Any] = field(default_factory=dict)
    statements: dict[int, dict[str, Any]] = field(default_factory=dict)
    final: dict[str, Any] | None = None
    warned: str | None = None
    first_time: float | None = None
    last_time: float | None = None
    newer: int | None = None
    searched: int = 0

    @property
    def role(self) -> str:
        """``main``, ``attached``, ``forked``, ``rank``, or ``unknown`` when the first record is damaged."""
        return str(self.header.get("role", "unknown"))

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values; `from_dict` reads them."""
        plain = {name: getattr(self, name) for name in _FIELDS}  # dataclasses.asdict copies everything deeply
        return {**plain, "statements": list(self.statements.items())}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SegmentFacts:
        """Return the facts that `to_dict` gave."""
        return cls(**{**values, "statements": dict(values["statements"])})


_FIELDS = tuple(each.name for each in fields(SegmentFacts))


def read_facts(path: str, size: int, before: SegmentFacts | None = None) -> SegmentFacts:
    """Return what is known of the segment `path`, whose length is `size` bytes.

    Args:
        path: its file.
        size: bytes to look at.
        before: what was known of it when it was shorter; it is brought up to date and returned.

    Raises:
        OSError: the file cannot be read.
    """
    facts = before if before is not None and before.searched <= size else SegmentFacts()
    fd = os.open(path, os.O_RDONLY)
    try:
        begin = facts.searched
        whole = size - begin <= WHOLE
        head = os.pread(fd, size - begin, begin) if whole else _whole_lines(fd, begin, size)
        tail = head if whole else os.pread(fd, _END, size - _END)
        if begin == 0 and _has_ended(facts, head, tail, size):
            return facts
        _take(facts, head, begin)
        while not whole and facts.searched < size:
            start = facts.searched
            _take(facts, _whole_lines(fd, start, size, _PIECE), start)
            if facts.searched == start:  # an unfinished last line
                break
    finally:
        os.close(fd)
    return facts


def _has_ended(facts: SegmentFacts, head: bytes, tail: bytes, size: int) -> bool:
    """Take the facts from both ends if the last record says all that the middle could."""
    last = _last(tail)
    if last is None or last.kind != "status" or last.data["status"] == "running" or "added_tags" not in last.data:
        return False
    _begin(facts, head)
    identity = next(_of_kind(b"run", head), None)
    if identity is not None:
        facts.statements[identity.number] = identity.data
    facts.final = _kept(_END_OF_RUN, last.data)
    facts.last_time = last.time
    facts.searched = size if tail.endswith(b"\n") else size - len(tail) + tail.rfind(b"\n") + 1
    return True


def _whole_lines(fd: int, begin: int, size: int, wanted: int = _END) -> bytes:
    """Read about `wanted` bytes from `begin`, up to the end of a line; what is left when there is none."""
    data = os.pread(fd, min(wanted, size - begin), begin)
    while b"\n" not in data and begin + len(data) < size:
        more = os.pread(fd, min(_PIECE, size - begin - len(data)), begin + len(data))
        if not more:
            break
        data += more
    end = data.rfind(b"\n") + 1
    return data[:end] if end else data


def _take(facts: SegmentFacts, data: bytes, offset: int) -> None:
    """Add what `data`, lines from `offset` on, says."""
    if not data:
        return
    facts.searched = offset + data.rfind(b"\n") + 1
    if facts.first_time is None:
        _begin(facts, data, whole=offset == 0)
    for record in _of_kind(b"run", data):
        facts.statements[record.number] = record.data
    for record in _of_kind(b"status", data):
        if record.data["status"] != "running":
            facts.final = _kept(_END_OF_RUN, record.data)
    for record in _of_kind(b"event", data):
        if record.data.get("name") == "signal":
            facts.warned = str(record.data["data"].get("status", "killed"))
    last = _last(data)
    if last is not None:
        facts.last_time = last.time


def _begin(facts: SegmentFacts, data: bytes, *, whole: bool = True) -> None:
    """Take the header (only from the segment's very beginning, which `whole` says that `data` is), and the first time."""
    begin = 0
    for number in range(_TRIED):  # a damaged beginning: some other early record tells the time
        end = data.find(b"\n", begin)
        for found in scan(data[begin : end if end >= 0 else len(data)], _NOWHERE):
            if not isinstance(found, Record):
                facts.newer = found.version or facts.newer
                continue
            if whole and number == 0 and found.kind == "segment":
                facts.header = _kept(_HEADER, found.data)
            facts.first_time = found.time
            return
        if end < 0:
            return
        begin = end + 1


def _of_kind(kind: bytes, data: bytes) -> Iterator[Record]:
    """Yield the records of `kind` in `data`; only lines that may be one are read."""
    wanted, name = b'"type":"%b","data":' % kind, kind.decode()
    position = data.find(wanted)
    while position >= 0:
        begin = data.rfind(b"\n", 0, position) + 1
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        for found in scan(data[begin:end], _NOWHERE):
            if isinstance(found, Record) and found.kind == name:
                yield found
        position = data.find(wanted, end)


def _last(data: bytes) -> Record | None:
    end = len(data)
    for _ in range(_TRIED):
        while end and data[end - 1] == 10:  # newlines
            end -= 1
        if not end:
            return None
        begin = data.rfind(b"\n", 0, end) + 1
        found = [each for each in scan(data[begin:end], _NOWHERE) if isinstance(each, Record)]
        if found:
            return found[-1]
        end = begin
    return None


def _kept(keys: tuple[str, ...], data: dict[str, Any]) -> dict[str, Any]:
    return {key: data[key] for key in keys if key in data}
