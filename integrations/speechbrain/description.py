"""A training in the speech vocabulary: what its configuration says, and what only the living Brain knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from speech_tracker.integrations.speechbrain.vocabulary import speech_of
from speech_tracker.ranks import world_size
from speech_tracker.schema import Speech


def speech(config: Mapping[str, Any], modules: Any, task: str, version: str) -> Speech:
    """Return the description of a training.

    Args:
        config: as `configuration` returns it.
        modules: the Brain's modules; they alone know the numbers of parameters.
        task: standard name.
        version: SpeechBrain's.
    """
    parameters = list(modules.parameters()) if modules is not None else []
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    counts = (sum(each.numel() for each in parameters) or None, trained or None)
    everything = {**config, **config.get("run_options", {})}
    described = speech_of(everything, task, version=version, parameters=counts)
    return replace(described, training=replace(described.training, devices=world_size()))
