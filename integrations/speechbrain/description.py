"""A training in the speech vocabulary: what its configuration says, and what only the living Brain knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import speechbrain

from speech_tracker.integrations.speechbrain.vocabulary import speech_of
from speech_tracker.ranks import world_size
from speech_tracker.schema import Augmentation, Speech


def speech(config: Mapping[str, Any], modules: Any, task: str) -> Speech:
    """Return the description of a training.

    Args:
        config: as `configuration` returns it.
        modules: the Brain's modules; they alone know the numbers of parameters.
        task: standard name.
    """
    parameters = list(modules.parameters()) if modules is not None else []
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    counts = (sum(each.numel() for each in parameters) or None, trained or None)
    everything = {**config, **config.get("run_options", {})}
    described = speech_of(everything, task, version=speechbrain.__version__, parameters=counts)
    training = replace(described.training, devices=world_size())
    return replace(described, training=training, augmentation=augmentation(config, described.augmentation))


def augmentation(config: Mapping[str, Any], known: Augmentation) -> Augmentation:
    """Return the augmentation by the classes that the configuration builds, whatever the recipe calls them.

    >>> masks = {"mask": {"_tag": "!new:speechbrain.augment.freq_domain.SpectrogramDrop", "dim": 2}}
    >>> found = augmentation(masks, Augmentation())
    >>> found.spec_augment, found.spec_augment_settings
    (True, {'mask': {'class': 'SpectrogramDrop', 'dim': 2}})
    """
    found = list(_built(config))
    masks = {
        key: {"class": name, **settings}
        for key, name, settings in found
        if name in ("SpectrogramDrop", "Warping", "SpecAugment")
    }
    names = {name for _, name, _ in found}
    speeds = next((settings.get("speeds") for _, name, settings in found if name == "SpeedPerturb"), None)
    factors = tuple(each / 100 for each in speeds) if isinstance(speeds, list) else known.speed_perturbation
    return replace(
        known,
        spec_augment=True if masks else known.spec_augment,
        spec_augment_settings=masks or known.spec_augment_settings,
        speed_perturbation=factors,
        noise=True if "AddNoise" in names else known.noise,
        rir=True if "AddReverb" in names else known.rir,
    )


def _built(value: Any, key: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (key, class, arguments) of everything that the configuration builds, however deep."""
    if isinstance(value, Mapping):
        tag = str(value.get("_tag", ""))
        if tag.startswith("!new:"):
            yield key, tag.rpartition(".")[2], {name: each for name, each in value.items() if name != "_tag"}
        for name, each in value.items():
            yield from _built(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _built(each, key)
