r"""Finding the few lines that matter in large logs, at a speed near that of `grep`.

A grammar is a set of messages. Each has a literal marker, and all markers that follow the same literal lead (the line
start, or Kaldi's ``") "`` after a header) are searched in one pass of one regular expression over the bytes, which
skips uninteresting lines without making a Python object of them. Only a line with a marker is taken apart.

The scanner takes the log in pieces of any size and keeps nothing but the unfinished last line, so memory is flat and a
log that is still being written can be read on from where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import number, whole

LINE_START = b"\n"
"""Lead of a message that begins a line."""

LONGEST_LINE = 4 << 20
"""Bytes. A longer line is no log line (binary data, a file without line ends): it is dropped and reported."""

_MANY_BYTES = 1 << 16

Record: TypeAlias = Any
"""A frozen slotted dataclass; which ones is said by each parser."""

_COLOURS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").strip()


_CONVERTERS: dict[str, Callable[[bytes], Any]] = {"float": number, "int": whole, "str": _text}


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of line.

    Attributes:
        record: dataclass whose fields take the groups of `pattern` in order; `float`, `int` and `str` are converted,
            and `... | None` takes a group that did not take part. A first field `line_number` takes the line's number.
        marker: literal text by which the line is found; it stands right after `lead`.
        pattern: the whole message, from the marker on. One capturing group per field.
        lead: literal text before the marker: `LINE_START`, or the end of a header.
        open_ended: the last field runs up to the line's end, so that a torn line could pass for a whole one.
        common: other lines begin like this too, so one that does not fit is not a damaged line of ours.
        build: makes the record where its fields are not simply the groups, from the match, and from the line number if
            it is `numbered`; may return a `Problem`, or raise ValueError.
    """

    record: type[Any]
    marker: bytes
    pattern: bytes
    lead: bytes = LINE_START
    open_ended: bool = False
    common: bool = False
    build: Callable[..., Record] | None = None

    @property
    def numbered(self) -> bool:
        """Whether the record takes the number of its line."""
        return fields(self.record)[0].name == "line_number"

    def reader(self) -> Callable[..., Record]:
        """Return the function that makes the record from a match, and from the line's number where it is `numbered`."""
        if self.build is not None:
            return self.build
        kinds = [each.type if isinstance(each.type, str) else each.type.__name__ for each in fields(self.record)]
        convert = [_CONVERTERS[kind.removesuffix(" | None")] for kind in kinds[self.numbered :]]
        record = self.record

        def read(match: re.Match[bytes], *line_number: int) -> Record:
            groups = zip(convert, match.groups(), strict=True)
            return record(*line_number, *[None if raw is None else each(raw) for each, raw in groups])

        return read


@dataclass(frozen=True, slots=True)
class _Candidate:
    pattern: re.Pattern[bytes]
    read: Callable[..., Record]
    open_ended: bool
    common: bool
    numbered: bool


