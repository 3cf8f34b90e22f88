"""Reading segments: damaged lines are skipped and reported, torn ends waited for, nothing is locked or changed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from speech_tracker.journal.record import NotARecord, Record, opening, parse

_START = re.compile(rb'\{"v":\d+,"run":"')
_END = re.compile(rb',"crc":"([0-9a-f]{8})"\}')
_HEAD = re.compile(r'\{"v":\d+,"run":"[^"]*","segment":"[^"]*","n":\d+,')
_SHOWN = 160  # characters; enough for the head of a record
_PIECE = 4 * 1024 * 1024  # bytes that are read at a time


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a segment that is no record.

    Attributes:
        path: the segment's file.
        line: number of the line, from 1.
        offset: position of the part's first byte in the file.
        size: its length in bytes.
        reason: what is wrong with it.
        text: its beginning, unreadable bytes replaced.
        torn: True when it is the file's last line without its end: a record being written, or cut by a crash.
        version: the newer version of the format that it is written in, else None.
    """

    path: Path
    line: int
    offset: int
    size: int
    reason: str
    text: str
    torn: bool = False
    version: int | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"

    @property
    def head(self) -> str | None:
        """The head (see `head_of`) of the record whose beginning it is, None when it begins with no whole head."""
        found = _HEAD.match(self.text)
        return None if found is None else found[0]

    def is_cut_head_of(self, record: Record) -> bool:
        """Return whether it is the beginning of the head of `record`, which stands whole behind it.

        So short a part may be the beginning of another record. That hides nothing: if it is, a number is missing, and
        that is reported.
        """
        return head_of(record).startswith(self.text)


def scan(data: bytes, path: Path, *, offset: int = 0, line: int = 1, ended: bool = True) -> Iterator[Record | Damage]:
    """Yield the records and the damage in `data`, in the order of the file.

    Args:
        data: bytes of a segment, from the beginning of a line.
        path: where they are from, for the reports.
        offset: where in the file `data` begins.
        line: number of its first line.
        ended: whether `data` reaches to the file's end, so that an unfinished last line is reported as torn.
    """
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        torn = end < 0
        if torn:
            if not ended:
                return
            end = len(data)
        if end > position:  # an empty line separates a torn record from the next: no damage of its own
            yield from _line(data[position:end], path, offset + position, line, torn)
        position = end + 1
        line += 1


def _line(text: bytes, path: Path, offset: int, number: int, torn: bool) -> Iterator[Record | Damage]:
    try:
        yield parse(text)
        return
    except NotARecord as verdict:
        whole = Damage(
            path,
            number,
            offset,
            len(text),
            str(verdict),
            text[:_SHOWN].decode("utf-8", "replace"),
            torn,
            verdict.version,
        )
    # A newline that was overwritten joins two records, a torn one may be followed by a whole one: take what is whole.
    before = 0
    for begin, after, record in _within(text):
        if begin > before:
            yield _part(whole, text, before, begin)
        yield record
        before = after
    if before == 0:
        yield whole
    elif before < len(text):
        yield _part(whole, text, before, len(text))


def _within(text: bytes) -> Iterator[tuple[int, int, Record]]:
    """Yield begin, end and content of every whole record in a line that is not one itself."""
    taken = 0
    for start in _START.finditer(text):
        begin = position = start.start()
        if begin < taken:
            continue
        checksum = 0
        for end in _END.finditer(text, start.end()):  # several, since a user's own data may look like the end
            checksum = crc32(text[position : end.start()], checksum)
            position = end.start()
            if int(end[1], 16) != checksum:
                continue
            try:
                yield begin, end.end(), parse(text[begin : end.end()])
            except NotARecord:
                continue
            taken = end.end()
            break


def _part(whole: Damage, text: bytes, begin: int, end: int) -> Damage:
    shown = text[begin : min(end, begin + _SHOWN)].decode("utf-8", "replace")
    torn = whole.torn and end == len(text)
    return Damage(whole.path, whole.line, whole.offset + begin, end - begin, whole.reason, shown, torn)


def read_segment(path: Path, kinds: Collection[str] | None = None) -> Iterator[Record | Damage]:
    """Yield what is in the segment `path`: records and damage, in the order of the file; each record once.

    The part of a record that a full disk cut short is no damage when the record was written again, whole, behind it.

    Args:
        path: the segment's file.
        kinds: yield only the first record and those of these kinds, and no damage but a newer format's.

    Raises:
        OSError: the file cannot be read.
    """
    parts = list(_whole(path) if kinds is None else _only(path, kinds))
    replaced = _replaced(parts) if any(isinstance(each, Damage) for each in parts) else set()
    seen: dict[str, Seen] = {}
    for found in parts:
        if isinstance(found, Record):
            if not seen.setdefault(found.segment, Seen()).add(found.number):
                continue  # written again after a write whose success was not seen
        elif found.offset in replaced:
            continue
        yield found


def _whole(path: Path) -> Iterator[Record | Damage]:
    """Yield everything that is in the file now, a piece of whole lines after the other."""
    offset, line = 0, 1
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while offset < size and (lines := file.readlines(_PIECE)):
            data = b"".join(lines)
            yield from scan(data, path, offset=offset, line=line)
            if not data.endswith(b"\n"):  # being written: what comes next would begin in the middle of a line
                return
            offset += len(data)
            line += len(lines)


def _only(path: Path, kinds: Collection[str]) -> Iterator[Record | Damage]:
    wanted = re.compile(b'"type":"(?:%b)"' % b"|".join(re.escape(kind.encode()) for kind in kinds))
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number and wanted.search(line) is None:
                continue
            for found in scan(line, path, line=number + 1):
                if isinstance(found, Damage):
                    if found.version is not None:
                        yield found
                elif number == 0 or found.kind in kinds:
                    yield found


class Seen:
    """The numbers of a segment's records that were met, compactly: they come almost in order."""

    __slots__ = ("_above", "_below")

    def __init__(self) -> None:
        self._below = 0
        self._above: set[int] = set()

    def add(self, number: int) -> bool:
        """Return whether `number` is new, and remember it."""
        if number < self._below or number in self._above:
            return False
        self._above.add(number)
        while self._below in self._above:
            self._above.remove(self._below)
            self._below += 1
        return True


def _replaced(parts: list[Record | Damage]) -> set[int]:
    """Return the offsets of the parts that are beginnings of records which stand whole behind them."""
    offsets: set[int] = set()
    heads: set[str] = set()
    later: Record | None = None
    for each in reversed(parts):
        if isinstance(each, Record):
            heads.add(head_of(each))
            later = each
        elif each.head in heads or (later is not None and each.is_cut_head_of(later)):
            offsets.add(each.offset)
    return offsets


def head_of(record: Record) -> str:
    """Return the beginning of a record's line up to its number, which tells it from every other record of the segment."""
    return (opening(record.run, record.segment) + b"%d," % record.number).decode()
