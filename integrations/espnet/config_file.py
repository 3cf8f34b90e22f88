"""`config.yaml`, which ESPnet writes beside a model: all arguments of the training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speech_tracker.errors import FormatError
from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.yaml_values import read_yaml


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The arguments of a training.

    Attributes:
        content: as JSON. ESPnet writes the list of tokens into it, thousands of them: it is cut to `TOKENS_KEPT`.
        vocabulary_size: tokens of that list; None where there is none.
    """

    content: str
    vocabulary_size: int | None

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by name; ``token_list`` is shortened."""
        found: dict[str, Any] = json.loads(self.content)
        return found


TOKENS_KEPT = 20
"""Tokens that are kept of the list, for people to see of which kind they are."""

_KNOWN = ("output_dir", "max_epoch", "optim", "batch_type", "train_data_path_and_name_and_type", "log_level", "seed")


def parse_config(data: bytes) -> Iterator[TrainingConfig | Problem]:
    """Yield the arguments of a training, nothing for another file of this name, a `Problem` where it is no YAML."""
    try:
        content = read_yaml(data)
    except FormatError as error:
        yield Problem(0, "", str(error))
        return
    if not isinstance(content, dict):
        yield Problem(0, "", "expected 'name: value' lines, as ESPnet writes them")
        return
    if sum(name in content for name in _KNOWN) < 3:  # a config.yaml of something else
        return
    arguments = {str(name): value for name, value in content.items()}
    tokens = arguments.get("token_list")
    size = len(tokens) if isinstance(tokens, list) else None
    if isinstance(tokens, list) and len(tokens) > TOKENS_KEPT:
        arguments["token_list"] = [*tokens[:TOKENS_KEPT], f"… {len(tokens) - TOKENS_KEPT} more"]
    try:
        yield TrainingConfig(json.dumps(arguments, default=str), size)
    except (ValueError, TypeError, RecursionError) as error:
        yield Problem(0, "", f"cannot be kept: {error}")
