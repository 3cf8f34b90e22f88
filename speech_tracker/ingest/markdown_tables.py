"""Tables and lists of Markdown files, as the recipes write their results into `RESULTS.md` and `README.md`.

The toolkit decides what a table means; here it is only taken apart, with the headings that it stands under, since these
name the model and the metric. Comments, and code blocks without a table, are passed over.

Source: GitHub Flavored Markdown 0.29, section 4.10 (tables), 5.2 (list items), 4.5 (fenced code blocks). One rule is
stricter: a row with another number of cells than its table has columns is damaged, and not filled up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown


@dataclass(frozen=True, slots=True)
class MarkdownTable:
    """A table.

    Attributes:
        line_number: of its header row, from 1.
        headings: that it stands under, the outermost first.
        caption: the last line of text between the heading (or the table before) and the table; `""` without one.
        columns: names, as written.
        rows: cells, as written, without the blanks around them; as many in each row as there are columns.
        row_lines: the line of each row.
    """

    line_number: int
    headings: tuple[str, ...]
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_lines: tuple[int, ...]

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield each row as its line number, and its plain cells by the plain names of their columns."""
        names = [plain_text(column) for column in self.columns]
        for line_number, row in zip(self.row_lines, self.rows, strict=True):
            yield line_number, dict(zip(names, map(plain_text, row), strict=True))


@dataclass(frozen=True, slots=True)
class MarkdownItem:
    """An item of a list, or a line of text.

    Attributes:
        line_number: from 1.
        headings: that it stands under, the outermost first.
        depth: blanks before its mark; None for a line of text that is no item.
        text: behind the mark.
    """

    line_number: int
    headings: tuple[str, ...]
    depth: int | None
    text: str


_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_DELIMITER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,9}[.)])\s+(.*\S)\s*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
_PIPE = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_MARKS = re.compile(r"\*\*|__|`")


def plain_text(cell: str) -> str:
    r"""Return a cell without emphasis, code marks, escapes and the targets of links.

    >>> plain_text("**[8.47](wer.txt)**"), plain_text("`a\\|b`"), plain_text("# Snt")
    ('8.47', 'a|b', '# Snt')
    """
    return _MARKS.sub("", _LINK.sub(r"\1", cell)).replace("\\|", "|").replace("\\_", "_").strip()


def parse_markdown(data: bytes) -> Iterator[MarkdownTable | MarkdownItem | Problem]:
    """Yield the tables, list items and lines of text of a file in its order, and a `Problem` for each damaged row."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    whole = text.endswith("\n")
    lines = list(_readable(text))
    headings: list[tuple[int, str]] = []
    caption = ""
    place = 0
    while place < len(lines):
        number, line = lines[place]
        place += 1
        heading = _HEADING.match(line)
        if heading is not None:
            level = len(heading[1])
            headings = [each for each in headings if each[0] < level]
            headings.append((level, plain_text(heading[2] or "")))
            caption = ""
            continue
        above = tuple(title for _, title in headings)
        if "|" in line and place < len(lines) and lines[place][0] == number + 1:
            columns = _cells(line)
            if _DELIMITER.match(lines[place][1]) and len(_cells(lines[place][1])) == len(columns):
                body = _body(lines, place + 1, number + 2)
                torn = not whole and place + 1 + len(body) == len(lines)
                yield from _table(number, above, caption, columns, body, torn=torn and line.rstrip().endswith("|"))
                place += 1 + len(body)
                caption = ""
                continue
        item = _ITEM.match(line)
        if item is not None:
            yield MarkdownItem(number, above, len(item[1].expandtabs(4)), item[2])
        elif line.strip():
            yield MarkdownItem(number, above, None, line.strip())
        caption = line.strip() or caption


def _readable(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without those of code blocks and comments."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    in_comment = False
    skip_to = closing = 0
    for number, line in enumerate(lines, start=1):
        if number <= skip_to or number == closing:
            continue
        if in_comment:
            _, end, line = line.partition("-->")
            in_comment = not end
            if in_comment:
                continue
        opened = _FENCE.match(line)
        if opened is not None and not (opened[1][0] == "`" and "`" in opened[2]):
            end_line = _end_of_block(lines, number, opened[1])
            # results are pasted into code blocks too: one with a table in it is read as if it were none
            if any(_is_delimiter(each) for each in lines[number:end_line]):
                closing = end_line if _FENCE.match(lines[end_line - 1]) else 0
            else:
                skip_to = end_line
            continue
        while "<!--" in line:
            before, _, rest = line.partition("<!--")
            _, end, after = rest.partition("-->")
            line = before + after
            if not end:
                in_comment = True
                break
        yield number, line


def _end_of_block(lines: Sequence[str], number: int, fence: str) -> int:
    """Number of the line that closes the code block opened in line `number`; the last one where none does."""
    for place in range(number, len(lines)):
        line = lines[place].strip()
        if line.startswith(fence) and not line.strip(fence[0]):
            return place + 1
    return len(lines)


def _is_delimiter(line: str) -> bool:
    return "|" in line and _DELIMITER.match(line) is not None


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip()
    inner = inner.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return tuple(cell.strip() for cell in _PIPE.split(inner))


def _body(lines: Sequence[tuple[int, str]], place: int, number: int) -> list[tuple[int, str]]:
    """The rows that follow: up to a line without a bar, or one that was left out."""
    rows: list[tuple[int, str]] = []
    for row_number, line in lines[place:]:
        if row_number != number + len(rows) or "|" not in line:
            break
        rows.append((row_number, line))
    return rows


def _table(
    number: int,
    headings: tuple[str, ...],
    caption: str,
    columns: tuple[str, ...],
    body: Sequence[tuple[int, str]],
    *,
    torn: bool,
) -> Iterator[MarkdownTable | Problem]:
    rows: list[tuple[str, ...]] = []
    row_lines: list[int] = []
    damaged: list[Problem] = []
    for place, (line_number, line) in enumerate(body):
        cells = _cells(line)
        if torn and place == len(body) - 1 and not line.rstrip().endswith("|"):
            continue  # the file is still being written
        if len(cells) != len(columns):
            reason = f"a row of {len(cells)} cells in a table of {len(columns)} columns ({', '.join(columns)[:80]})"
            damaged.append(Problem(line_number, shown(line.strip()), reason))
            continue
        rows.append(cells)
        row_lines.append(line_number)
    yield MarkdownTable(number, headings, caption, columns, tuple(rows), tuple(row_lines))
    yield from damaged
