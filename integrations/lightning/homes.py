"""The folders of loggers below a folder, each with the files that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import Entry, FileRole, Tree
from speech_tracker.integrations.lightning import layout

OWN = (layout.METRICS, layout.EVENTS)
"""What makes a folder that of a logger."""


@dataclass(slots=True)
class Home:
    """The folder of a logger, with what belongs to it.

    Attributes:
        path: relative to the root, ``""`` for the root itself.
        files: that were read.
        checkpoints: in it or below it.
    """

    path: str
    files: list[ReadFile[FileRole]] = field(default_factory=list)
    checkpoints: list[Entry[FileRole]] = field(default_factory=list)

    def records(self, role: FileRole) -> list[Any]:
        """Return what the files of a role said, in the order of the files."""
        return [record for file in self.files if file.entry.role == role for record in file.records]


def homes_of(tree: Tree[FileRole], files: Sequence[ReadFile[FileRole]]) -> tuple[list[Home], int]:
    """Return the loggers' folders in the order of their versions, and the number of files that belong to none."""
    paths = {entry.folder for entry in tree.entries if entry.role in OWN}
    for entry in tree.entries:
        # a file of this name is nothing by itself: other recipes call their own so
        if entry.role == layout.HPARAMS and (
            Path(entry.folder).name.startswith("version_") or f"{entry.folder}/checkpoints".lstrip("/") in tree.folders
        ):
            paths.add(entry.folder)
    if not paths:  # a recipe without a logger leaves only its checkpoints
        paths = {
            entry.folder.rpartition("/")[0] if Path(entry.folder).name == "checkpoints" else entry.folder
            for entry in tree.entries
            if entry.role == layout.CHECKPOINT
        }
    homes = {path: Home(path) for path in sorted(paths, key=_version_order)}
    strays = 0
    read = {file.entry.path: file for file in files}
    for entry in tree.entries:
        home = _home_of(entry, homes)
        if home is None:
            strays += 1
        elif entry.role == layout.CHECKPOINT:
            home.checkpoints.append(entry)
        elif entry.path in read:
            home.files.append(read[entry.path])
    return list(homes.values()), strays


def _version_order(path: str) -> tuple[str, int, str]:
    head, _, name = path.rpartition("/")
    number = name.removeprefix("version_")
    return head, int(number) if number.isdigit() else -1, name


def _home_of(entry: Entry[FileRole], homes: Mapping[str, Home]) -> Home | None:
    folder = entry.folder
    while folder not in homes and folder:
        folder = folder.rpartition("/")[0]
    if folder in homes:
        return homes[folder] if folder == entry.folder or entry.role not in OWN else None
    # what stands above the loggers' folders is of the only one, or of nobody
    return next(iter(homes.values())) if len(homes) == 1 else None
