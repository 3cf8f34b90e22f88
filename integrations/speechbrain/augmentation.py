"""The augmentation of a recipe, by the classes that its configuration builds. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from speech_tracker.schema import Augmentation


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
