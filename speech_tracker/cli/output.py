"""Printing: data to stdout as one JSON document, as plain text for other programs, or as a table on a terminal."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def on_terminal() -> bool:
    """Return whether stdout is a terminal: only then are there colours, tables and lines cut to its width."""
    return sys.stdout.isatty()


def _escaped(text: str) -> str:
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write(text: str) -> None:
    """Print `text` and a newline; lone surrogates, and what stdout's encoding cannot hold, are escaped."""
    text = _escaped(text)
    try:
        sys.stdout.write(f"{text}\n")
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def note(text: str) -> None:
    """Print a remark on stderr."""
    sys.stderr.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def clean(text: object) -> str:
    """Return `text` on one line, its control characters escaped, so that a run's name cannot steer a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def to_json(value: Any, *, indent: bool = True) -> str:
    """Return `value` as strict JSON.

    NaN and the infinities become the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, lone surrogates their escapes
    (``\\\\udc80``), integers of any size stay numbers.
    """
    ready = _strict(value)
    try:
        return orjson.dumps(ready, option=orjson.OPT_INDENT_2 if indent else None).decode()
    except TypeError:  # an integer beyond 64 bits or a lone surrogate, which orjson refuses
        text = json.dumps(ready, ensure_ascii=False, indent=2 if indent else None, allow_nan=False)
        return _escaped(text)


def write_json(value: Any, *, indent: bool = True) -> None:
    """Print `value` as one JSON document, in UTF-8 whatever the locale says."""
    text = to_json(value, indent=indent)
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode() + b"\n")
    buffer.flush()


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for other programs: a line of column names, then the rows, cells separated by tabs.

    A cell never holds a tab or a newline (they are escaped), and nothing is cut.
    """
    write("\t".join(columns))
    for row in rows:
        write("\t".join("" if cell is None else clean(cell) for cell in row))
