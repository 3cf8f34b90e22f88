"""An alignment as three lines under each other, in colour where the terminal has it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

STYLES = {"C": "", "S": "bold yellow", "D": "bold red", "I": "bold cyan"}
"""Colours of the operations; plain output shows the letters in the third line instead."""

_LABELS = ("REF:  ", "HYP:  ", "Eval: ")


def alignment_text(
    operations: str, aligned: Sequence[tuple[str | None, str | None]], *, width: int = 100, indent: str = "  "
) -> Text:
    """Return reference, hypothesis and operations in columns, folded at `width` terminal cells.

    Wide (Chinese, Japanese, Korean) and zero-width characters are measured as a terminal shows them. A gap is a run of
    ``*`` as wide as the word opposite. Control characters of a transcript are made visible, not sent to the terminal.
    """
    text = Text()
    room = max(width - len(indent) - len(_LABELS[0]), 1)
    row: list[tuple[str, str, str, int]] = []
    used = 0
    for code, (reference, hypothesis) in zip(operations, aligned, strict=True):
        left, right = _cell(reference, hypothesis), _cell(hypothesis, reference)
        size = max(cell_len(left), cell_len(right), 1)
        if row and used + size > room:
            _add_row(text, row, indent)
            row, used = [], 0
        row.append((left, right, code, size))
        used += size + 1
    if row:
        _add_row(text, row, indent)
    return text


def _cell(word: str | None, opposite: str | None) -> str:
    if word is None:
        return "*" * max(cell_len(visible(opposite or "")), 1)
    return visible(word) or "@"  # an optional word that was not spoken


def visible(text: str) -> str:
    """Return the text with control characters written as ``\\x1b``, so that no transcript drives the terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\u200c\u200d" else repr(letter)[1:-1] for letter in text
    )


def _add_row(text: Text, row: Sequence[tuple[str, str, str, int]], indent: str) -> None:
    for line, label in enumerate(_LABELS):
        text.append(indent + label)
        last = len(row) - 1
        for index, cells in enumerate(row):
            code, size = cells[2], cells[3]
            word = (cells[0], cells[1], "" if code == "C" else code)[line]
            text.append(word, style=STYLES.get(code) or None)
            if index < last:
                text.append(" " * (size - cell_len(word) + 1))
        text.rstrip()
        text.append("\n")
