"""Curves in a terminal: a line of blocks, or a drawing of dots with axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille cell: column, then row from the top
_COLOURS = ("\x1b[36m", "\x1b[33m", "\x1b[35m")
_PLAIN = "\x1b[0m"
_LOGARITHMIC_FROM = 200.0  # ratio of greatest to least above which a linear axis shows nothing of the small ones

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve with its name.

    Attributes:
        name: for the legend.
        points: (x, y); points that are not finite are left out.
    """

    name: str
    points: Sequence[Point]


def spark(values: Sequence[float], width: int = 20) -> str:
    """Return the values as blocks, averaged where there are more than `width`; NaN and infinities are left out.

    >>> spark([1, 2, 3, 4, 5, 6, 7, 8])
    '▁▂▃▄▅▆▇█'
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    count = min(width, len(finite))
    edges = [place * len(finite) // count for place in range(count + 1)]
    means = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    if not high > low or not math.isfinite(high - low):
        return _BLOCKS[0] * count
    return "".join(_BLOCKS[round((mean - low) / (high - low) * (len(_BLOCKS) - 1))] for mean in means)


def chart(curves: Sequence[Curve], *, width: int, height: int) -> list[str]:
    """Return lines that draw the curves, with colours of the terminal; empty where nothing can be drawn.

    Args:
        curves: at most three.
        width, height: of the drawing, in characters, axes included.
    """
    kept = [(curve.name, [p for p in curve.points if math.isfinite(p[0]) and math.isfinite(p[1])]) for curve in curves]
    kept = [(name, points) for name, points in kept if len(points) > 1]
    ys = [y for _, points in kept for _, y in points]
    xs = [x for _, points in kept for x, _ in points]
    if not kept or not math.isfinite(max(ys) - min(ys)) or not 0 < max(xs) - min(xs) < math.inf:
        return []
    logarithmic = min(ys) > 0 and max(ys) / min(ys) > _LOGARITHMIC_FROM
    scale = math.log10 if logarithmic else float
    low, high = scale(min(ys)), scale(max(ys))
    labels = {0: _label(max(ys)), height - 3: _label(min(ys))}
    middle = (low + high) / 2
    labels[(height - 3) // 2] = _label(10**middle if logarithmic else middle)
    margin = max(map(len, labels.values()))
    columns, rows = max(width - margin - 2, 10), height - 2
    cells: dict[tuple[int, int], int] = {}
    colours: dict[tuple[int, int], str] = {}
    for place, (_, points) in enumerate(kept):
        for x, y in _line(points, min(xs), max(xs), low, high, columns * 2, rows * 4, logarithmic):
            cell = (y // 4, x // 2)
            cells[cell] = cells.get(cell, 0) | _DOTS[x % 2][y % 4]
            colours[cell] = _COLOURS[place % len(_COLOURS)]
    lines = []
    for row in range(rows):
        drawn = "".join(
            f"{colours[row, column]}{chr(0x2800 + cells[row, column])}{_PLAIN}" if (row, column) in cells else " "
            for column in range(columns)
        )
        lines.append(f"{labels.get(row, ''):>{margin}} ┤{drawn}".rstrip())
    lines.append(f"{'':>{margin}} └{'─' * columns}")
    first, last = f"{min(xs):,.7g}", f"{max(xs):,.7g}"
    legend = "   ".join(f"{_COLOURS[place % len(_COLOURS)]}━{_PLAIN} {name}" for place, (name, _) in enumerate(kept))
    plain_legend = "   ".join(f"━ {name}" for name, _ in kept)
    space = max(columns - len(first) - len(last) - len(plain_legend), 2)
    lines.append(f"{'':>{margin}}  {first}{' ' * (space // 2)}{legend}{' ' * (space - space // 2)}{last}")
    return lines


def _line(
    points: Sequence[Point], left: float, right: float, low: float, high: float, wide: int, tall: int, logarithmic: bool
) -> list[tuple[int, int]]:
    """Return the dots of a curve, the gaps between its points filled by straight lines."""
    span = high - low
    placed: dict[int, list[int]] = {}
    for x, y in points:
        level = ((math.log10(y) if logarithmic else y) - low) / span if span else 0.5
        column = min(int((x - left) / (right - left) * (wide - 1)), wide - 1)
        placed.setdefault(column, []).append(round((1 - level) * (tall - 1)))
    dots: list[tuple[int, int]] = []
    before: tuple[int, int] | None = None
    for column, levels in sorted(placed.items()):
        mean = round(sum(levels) / len(levels))
        if before is not None:
            dots += _between(before, (column, mean))
        dots.append((column, mean))
        before = (column, mean)
    return dots


def _between(a: tuple[int, int], b: tuple[int, int]) -> list[tuple[int, int]]:
    count = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
    return [
        (round(a[0] + (b[0] - a[0]) * step / count), round(a[1] + (b[1] - a[1]) * step / count))
        for step in range(1, count)
    ]


def _label(value: float) -> str:
    return f"{value:.4g}"
