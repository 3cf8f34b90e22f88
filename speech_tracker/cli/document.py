"""A page for people: sections of facts, tables and lines, drawn on a terminal or written as plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speech_tracker.cli.output import clean, on_terminal, write

_NARROWEST = 10  # columns of a terminal that a column keeps when the table is too wide

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text with a rich style for terminals."""

    text: str
    style: str = ""

    def __str__(self) -> str:
        return clean(self.text)


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what they are."""

    title: str
    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, with remarks below.

    A column whose name begins with ``>`` is set to the right. Where a terminal is too narrow the columns of `spare` are left
    out, the first one first; plain text has them all.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    below: Sequence[str] = ()
    spare: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines as they are; `drawn` ones hold terminal colours of their own and are left out of plain text."""

    title: str
    lines: Sequence[str]
    drawn: bool = False


Section = Facts | Table | Lines


def print_page(sections: Sequence[Section]) -> None:
    """Print the sections in order: with colour on a terminal, else as plain aligned text with nothing cut."""
    if on_terminal():
        _draw(sections)
        return
    first = True
    for section in sections:
        if isinstance(section, Lines) and section.drawn:
            continue
        if not first:
            write("")
        first = False
        for line in _plain(section):
            write(line)


def print_table(table: Table) -> None:
    """Draw one table on the terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_table(table, console.width))


def width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _plain(section: Section) -> list[str]:
    lines = [section.title] if section.title else []
    if isinstance(section, Facts):
        wide = max((width(name) for name, _ in section.rows), default=0)
        return lines + [f"  {_padded(name, wide)}  {cell}".rstrip() for name, cell in section.rows]
    if isinstance(section, Lines):
        return lines + [f"  {clean(line)}" for line in section.lines]
    texts = [[column.lstrip(">") for column in section.columns], *([str(cell) for cell in row] for row in section.rows)]
    widths = [max(width(row[place]) for row in texts) for place in range(len(section.columns))]
    for row in texts:
        cells = [
            _padded(text, widths[place], right=section.columns[place].startswith(">")) for place, text in enumerate(row)
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines + [f"  {clean(line)}" for line in section.below]


def _padded(text: str, wide: int, *, right: bool = False) -> str:
    space = " " * (wide - width(text))
    return space + text if right else text + space


def _draw(sections: Sequence[Section]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    for number, section in enumerate(sections):
        if number:
            console.print()
        if section.title:
            console.print(Text(section.title, style="bold cyan"))
        if isinstance(section, Facts):
            console.print(_facts(section))
        elif isinstance(section, Table):
            console.print(Padding(_table(section, console.width - 1), (0, 0, 0, 1)))
            for line in section.below:
                console.print(Padding(Text(clean(line), style="dim"), (0, 0, 0, 2)))
        elif section.drawn:
            for line in section.lines:
                console.print(Text.from_ansi(line), no_wrap=True, crop=True)
        else:
            for line in section.lines:
                console.print(Text(f"  {clean(line)}"), soft_wrap=True)


def _facts(section: Facts) -> RenderableType:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, cell in section.rows:
        grid.add_row(Text(f"  {name}", style="dim"), Text(str(cell), style=cell.style))
    return grid


def _table(table: Table, wide: int) -> RenderableType:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="dim", show_edge=False)
    kept = _fitting(table, wide)
    for place in kept:
        column = table.columns[place]
        right = column.startswith(">")
        drawn.add_column(
            column.lstrip(">"), justify="right" if right else "left", no_wrap=place == 0 or right, overflow="fold",
            min_width=min(_natural(table, place), _NARROWEST),
        )  # fmt: skip
    for row in table.rows:
        drawn.add_row(*(Text(str(row[place]), style=row[place].style) for place in kept))
    return drawn


def _fitting(table: Table, wide: int) -> list[int]:
    """Return the columns that fit, those that are spare given up first."""
    kept = list(range(len(table.columns)))
    for name in table.spare:
        if sum(_natural(table, place) + 3 for place in kept) <= wide:
            break
        kept = [place for place in kept if table.columns[place].lstrip(">") != name]
    return kept


def _natural(table: Table, place: int) -> int:
    return max(width(text) for text in (table.columns[place].lstrip(">"), *(str(row[place]) for row in table.rows)))
