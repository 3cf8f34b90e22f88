"""The curves of a run on its page: the main metrics in a table, and one drawing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from speech_tracker.cli.curves import Curve, chart, spark
from speech_tracker.cli.document import Cell, Lines, Table
from speech_tracker.cli.output import on_terminal
from speech_tracker.metrics import metric, show_value

if TYPE_CHECKING:
    from speech_tracker.view import RunView

_SHOWN = 12
_HEIGHT = 14
_WIDEST = 110


def curves_table(view: RunView, *, everything: bool) -> Table | None:
    """Return last and best value of the main metrics, None for a run without any."""
    names = sorted(view.metric_names, key=importance)
    if not names:
        return None
    shown = names if everything else names[:_SHOWN]
    drawn = on_terminal()
    rows = []
    for name in shown:
        points = view.history(name)
        last = points[-1]
        best = _best(name, points)
        row = [Cell(name, "bold" if name.startswith(("valid/", "test/")) else ""), Cell(show_value(name, last["value"])),
               Cell(_at(last)), Cell("" if best is None else show_value(name, best["value"]), "bold green"),
               Cell("" if best is None else _at(best)), Cell(f"{len(points):,}")]  # fmt: skip
        if drawn:
            row.append(Cell(spark([_number(point["value"]) for point in points]), "cyan"))
        rows.append(row)
    columns = ["metric", ">last", ">at", ">best", ">best at", ">values", *(["curve"] if drawn else [])]
    below = [f"{len(names) - len(shown)} more with --all"] if len(shown) < len(names) else []
    return Table("Curves", columns, rows, below, spare=("values", "curve", "at"))


def chart_section(view: RunView) -> Lines | None:
    """Return a drawing of the main curve, of training and validation together where both are there."""
    from shutil import get_terminal_size

    for ending in ("loss", "wer", "cer", "accuracy", "acc"):
        found = [name for name in view.metric_names if name.rpartition("/")[2] == ending and name.count("/") <= 1]
        found.sort(key=lambda name: not name.startswith("train/"))
        curves = [Curve(name, _points(view.history(name))) for name in found[:3]]
        wide = min(get_terminal_size((80, 24)).columns - 4, _WIDEST)
        lines = chart(curves, width=wide, height=_HEIGHT)
        if lines:
            return Lines("", [f"  {line}" for line in lines], drawn=True)
    return None


def importance(name: str) -> tuple[int, int, str]:
    """What a researcher looks at first: validation, then training, error rates before losses, the machine last."""
    group = name.partition("/")[0]
    place = {"valid": 0, "dev": 0, "test": 1, "train": 2, "decode": 3, "data": 5, "system": 6}.get(group, 4)
    known = metric(name)
    kind = 0 if known.unit == "fraction" else 1 if known.direction is not None else 2
    return place, kind, name


def _points(points: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [
        (_number(place if point["step"] is None else point["step"]), _number(point["value"]))
        for place, point in enumerate(points)
    ]


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _best(name: str, points: list[dict[str, Any]]) -> dict[str, Any] | None:
    direction = metric(name).direction
    numbers = [point for point in points if not math.isnan(_number(point["value"]))]
    if direction is None or not numbers:
        return None
    return (min if direction == "min" else max)(numbers, key=lambda point: point["value"])


def _at(point: dict[str, Any]) -> str:
    if point["step"] is not None:
        return f"step {point['step']:,}"
    return f"epoch {point['epoch']:g}" if point["epoch"] is not None else ""
