"""What a reader could not use: located, quoted, explained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that looks like it should be read, and cannot be.

    Attributes:
        line_number: counted from 1; 0 when the file as a whole is meant.
        text: the line as it stands, cut to a length that can be shown.
        reason: what is wrong, and what was expected.
    """

    line_number: int
    text: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line_number}" if self.line_number else "whole file"
        return f"{where}: {self.reason}: {self.text!r}" if self.text else f"{where}: {self.reason}"


LONGEST_SHOWN = 160
"""Characters of a line that a `Problem` keeps: a huge line must not fill the terminal or the journal."""


def shown(text: str) -> str:
    """Return `text` without its line end, cut to what a `Problem` keeps."""
    text = text.rstrip("\r\n")
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text)} characters)"