class Grammar:
    """The messages of one kind of log, compiled.

    Args:
        messages: several may share a marker; the first whose pattern fits is taken.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = tuple(messages)
        by_lead: dict[bytes, dict[bytes, list[_Candidate]]] = {}
        for each in self.messages:
            candidate = _Candidate(re.compile(each.pattern), each.reader(), each.open_ended, each.common, each.numbered)
            by_lead.setdefault(each.lead, {}).setdefault(each.marker, []).append(candidate)
        self.finders: list[tuple[re.Pattern[bytes], dict[bytes, tuple[_Candidate, ...]]]] = []
        for lead, markers in by_lead.items():
            longest_first = sorted(markers, key=len, reverse=True)
            search = re.compile(re.escape(lead) + b"(" + b"|".join(re.escape(each) for each in longest_first) + b")")
            # a longer marker hides the shorter ones that it starts with: their patterns are tried after its own
            candidates = {
                marker: tuple(c for other in longest_first if marker.startswith(other) for c in markers[other])
                for marker in longest_first
            }
            self.finders.append((search, candidates))

    def __add__(self, other: Grammar) -> Grammar:
        """Return a grammar of both sets of messages."""
        return Grammar((*self.messages, *(each for each in other.messages if each not in self.messages)))


class LogScanner:
    """Reads one log in pieces.

    Args:
        grammar: what to look for.
        line_number: complete lines that were read before, when a log is read on.

    Attributes:
        line_number: complete lines seen so far.
        pending: bytes of the unfinished last line, which the next piece completes.
    """

    def __init__(self, grammar: Grammar, *, line_number: int = 0) -> None:
        self._finders = grammar.finders
        self._carry = b""
        self._overlong = False
        self.line_number = line_number

    @property
    def pending(self) -> int:
        """Length of the unfinished last line in bytes."""
        return len(self._carry)

    def feed(self, piece: bytes) -> list[Record | Problem]:
        """Take the next bytes; return the records and problems of the lines that they complete, in file order."""
        if not piece:
            return []
        last = piece.rfind(b"\n")
        if last < 0:
            self._hold(piece)
            return []
        first = piece.find(b"\n")
        found: list[Record | Problem] = []
        if self._overlong:
            found.append(Problem(self.line_number + 1, "", f"a line of more than {LONGEST_LINE} bytes was left out"))
            self._overlong = False
        else:
            # the line start is found by the line end before it, which the first line does not have
            self._scan(self._line(piece[: first + 1]), 0, None, found, settled=True)
        self.line_number += 1
        if last > first:
            self._scan(piece, first, last + 1, found, settled=True)
            self.line_number += _line_ends(piece, first + 1, last + 1)
        self._carry = b""
        self._hold(piece[last + 1 :])
        return found

    def finish(self) -> list[Record | Problem]:
        """Return what the unfinished last line holds: a record if it is certainly whole, never a problem."""
        found: list[Record | Problem] = []
        if self._carry and not self._overlong:
            self._scan(self._line(b""), 0, None, found, settled=False)
        return found

    def _line(self, end: bytes) -> bytes:
        line = self._carry + end
        return b"\n" + (line if self.line_number else line.removeprefix(b"\xef\xbb\xbf"))

    def _hold(self, rest: bytes) -> None:
        if self._overlong or len(self._carry) + len(rest) > LONGEST_LINE:
            self._overlong, self._carry = True, b""
        else:
            self._carry += rest

    def _scan(self, data: bytes, start: int, end: int | None, found: list[Record | Problem], *, settled: bool) -> None:
        stop = len(data) if end is None else end
        hits = [
            (match.start(1), match.group(1), candidates)
            for search, candidates in self._finders
            for match in search.finditer(data, start, stop)
        ]
        if not hits:
            return
        if len(self._finders) > 1:
            hits.sort(key=_position)
        before, counted = 0, start + 1  # line ends are counted once, hit by hit
        for position, marker, candidates in hits:
            line_end = data.find(b"\n", position, stop)
            if line_end < 0:
                line_end = stop
            match, candidate = self._match(data, position, line_end, candidates[marker], settled)
            record = None
            if match is not None and candidate is not None:
                try:
                    if candidate.numbered:
                        before, counted = before + data.count(b"\n", counted, position), position
                        record = candidate.read(match, self.line_number + before + 1)
                    else:
                        record = candidate.read(match)
                except (ValueError, OverflowError):
                    record = None
            if record is None and settled and not all(each.common for each in candidates[marker]):
                before, counted = before + data.count(b"\n", counted, position), position
                line = data[data.rfind(b"\n", start, position) + 1 : line_end]
                what = _text(marker) or "a known message"
                reason = f"a line with {what!r} whose values cannot be read"
                found.append(Problem(self.line_number + before + 1, shown(_text(line)), reason))
            elif record is not None:
                found.append(record)

    @staticmethod
    def _match(
        data: bytes, position: int, line_end: int, candidates: tuple[_Candidate, ...], settled: bool
    ) -> tuple[re.Match[bytes] | None, _Candidate | None]:
        if data.find(b"\x1b", position, line_end) >= 0:
            data = _COLOURS.sub(b"", data[position:line_end])
            position, line_end = 0, len(data)
        if line_end > position and data[line_end - 1] == 0x0D:
            line_end -= 1
        for each in candidates:
            match = each.pattern.match(data, position, line_end)
            if match is not None and (settled or not each.open_ended):
                return match, each
        return None, None


def _line_ends(data: bytes, start: int, stop: int) -> int:
    if stop - start < _MANY_BYTES:
        return data.count(b"\n", start, stop)
    # `bytes.count` goes from one to the next, which took a third of the time of reading a log
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop - start, start) == 0x0A))


def _position(hit: tuple[int, bytes, dict[bytes, tuple[_Candidate, ...]]]) -> int:
    return hit[0]


def scan(pieces: bytes | Iterable[bytes], grammar: Grammar) -> Iterator[Record | Problem]:
    """Yield the records and problems of a whole log, given at once or in pieces of any size."""
    scanner = LogScanner(grammar)
    for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
        yield from scanner.feed(piece)
    yield from scanner.finish()
