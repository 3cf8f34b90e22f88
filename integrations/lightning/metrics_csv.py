"""``metrics.csv``, as Lightning's CSVLogger writes it.

Tested with the files of ``lightning`` 2.6 and ``pytorch_lightning`` 1.9. A header and three lines of one (a step, a
validation, the end of the epoch)::

    epoch,step,train_loss_epoch,train_loss_step,val_loss,val_wer
    0,49,,1.3241,,
    0,99,,,1.2018,0.4271
    0,99,1.2873,,,

A metric that comes up later has the logger write the whole file anew with a further column, so the file is read whole,
not on from where it stopped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown

STEP = "step"
EPOCH = "epoch"


@dataclass(frozen=True, slots=True)
class Row:
    """What was logged at once.

    Attributes:
        line_number: from 1.
        step: batches that the optimizer had stepped with before this one: 49 is the fiftieth.
        epoch: passes over the data that were complete; None where it was not logged.
        names: of the values.
        values: may be NaN or infinite.
        time: in seconds since 1970, where the logger keeps it.
    """

    line_number: int
    step: int
    epoch: int | None
    names: tuple[str, ...]
    values: tuple[float, ...]
    time: float | None = None


def parse_metrics_csv(data: bytes) -> Iterator[Row | Problem]:
    """Yield the rows of a ``metrics.csv``, and what cannot be read of it.

    Of a last line without an end, which is still being written, the cells that are certainly whole are taken: those
    with a comma behind them.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace").split("\n")
    torn = lines.pop()
    columns: tuple[str, ...] | None = None
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r")
        if not text.strip():
            continue
        cells = _cells(text)
        if cells is None:
            yield Problem(number, shown(text), "a quote that is not closed")
        elif STEP in cells:  # the first line, or that of a file that was appended to this one
            columns = tuple(each.strip() for each in cells)
        elif columns is None:
            yield Problem(number, shown(text), "expected a header with a column `step`, as Lightning's CSVLogger has")
            return
        else:
            yield from _row(number, text, cells, columns)
    if torn.strip() and columns is not None:
        whole = _cells(torn.rstrip("\r"))
        if whole is not None and STEP not in whole and len(whole) <= len(columns):
            yield from (each for each in _row(0, torn, whole[:-1], columns) if isinstance(each, Row))


def _cells(line: str) -> list[str] | None:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _row(number: int, line: str, cells: list[str], names: tuple[str, ...]) -> Iterator[Row | Problem]:
    if number and len(cells) != len(names):
        yield Problem(number, shown(line), f"{len(cells)} cells under a header of {len(names)}")
        return
    found: dict[str, float] = {}
    bad = False
    for name, cell in zip(names, cells, strict=False):
        if cell.strip():
            value = _number(cell)
            if value is None:
                bad = True
                yield Problem(number, shown(line), f"{shown(cell)!r} is no number, in column {shown(name)!r}")
            else:
                found[name] = value
    step = found.pop(STEP, None)
    epoch = found.pop(EPOCH, None)
    if step is None or not step.is_integer() or step < 0:
        if not bad:
            yield Problem(number, shown(line), "no step")
        return
    passes = int(epoch) if epoch is not None and epoch.is_integer() and epoch >= 0 else None
    yield Row(number, int(step), passes, tuple(found), tuple(found.values()))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def rows_of(records: Iterable[object]) -> list[Row]:
    """Return the rows among the records of a file."""
    return [record for record in records if isinstance(record, Row)]
