"""``hyperparams.yaml`` as SpeechBrain leaves it in the output folder: every reference resolved, nothing built.

Source: SpeechBrain 1.1, ``speechbrain.core.create_experiment_directory``, which writes two lines above what HyperPyYAML
resolved: the day, and the recipe's own YAML file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.yaml_values import read_yaml

_HEADER = re.compile(rb"^# Generated (\d{4}-\d\d-\d\d) from:\s*\n# (.+?)\s*\n")
_LINE = re.compile(r"^line (\d+): ")
_MOST_VALUES = 100_000
"""References make copies of what they refer to; those of a file made to explode are not followed to the end."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What the file says.

    Attributes:
        values: plain values; the object that a mapping describes is under ``"_tag"``, as ``!new:torch.nn.GRU``.
        generated: the day on which the recipe was started last, as it stands; None without the header.
        recipe: path of the recipe's own YAML file, on the machine that ran it; None without the header.
    """

    values: dict[str, Any]
    generated: str | None
    recipe: str | None


def parse_hyperparams(data: bytes) -> Iterator[Hyperparameters | Problem]:
    """Yield what the file says, or why it cannot be read."""
    try:
        loaded = read_yaml(data)
        if not isinstance(loaded, dict):
            yield Problem(1, "", "expected `name: value` lines")
            return
        values = _Plain().mapping(loaded)
    except FormatError as error:
        line = _LINE.match(str(error))
        yield Problem(int(line[1]) if line else 0, "", str(error)[line.end() :] if line else str(error))
        return
    header = _HEADER.match(data)
    yield Hyperparameters(
        values,
        header[1].decode("ascii") if header else None,
        header[2].decode("utf-8", "backslashreplace") if header else None,
    )


class _Plain:
    """Values that JSON has; a date becomes a text."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def mapping(self, values: dict[Any, Any], depth: int = 0) -> dict[str, Any]:
        return {str(key): self._value(value, depth + 1) for key, value in values.items()}

    def _value(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > 60:
            raise FormatError("no YAML of a recipe: its references go round in circles, or multiply without end")
        if isinstance(value, dict):
            return self.mapping(value, depth)
        if isinstance(value, (list, tuple, set)):
            return [self._value(each, depth + 1) for each in value]
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
            return str(value)
        return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def class_of(value: Any) -> str | None:
    """Return the class or function that a value names, None when it names none.

    >>> class_of({"_tag": "!new:torch.nn.GRU", "hidden_size": 12}), class_of("!name:torch.nn.GELU"), class_of(3)
    ('torch.nn.GRU', 'torch.nn.GELU', None)
    """
    tag = value.get("_tag") if isinstance(value, dict) else value
    if not isinstance(tag, str):
        return None
    found = re.match(r"!(?:new|name|apply|module):([\w.]+)", tag)
    return found[1] if found else None


def classes_in(values: Any, depth: int = 0) -> Iterator[str]:
    """Yield every class and function that is named anywhere in a configuration."""
    named = class_of(values)
    if named is not None:
        yield named
    if depth < 12:
        inner = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
        for each in inner:
            yield from classes_in(each, depth + 1)
