"""The checkpoints in a model folder: epochs, the best by the recipe's criterion, averages."""

from __future__ import annotations

import re
from typing import Any

from speech_tracker.ingest.found import FoundCheckpoint
from speech_tracker.integrations.espnet.curves import Curves
from speech_tracker.integrations.espnet.folders import ModelFolder
from speech_tracker.integrations.espnet.read import Tree

_EPOCH = re.compile(r"^(\d{1,9})epoch\.pth$")
_BEST = re.compile(r"^(\w+\.[\w./-]+?)\.best\.pth$")
_AVERAGE = re.compile(r"^(\w+\.[\w./-]+?)\.ave(?:_(\d+)best)?\.pth$")


def criterion_of(model: ModelFolder) -> tuple[str, ...]:
    """Return the first criterion of the best model, such as ``("valid", "acc", "max")``; ESPnet's own where none is told."""
    config = model.config.values if model.config is not None else {}
    criteria: Any = config.get("best_model_criterion")
    first = criteria[0] if isinstance(criteria, list) and criteria else None
    if isinstance(first, list) and len(first) >= 2:
        return tuple(str(each) for each in first)
    return ("valid", "acc", "max")


def checkpoints_of(model: ModelFolder, curves: Curves, tree: Tree) -> tuple[FoundCheckpoint, ...]:
    """Return the checkpoints of epochs, with what was measured at their end, and averages.

    What only stands for another file, such as `valid.acc.best.pth` for that of its epoch, is no checkpoint of its own.
    """
    criterion = criterion_of(model)
    found = []
    best = ""
    for entry in model.models:
        if entry.name == f"{'.'.join(criterion[:2])}.best.pth":
            best = (tree.root / entry.path).resolve().name
    for entry in model.models:
        epoch = _EPOCH.match(entry.name)
        if epoch is not None:
            number = int(epoch[1])
            best_by = " ".join(criterion) if entry.name == best else ""
            found.append(
                FoundCheckpoint(
                    tree.shown(entry.path), curves.steps_of.get(number), number, curves.valid.get(number, {}), best_by
                )
            )
        elif _AVERAGE.match(entry.name) and not (tree.root / entry.path).is_symlink():
            found.append(FoundCheckpoint(tree.shown(entry.path), None, None, {}))
    return tuple(found)


def final_models(model: ModelFolder, tree: Tree) -> tuple[str, ...]:
    """Return the file that a decoding takes: the average or the best by the first criterion, else the latest."""
    name = ".".join(criterion_of(model)[:2])
    there = {entry.name: entry for entry in model.models}
    for wanted in (f"{name}.ave.pth", f"{name}.best.pth"):
        if wanted in there:
            return (tree.shown(there[wanted].path),)
    averages = [each for each in there if _AVERAGE.match(each)] or [each for each in there if _BEST.match(each)]
    epochs = sorted((each for each in there if _EPOCH.match(each)), key=lambda each: int(each.partition("e")[0]))
    chosen = sorted(averages)[-1:] or epochs[-1:]
    return tuple(tree.shown(there[each].path) for each in chosen)
