"""What every parser returns: records, what was lost, and what was repaired without loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from speech_tracker.formats.problems import Problem, shown

Record = TypeVar("Record")

BLANKS = " \t\n\r\x0b\f"
"""What parts words for Kaldi and sclite. A no-break or ideographic space does not, at the ends of a text neither."""

LONGEST_LINE = 1_000_000
"""Characters. A longer line is no transcript (ten hours of speech are about 600,000) and would stall an aligner."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Record]):
    """The outcome of parsing one file.

    Attributes:
        records: what could be read, in file order.
        problems: lines that were lost, located.
        notes: what was repaired without losing anything (empty lines, tabs, CRLF), each with a count and a place.
    """

    records: tuple[Record, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


class Findings:
    """Collects problems and counted notes while a parser runs."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._notes: dict[str, tuple[int, int]] = {}

    def problem(self, line_number: int, text: str, reason: str) -> None:
        """Record that a line was lost."""
        self._problems.append(Problem(line_number, shown(text), reason))

    def note(self, what: str, line_number: int) -> None:
        """Count something harmless, remembering where it was seen first."""
        count, first = self._notes.get(what, (0, line_number))
        self._notes[what] = (count + 1, first)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems in the order in which they were found."""
        return tuple(self._problems)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes, one line each, such as ``"empty lines skipped: 3, first at line 7"``."""
        return tuple(f"{what}: {count}, first at line {first}" for what, (count, first) in self._notes.items())

    def parsed(self, records: list[Record]) -> Parsed[Record]:
        """Return the outcome."""
        return Parsed(tuple(records), self.problems, self.notes)


def lines_of(text: str, findings: Findings, *, comment: str | None = None) -> Iterator[tuple[int, str]]:
    r"""Yield ``(line number from 1, line)`` for the lines that hold something.

    Lines end with LF or CRLF only: U+2028, form feeds and the like are part of a transcript. Empty lines and lines
    that start with `comment` are skipped, lines longer than `LONGEST_LINE` become problems.

    >>> list(lines_of("a\r\n\n;; b\nc", Findings(), comment=";;"))
    [(1, 'a'), (4, 'c')]
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    for number, line in enumerate(lines, start=1):
        line = line.removesuffix("\r")
        if not line or line.isspace():
            findings.note("empty lines skipped", number)
        elif comment is not None and line.startswith(comment):
            continue
        elif len(line) > LONGEST_LINE:
            findings.problem(number, line, f"a line of {len(line)} characters; at most {LONGEST_LINE} are read")
        else:
            yield number, line
