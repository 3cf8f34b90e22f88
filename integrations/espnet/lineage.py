"""Which run was made with which other one: the language model of a decoding, the model that a training began with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speech_tracker.integrations.espnet.decode_settings import Search
from speech_tracker.integrations.espnet.folders import ModelFolder

if TYPE_CHECKING:
    from speech_tracker.arguments import Relation


@dataclass(frozen=True, slots=True)
class Parent:
    """How a run relates to another one."""

    relation: Relation


def parents_of(
    model: ModelFolder, searches: Mapping[str, Search], places: Mapping[str, ModelFolder]
) -> dict[str, Parent]:
    """Return the path of each run that a model was made with, relative to the root.

    Args:
        model: the model.
        searches: how test sets were decoded with it.
        places: every model by its path.
    """
    parents: dict[str, Parent] = {}
    for search in searches.values():
        path = _named(search.language_model, places)
        if path is not None and path != model.path:
            parents.setdefault(path, Parent("made-from"))
    config = model.config.values if model.config is not None else {}
    for given in config.get("init_param") or ():
        # <file>:<key of the source>:<key here>:<left out>
        parts = str(given).partition(":")[0].split("/")
        path = _named(parts[-2], places) if len(parts) > 1 else None
        if path is not None and path != model.path:
            parents[path] = Parent("fine-tuned-from")
    return parents


def _named(name: str, places: Mapping[str, ModelFolder]) -> str | None:
    found = [path for path, model in places.items() if name and model.name == name]
    return found[0] if len(found) == 1 else None
