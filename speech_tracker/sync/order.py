"""The order in which a run's records are sent: the same in every process that ever sends a part of them.

Row *k* of the journal is W&B's ``_step`` *k*. That is what makes sending exactly-once: a client that resumes a run learns
from the server how many rows it has, and goes on with the next. It needs an order of records that does not depend on who
reads when. For one writer that is the order of the file. Where several processes write at once (ranks, an evaluation that
attached itself), it is the order in which they were first read, kept as a list of slices ``[segment, begin, end]`` in
bytes. Segments of other processes than the main one are therefore read in larger pieces, which keeps the list short.

What a rewind supersedes is left out; it has no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from speech_tracker.errors import JournalVersionError
from speech_tracker.journal.merge import is_after, segment_files
from speech_tracker.journal.reader import Damage, Seen, scan
from speech_tracker.journal.record import VERSION, NotARecord, Record, parse

Slice = tuple[str, int, int]

PIECE = 4 * 1024 * 1024
"""Bytes read at a time."""

_SEGMENT = re.compile(r"^(\d+)-rank(\d+)$")
_REWIND = b'"type":"rewind"'


class Order:
    """Reads a run's records in their lasting order.

    Args:
        folder: the run's folder.
        slices: the order so far, as `slices` gave it.
        piece: bytes that `poll` reads at a time (more where one record is larger).

    Attributes:
        slices: the order so far; store it before anything that was read is sent.
    """

    def __init__(self, folder: Path, slices: Sequence[Slice] = (), *, piece: int = PIECE) -> None:
        self.folder = folder
        self._piece = piece
        self.slices: list[Slice] = [(name, begin, end) for name, begin, end in slices]
        self._ends: dict[str, int] = {}
        for name, _, end in self.slices:
            self._ends[name] = max(end, self._ends.get(name, 0))
        self._seen: dict[str, Seen] = {}
        self._roles: dict[str, str] = {}

    @property
    def position(self) -> dict[str, int]:
        """Bytes of each segment that have been read."""
        return dict(self._ends)

    def clip(self) -> bool:
        """Forget what segments have lost of the order (a power loss); return whether that was anything."""
        kept: list[Slice] = []
        for name, begin, end in self.slices:
            path = self.folder / "segments" / f"{name}.jsonl"
            size = path.stat().st_size if path.exists() else 0
            if min(end, size) > begin:
                kept.append((name, begin, min(end, size)))
        lost = kept != self.slices
        if lost:
            self.slices = kept
            self._ends = {}
            for name, _, end in kept:
                self._ends[name] = max(end, self._ends.get(name, 0))
        return lost

    def replay(self) -> Iterator[Record]:
        """Yield the records of the slices known so far; call it once, before `poll`.

        Raises:
            JournalVersionError: one was written in a newer format.
        """
        for name, begin, end in tuple(self.slices):
            path = self.folder / "segments" / f"{name}.jsonl"
            for piece in range(begin, end, PIECE):
                # a slice ends at a line's end, a piece of it need not: take the rest of the last line along
                first = piece if piece == begin else _line_after(path, piece, end)
                yield from self._records(path, first, _line_after(path, min(piece + PIECE, end), end))

    def poll(self, *, others: bool = True) -> list[Record]:
        """Return the next records that nobody has read yet, of one segment; empty when there are none.

        Args:
            others: whether to look at other segments than those of main processes.

        Raises:
            JournalVersionError: one was written in a newer format.
        """
        for _, _, path in segment_files(self.folder):
            name = path.stem
            begin = self._ends.get(name, 0)
            if path.stat().st_size <= begin or not (others or self._is_main(path)):
                continue
            end = _last_line_end(path, begin, self._piece)
            if end == begin:
                continue
            self._ends[name] = end
            if self.slices and self.slices[-1][0] == name and self.slices[-1][2] == begin:
                self.slices[-1] = (name, self.slices[-1][1], end)
            else:
                self.slices.append((name, begin, end))
            return list(self._records(path, begin, end))
        return []

    def _records(self, path: Path, begin: int, end: int) -> Iterator[Record]:
        if end <= begin:
            return
        with path.open("rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        seen = self._seen.setdefault(path.stem, Seen())
        for found in scan(data, path, offset=begin):
            if isinstance(found, Damage):
                if found.version is not None:
                    raise JournalVersionError(
                        f"{path} is written in journal format {found.version}, expected at most {VERSION}; upgrade with: "
                        "pip install -U speech-tracker"
                    )
            elif seen.add(found.number):
                yield found

    def _is_main(self, path: Path) -> bool:
        name = path.stem
        if name not in self._roles:
            role = segment_role(path)
            if role is None:
                return False  # its first line is not there yet
            self._roles[name] = role
        found = _SEGMENT.match(name)
        return self._roles[name] in ("main", "unknown") and found is not None and found[2] == "0"


class Superseded:
    """Which records rewinds supersede, whatever order they are read in.

    Args:
        rewinds: the ``rewind`` records that count.
    """

    def __init__(self, rewinds: Sequence[Record]) -> None:
        self._rewinds = [(place(rewind), rewind.data) for rewind in rewinds]

    def __contains__(self, record: object) -> bool:
        if not self._rewinds or not isinstance(record, Record):
            return False
        here = place(record)
        return any(here < there and is_after(record, data) for there, data in self._rewinds)


def place(record: Record) -> tuple[int, int, int]:
    """Return where a record stands in the journal: segment's number, rank, record's number."""
    found = _SEGMENT.match(record.segment)
    return (int(found[1]), int(found[2]), record.number) if found else (0, 0, record.number)


def find_rewinds(folder: Path) -> list[Record]:
    """Return the ``rewind`` records of a run that count (not those of attached handles)."""
    found: list[Record] = []
    for _, _, path in segment_files(folder):
        with path.open("rb") as file:
            lines = [line for line in file if _REWIND in line]
        if lines and segment_role(path) != "attached":
            whole = [each for line in lines for each in scan(line, path) if isinstance(each, Record)]
            found += [record for record in whole if record.kind == "rewind"]
    return found


def segment_role(path: Path) -> str | None:
    """Return the role of the process that wrote a segment; None when its first line is not there yet."""
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    try:
        return str(parse(line[:-1]).data.get("role", "unknown"))
    except (NotARecord, AttributeError):
        return "unknown"


def _last_line_end(path: Path, begin: int, piece: int) -> int:
    """Return the end of the last whole line within a piece from `begin`; of a longer line, the end of that one."""
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(piece)
        end = data.rfind(b"\n") + 1
        if end or len(data) < piece:
            return begin + end
        rest = file.readline()
        return begin + len(data) + len(rest) if rest.endswith(b"\n") else begin


def _line_after(path: Path, offset: int, end: int) -> int:
    """Return the first beginning of a line at or after `offset`, at most `end`."""
    if offset >= end or offset == 0:
        return min(offset, end)
    with path.open("rb") as file:
        file.seek(offset - 1)
        return min(offset - 1 + len(file.readline()), end)
