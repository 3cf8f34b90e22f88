"""``hparams.yaml``: what ``save_hyperparameters`` kept, as Lightning's CSVLogger and TensorBoardLogger write it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.yaml_values import read_yaml


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The hyperparameters of the module and of the data module.

    Attributes:
        values: plain values by name; what was an object is a text with its class.
    """

    values: dict[str, Any]


def parse_hparams(data: bytes) -> Iterator[Hyperparameters | Problem]:
    """Yield the hyperparameters of a file, or why it has none. ``{}`` is written where a module saved nothing."""
    try:
        values = read_yaml(data)
    except FormatError as error:
        yield Problem(0, "", str(error))
        return
    if values is None:
        return
    if not isinstance(values, Mapping):
        yield Problem(0, "", f"expected names with values, found {type(values).__name__}")
        return
    yield Hyperparameters(_plain(values))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
