"""The checkpoints in a model folder: epochs, the best by each criterion, averages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from speech_tracker.ingest.found import FoundTable
from speech_tracker.integrations.espnet.folders import ModelFolder
from speech_tracker.integrations.espnet.read import Tree

_EPOCH = re.compile(r"^(\d+)epoch\.pth$")
_BEST = re.compile(r"^(\w+\.[\w./-]+?)\.best\.pth$")
_AVERAGE = re.compile(r"^(\w+\.[\w./-]+?)\.ave(?:_(\d+)best)?\.pth$")
COLUMNS = ("file", "kind", "epoch", "step", "criterion", "members", "bytes")


def checkpoint_table(model: ModelFolder, steps_of: Mapping[int, int]) -> FoundTable | None:
    """Return the checkpoints as a table, None when there are none.

    What stands for another file (`valid.acc.best.pth` for that of its epoch) has the epoch of that file.
    """
    rows: list[tuple[object, ...]] = []
    for entry in model.models:
        epoch, best, average = (pattern.match(entry.name) for pattern in (_EPOCH, _BEST, _AVERAGE))
        number = int(epoch[1]) if epoch is not None else None
        kind = (
            "epoch"
            if epoch is not None
            else "best"
            if best is not None
            else "average"
            if average is not None
            else "other"
        )
        criterion = best[1] if best is not None else average[1] if average is not None else None
        members = int(average[2]) if average is not None and average[2] else None
        rows.append((entry.name, kind, number, steps_of.get(number or -1), criterion, members, entry.stat.st_size))
    return FoundTable("checkpoints", COLUMNS, tuple(rows)) if rows else None


def final_models(model: ModelFolder, tree: Tree) -> tuple[str, ...]:
    """Return the file that a decoding takes: the average or the best by the first criterion, else the latest."""
    config = model.config.values if model.config is not None else {}
    criteria = config.get("best_model_criterion") or ()
    first = criteria[0] if criteria and isinstance(criteria, (list, tuple)) else ("valid", "acc")
    name = ".".join(str(each) for each in first[:2]) if isinstance(first, (list, tuple)) else "valid.acc"
    there = {entry.name: entry for entry in model.models}
    for wanted in (f"{name}.ave.pth", f"{name}.best.pth"):
        if wanted in there:
            return (tree.shown(there[wanted].path),)
    averages = [each for each in there if _AVERAGE.match(each)] or [each for each in there if _BEST.match(each)]
    epochs = sorted((each for each in there if _EPOCH.match(each)), key=lambda each: int(each.partition("e")[0]))
    chosen = sorted(averages)[-1:] or epochs[-1:]
    return tuple(tree.shown(there[each].path) for each in chosen)
