"""A report in the form of sclite's (``-o sum rsum pra``), for scripts and eyes that are used to it.

Source: SCTK 2.4.12, src/sclite/scores.c and path.c.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

_WIDTH = 80
_LONGEST_GAP = 40
_HEAD = (" SPKR", " # Snt", "# Wrd", "Corr", " Sub", " Del", " Ins", " Err", "S.Err")
Row = tuple[str, list[float]]


def sclite_report(evaluation: Evaluation, *, title: str = "hypothesis", speakers: Sequence[Any] | None = None) -> str:
    """Return the tables of percentages and of counts by speaker, and every alignment.

    Args:
        evaluation: what to show; its own alignment is shown, so use ``alignment="sclite"`` for sclite's.
        title: what sclite calls the system, the name of the hypothesis file.
        speakers: the speaker of each utterance; ``speaker_id`` of the evaluation when None, else one speaker.
    """
    column = list(evaluation.attributes.get("speaker_id", ()) if speakers is None else speakers)
    names = [str(name) if name not in (None, "") else "unknown" for name in column] or ["all"] * len(evaluation)
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    is_char = evaluation.unit == "char"
    return "".join(
        [
            _table(evaluation, members, title, counts=False, is_char=is_char),
            _table(evaluation, members, title, counts=True, is_char=is_char),
            _alignments(evaluation, members, title),
        ]
    )


def _table(evaluation: Evaluation, members: dict[str, list[int]], title: str, *, counts: bool, is_char: bool) -> str:
    """Return one table; a speaker without reference words has counts, marked ``*``, instead of percentages."""
    rows = [(name, _numbers(evaluation, indices)) for name, indices in members.items()]
    total = _numbers(evaluation, range(len(evaluation)))
    empty = 0 if counts else sum(numbers[1] == 0 for _, numbers in rows)
    body: list[tuple[str, ...]] = []
    shown: list[Row] = []
    for name, numbers in rows:
        if counts:
            values, text = numbers[2:], [f"{value:5.0f} " for value in numbers[2:]]
        elif numbers[1]:
            values = _percent(numbers)
            text = [f"{_round(value):5.1f} " for value in values]
        else:
            values = [*numbers[2:7], 100 * numbers[7] / numbers[0]]
            text = [f"{value:5.0f}*" for value in values[:5]] + [f"{_round(values[5]):5.1f} "]
        shown.append((name, [*numbers[:2], *values]))
        body.append((f" {name} ", f"{numbers[0]:5.0f} ", f"{numbers[1]:5.0f} ", *text))
    if counts:
        cells = [f"{value:5.0f} " for value in total[2:]]
    else:
        cells = [f"{_round(value):5.1f} " for value in (_percent(total) if total[1] else [0.0] * 6)]
    summary = (" Sum " if counts else " Sum/Avg", f"{total[0]:5.0f} ", f"{total[1]:5.0f} ", *cells)
    spread = [_spread(name, shown, empty, of) for name, of in _STATISTICS]
    head = tuple(("# Chr" if is_char and cell == "# Wrd" else cell) for cell in _HEAD)
    notes = _NOTES if empty else ""
    return f"\n\n\n{_center('SYSTEM SUMMARY PERCENTAGES by SPEAKER')}\n\n{_framed(title, head, body, summary, spread)}{notes}"


def _numbers(evaluation: Evaluation, indices: Sequence[int] | range) -> list[float]:
    """Sentences, words, correct, substitutions, deletions, insertions, errors, sentences with errors."""
    table = evaluation.table[list(indices)]
    hits, swaps, lost, added = (float(value) for value in table.sum(axis=0))
    wrong = float(table[:, 1:].any(axis=1).sum())
    return [float(len(table)), hits + swaps + lost, hits, swaps, lost, added, swaps + lost + added, wrong]


def _percent(numbers: list[float]) -> list[float]:
    sentences, words = numbers[0], numbers[1]
    return [*(100 * value / words for value in numbers[2:7]), 100 * numbers[7] / sentences if sentences else 0.0]


def _round(value: float, digits: int = 1) -> float:
    """Round half away from zero, as sclite does."""
    scale = 10.0**digits
    return math.floor(value * scale + 0.5) / scale


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


_STATISTICS: tuple[tuple[str, Callable[[list[float]], float]], ...] = (
    ("Mean", statistics.fmean),
    ("S.D.", _deviation),
    ("Median", statistics.median),
)


def _spread(name: str, rows: list[Row], empty: int, of: Callable[[list[float]], float]) -> tuple[str, ...]:
    """Return a statistic over speakers; the rates leave out speakers without words, which is marked ``+``.

    Where several speakers have none, sclite leaves out others than these: it removes values from a list by their places
    before the first removal. This is the one place in which its numbers are not followed.
    """
    cells = []
    for column in range(8):
        in_rates = 2 <= column < 7 and empty
        values = [numbers[column] for _, numbers in rows if not in_rates or numbers[1]]
        cells.append(f"{_round(of(values) if values else 0.0):5.1f}{'+' if in_rates else ' '}")
    return (name, *cells)


def _framed(
    title: str,
    head: tuple[str, ...],
    body: list[tuple[str, ...]],
    summary: tuple[str, ...],
    spread: list[tuple[str, ...]],
) -> str:
    """Return a table in which every column is as wide as its widest cell, and cells stand in the middle."""
    rows = [head, *body, summary, *spread]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]

    def line(row: tuple[str, ...], *, middle: bool = False) -> str:
        name = _center(row[0], widths[0]) if middle else row[0].ljust(widths[0])
        cells = [_center(cell, width) for cell, width in zip(row, widths, strict=True)]
        return f"|{name}|{' '.join(cells[1:3])}|{' '.join(cells[3:])}|"

    inside = len(line(summary)) - 2
    size, rates = sum(widths[1:3]) + 1, sum(widths[3:]) + len(widths[3:]) - 1
    rule = f"|{'-' * widths[0]}+{'-' * size}+{'-' * rates}|"
    double = "|" + "=" * inside + "|"
    lines = ["," + "-" * inside + ".", "|" + _center(title, inside) + "|", "|" + "-" * inside + "|", line(head)]
    for row in body:
        lines += [rule, line(row)]
    lines += [double, line(summary), double, *(line(row, middle=True) for row in spread), "`" + "-" * inside + "'"]
    margin = " " * max((_WIDTH - len(lines[0])) // 2, 0)
    return "".join(f"{margin}{each}\n" for each in lines)


def _center(text: str, width: int = _WIDTH) -> str:
    left = (width - len(text)) // 2
    return " " * left + text + " " * (width - len(text) - left)


_NOTES = (
    "\n* No Reference words for this/these speaker(s).  Word counts supplied\n  rather than percents.\n"
    "# No Reference words for this/these speaker(s).  NCE not computable.\n"
    "+ Speaker(s) with no reference data is ignored\n"
)


def _alignments(evaluation: Evaluation, members: dict[str, list[int]], title: str) -> str:
    parts = ["\n\n\t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE\n\n", f"System name:   {title}\n\n", "Speakers: \n"]
    parts += [f"   {place:2d}:  {name}\n" for place, name in enumerate(members)]
    parts.append("\n")
    for place, (name, indices) in enumerate(members.items()):
        parts.append(f"Speaker sentences{place:4d}:  {name}   #utts: {len(indices)}\n")
        parts += [_alignment(evaluation, index) for index in indices]
    return "".join(parts) + "\n"


def _alignment(evaluation: Evaluation, index: int) -> str:
    hits, swaps, lost, added = (int(value) for value in evaluation.table[index])
    fold = not evaluation.case_sensitive
    rows = ["REF:  ", "HYP:  ", "Eval: "]
    operations = evaluation.operations(index).decode("ascii")
    for code, (reference, hypothesis) in zip(operations, evaluation.aligned(index), strict=True):
        left, right = reference or "", hypothesis or ""
        width = max(len(left), len(right), 1)
        if reference is None:
            left = "*" * min(width, _LONGEST_GAP)
        if hypothesis is None:
            right = "*" * min(width, _LONGEST_GAP)
        if fold:
            left, right = (_cased(word, error=code != "C") for word in (left, right))
        for row, cell in enumerate((left, right, "" if code == "C" else code)):
            rows[row] += f"{cell:<{width}} "
    scores = f"Scores: (#C #S #D #I) {hits} {swaps} {lost} {added}\n"
    return (
        f"id: ({evaluation.utterance_ids[index]})\n{scores}" + "".join(f"{row}\n" for row in rows if operations) + "\n"
    )


_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def _cased(word: str, *, error: bool) -> str:
    """Return a word as sclite writes it: errors in capitals, the rest small; ASCII letters only."""
    return word.translate(_UPPER if error else _LOWER)
