"""Media of calls as wandb's objects, given wandb (which `client` imports)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from speech_tracker.encoding import decode
from speech_tracker.sync.calls import Page, Picture, Sound, Table, TableFile
from speech_tracker.sync.text import clean

ROWS = 200_000
"""Rows of a table that W&B takes; the file in the run's folder has all."""


def values_for(wandb: Any, values: Mapping[str, Any], notes: Counter[str]) -> dict[str, Any]:
    """Return `values` with media made into wandb's objects; one that cannot be made is left out and noted."""
    made: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(value, (Table, TableFile, Picture, Sound, Page)):
            made[key] = value
            continue
        try:
            made[key] = _medium(wandb, value, notes)
        except Exception as error:  # noqa: BLE001 - a lost file, a broken picture, a missing library: each is one cell less
            notes[f"{type(value).__name__.lower()} that cannot be read ({type(error).__name__})"] += 1
    return made


def has_media(values: Mapping[str, Any]) -> bool:
    """Return whether any of `values` is a medium."""
    return any(isinstance(value, (Table, TableFile, Picture, Sound, Page)) for value in values.values())


def _medium(wandb: Any, value: Table | TableFile | Picture | Sound | Page, notes: Counter[str]) -> Any:
    if isinstance(value, Picture):
        return wandb.Image(str(value.path), caption=value.caption)
    if isinstance(value, Sound):
        return wandb.Audio(str(value.path), caption=value.caption)
    if isinstance(value, Page):
        return wandb.Html(value.html, inject=False)
    if isinstance(value, TableFile):
        content = clean(decode(value.path.read_bytes()))
        value = Table(tuple(content["columns"]), tuple(tuple(row) for row in content["rows"]))
    if len(value.rows) > ROWS:
        notes[f"table rows beyond {ROWS}"] += len(value.rows) - ROWS
    data = [[_cell(cell) for cell in row] for row in value.rows[:ROWS]]
    return wandb.Table(columns=list(value.columns), data=data, allow_mixed_types=True)


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, (dict, list)) else value


def metadata_for(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata of an artifact as W&B takes it: JSON has no NaN and no infinities, so these become text."""
    return {str(key): _plain(value) for key, value in metadata.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return metadata_for(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
