"""What a run was made from: the other runs whose folders its training jobs read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from speech_tracker.integrations.kaldi.folders import RunFolder
from speech_tracker.integrations.kaldi.job_headers import JobHeader

if TYPE_CHECKING:
    from speech_tracker.arguments import Relation

_ALIGNMENTS = ("ali", "lats")
_ALIGNED = re.compile(r"_(?:ali|lats|denlats)\w*$")
"""Folders of alignments and lattices are named after the model that made them."""


def parents_of(run: RunFolder, places: Mapping[str, str], arguments: Mapping[str, object]) -> dict[str, bool]:
    """Return the paths of the runs that a run was made from, in the order in which its jobs name them.

    The value of each says whether it is known only by the alignments that it made.

    Args:
        run: the run.
        places: absolute folder of each run → its path.
        arguments: of `train.py`, whose ``…_dir`` are such folders too.
    """
    named = [
        folder
        for file in run.files
        for record in file.records
        if isinstance(record, JobHeader)
        for folder in record.folders
    ]
    named += [value for name, value in arguments.items() if name.endswith("_dir") and isinstance(value, str)]
    found: dict[str, bool] = {}
    for folder in dict.fromkeys(named):
        path = _run_at(folder, places)
        by_name = path is None or path == run.path
        if by_name:
            # an alignment folder has a copy of its model; one that is gone still names it
            path = _run_at(_ALIGNED.sub("", folder), places) if _ALIGNED.search(folder) else None
        if path is not None and path != run.path:
            found[path] = found.get(path, True) and by_name
    return found


def _run_at(folder: str, places: Mapping[str, str]) -> str | None:
    """The run that a path in a command lies in, wherever the experiment was made."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        parts.pop(0)
    # from another machine all that counts is what comes after its recipe's folder
    if "exp" in parts:
        parts = parts[parts.index("exp") :]
    for length in range(len(parts), 1, -1):
        ending = "/" + "/".join(parts[:length])
        matches = [path for place, path in places.items() if place.endswith(ending)]
        if len(matches) == 1:
            return matches[0]
    return None


def relation_of(kind: str, parent_kind: str, *, by_alignments: bool) -> Relation:
    """Return how a run relates to one that it was made from."""
    if by_alignments or parent_kind in _ALIGNMENTS or kind in _ALIGNMENTS:
        return "aligned-with"
    return "made-from"


def in_order(paths: Iterable[str], parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the paths with every run after those that it was made from; circles are cut where they close."""
    ordered: list[str] = []
    entered: set[str] = set()

    def visit(path: str) -> None:
        if path in entered:
            return
        entered.add(path)
        for parent in parents.get(path, ()):
            visit(parent)
        ordered.append(path)

    for path in paths:
        visit(path)
    return ordered
