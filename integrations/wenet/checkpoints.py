"""The YAML files beside WeNet's checkpoints, and ``train.yaml``: what was measured, and the configuration.

Source: wenet/utils/train_utils.py, `save_model` and `log_per_epoch`; wenet/bin/train.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.yaml_values import read_yaml


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """The file beside a checkpoint.

    Attributes:
        tag: ``epoch_3``, ``step_1000``, ``init``; `""` where it does not say.
        epoch: from 0; None where it does not say.
        step: updates so far; None where it does not say.
        losses: on the validation set, by the names of the toolkit, the loss itself as ``loss``.
        learning_rate: of the first group.
        saved: as written: ``17/01/2024 12:30:00``.
    """

    tag: str
    epoch: int | None
    step: int | None
    losses: tuple[tuple[str, float], ...]
    learning_rate: float | None
    saved: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration, nested pairs for nested mappings."""

    values: tuple[tuple[str, Any], ...]


_MEASURED = frozenset({"loss_dict", "cv_loss", "lr", "lrs", "save_time", "tag", "step", "epoch", "history_loss"})


def parse_checkpoint_info(data: bytes) -> Iterator[CheckpointInfo | Configuration | Problem]:
    """Yield what stands in the file beside a checkpoint."""
    content = _mapping(data)
    if isinstance(content, Problem):
        yield content
        return
    measured = content.get("loss_dict")
    losses: dict[str, float] = {}
    for name, value in measured.items() if isinstance(measured, Mapping) else ():
        if _is_number(value):
            losses[str(name)] = float(value)
    if _is_number(content.get("cv_loss")):
        losses["loss"] = float(content["cv_loss"])
    rate = content.get("lr")
    rates = content.get("lrs")
    if not _is_number(rate) and isinstance(rates, list) and rates:
        rate = rates[0]
    yield CheckpointInfo(
        str(content.get("tag", "")),
        _whole(content.get("epoch")),
        _whole(content.get("step")),
        tuple(losses.items()),
        float(rate) if isinstance(rate, (int, float)) and _is_number(rate) else None,
        str(content.get("save_time", "")),
    )
    yield Configuration(_pairs({name: each for name, each in content.items() if name not in _MEASURED}))


def parse_configuration(data: bytes) -> Iterator[Configuration | Problem]:
    """Yield the configuration in ``train.yaml``."""
    content = _mapping(data)
    yield content if isinstance(content, Problem) else Configuration(_pairs(content))


def _mapping(data: bytes) -> dict[str, Any] | Problem:
    try:
        content = read_yaml(data)
    except FormatError as error:
        return Problem(0, "", str(error))
    except Exception as error:  # noqa: BLE001 - a constructor of the YAML library may raise anything on damaged files
        return Problem(0, "", f"no YAML: {error}")
    if not isinstance(content, dict):
        return Problem(0, "", "expected a mapping of names to values")
    return {str(name): value for name, value in content.items()}


def _pairs(value: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((str(name), _frozen(each)) for name, each in value.items())


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _pairs(value)
    if isinstance(value, (list, tuple)):
        return ("", *(_frozen(each) for each in value))  # told from pairs by its first
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def thawed(value: Any) -> Any:
    """Return a value of a `Configuration` as dictionaries and lists."""
    if isinstance(value, tuple):
        if value[:1] == ("",):
            return [thawed(each) for each in value[1:]]
        return {name: thawed(each) for name, each in value}
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
