"""Which of the files below a folder belong to one experiment: those of an output folder, and what lies below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.speechbrain.layout import CHECKPOINT_FOLDER, OF_A_RUN
from speech_tracker.integrations.speechbrain.run_log import Noted, Started, TerminalLine

File = ReadFile[FileRole]


@dataclass(slots=True)
class OutputFolder:
    """The output folder of one experiment.

    Attributes:
        path: relative to the root.
        files: that belong to it.
        terminals: outputs of jobs that name it, wherever they lie.
    """

    path: str
    files: list[File] = field(default_factory=list)
    terminals: list[File] = field(default_factory=list)

    def of(self, parser: str) -> list[File]:
        """Return the files of a kind; those of the folder itself before those below it."""
        found = [file for file in self.files if file.entry.role.parser == parser]
        return sorted(found, key=lambda file: (file.entry.folder.count("/"), file.entry.path))

    def records(self, parser: str, *kinds: type[Any]) -> list[Any]:
        """Return the records of these classes that files of a kind have."""
        return [record for file in self.of(parser) for record in file.records if isinstance(record, kinds)]


def find_folders(tree: Tree[FileRole], files: Iterable[File]) -> tuple[list[OutputFolder], list[File]]:
    """Return the output folders below a root, and the read files that belong to none.

    A folder is one when a training log, SpeechBrain's log or its description of the system stands in it. A configuration
    makes one only with results beside it: published models come with theirs. Error rates alone, where no experiment is
    above them, are an experiment of which nothing else is left.
    """
    files = list(files)
    paths = {file.entry.folder for file in files if _proves(file)}
    with_config = {file.entry.folder for file in files if file.entry.role.parser == "hyperparams"}
    for file in files:
        if file.entry.role.parser in ("scores", "checkpoint"):
            paths.update(each for each in _above(file.entry.folder) if each in with_config)
    for file in files:
        if file.entry.role.parser == "scores" and file.records and not paths & set(_above(file.entry.folder)):
            paths.add(file.entry.folder)
    folders = {path: OutputFolder(path) for path in sorted(paths)}
    strays: list[File] = []
    for file in files:
        if file.entry.role.parser == "terminal":
            continue
        owner = next((each for each in _above(file.entry.folder) if each in folders), None)
        (strays if owner is None else folders[owner].files).append(file)
    for file in files:
        if file.entry.role.parser == "terminal":
            owners = _named_by(file, folders, tree)
            for path in owners:
                folders[path].terminals.append(file)
            if not owners:
                strays.append(file)
    return list(folders.values()), strays


def _proves(file: File) -> bool:
    parser = file.entry.role.parser
    if parser not in OF_A_RUN or parser == "hyperparams":
        return False
    if parser == "run_log":  # other programs have a log.txt too
        return any(isinstance(record, (Started, Noted)) for record in file.records)
    return bool(file.records) or (parser == "train_log" and bool(file.problems))


def _above(folder: str) -> list[str]:
    """The folder and those above it, up to the root; those of checkpoints and what holds them left out."""
    parts = folder.split("/") if folder else []
    if parts and CHECKPOINT_FOLDER.match(parts[-1]):
        parts = parts[:-1]
    return ["/".join(parts[:length]) for length in range(len(parts), -1, -1)]


def _named_by(file: File, folders: dict[str, OutputFolder], tree: Tree[FileRole]) -> list[str]:
    """The output folders that a job's output names: paths of the recipe's working folder, wherever that was."""
    named = [record.folder for record in file.records if isinstance(record, TerminalLine) and record.folder]
    return list(dict.fromkeys(path for each in named if (path := folder_named(each, folders, tree)) is not None))


def folder_named(named: str, folders: Iterable[str], tree: Tree[FileRole]) -> str | None:
    """Return the output folder whose path ends as a recipe's own name for it does; None when none or several do."""
    wanted = [part for part in named.strip().split("/") if part not in ("", ".", "..")]
    root = tree.root.absolute().parts
    fitting = [path for path in folders if [*root, *path.split("/")][-len(wanted) :] == wanted] if wanted else []
    if not fitting and "" in folders:
        fitting = [""] if list(root)[-len(wanted) :] == wanted else []
    return fitting[0] if len(fitting) == 1 else None
