"""Which files belong to which experiment: an ``exp`` folder with its ``log``, and the folders of its searches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.integrations.icefall.names import is_method_folder
from speech_tracker.integrations.icefall.params import params_of
from speech_tracker.integrations.icefall.read import Entry, ReadFile, Tree
from speech_tracker.integrations.icefall.train_logs import CheckpointSaved, TrainBatch


@dataclass(slots=True)
class RunFolder:
    """An experiment.

    Attributes:
        path: relative to the root.
        training: logs of the training, and what was printed of it.
        results: decode logs, ``errs`` and summaries.
        texts: ``recogs``.
        models: checkpoints.
    """

    path: str
    training: list[ReadFile] = field(default_factory=list)
    results: list[ReadFile] = field(default_factory=list)
    texts: list[Entry] = field(default_factory=list)
    models: list[Entry] = field(default_factory=list)


def run_folder_of(folder: str) -> str:
    """Return the folder of the experiment that a file in `folder` belongs to, both relative to the root.

    >>> run_folder_of("zipformer/exp/streaming/greedy_search"), run_folder_of("zipformer/exp/log")
    ('zipformer/exp', 'zipformer/exp')
    """
    parts = folder.split("/") if folder else []
    while len(parts) > 1 and (parts[-1] == "log" or is_method_folder(parts[-1])):
        parts.pop()
    return "/".join(parts) if not parts or (parts[-1] != "log" and not is_method_folder(parts[-1])) else ""


def _training_of(file: ReadFile, found: dict[str, RunFolder]) -> str | None:
    """The experiment whose training printed this: that which it names, else the only one beside or below it."""
    trained = [path for path, run in found.items() if any(each.entry.role.parser == "train" for each in run.training)]
    folder = run_folder_of(file.entry.folder)
    if folder in trained:
        return folder
    saved = next((each.path for each in file.records if isinstance(each, CheckpointSaved)), "")
    said = params_of(file.records).get("exp_dir") or saved.rpartition("/")[0]
    if isinstance(said, str) and said.strip("./"):
        name = said.removeprefix("./").strip("/")
        named = [path for path in trained if f"/{path}".endswith(f"/{name}") or f"/{name}".endswith(f"/{path}")]
        if len(named) == 1:
            return named[0]
    below = [path for path in trained if path.startswith(f"{folder}/" if folder else "")]
    return below[0] if len(below) == 1 else None


def find_runs(tree: Tree, files: Iterable[ReadFile]) -> tuple[list[RunFolder], list[ReadFile]]:
    """Return the experiments of a tree, and the files that belong to none."""
    found: dict[str, RunFolder] = {}
    pages: list[ReadFile] = []
    outputs: list[ReadFile] = []
    for file in files:
        parser = file.entry.role.parser
        if parser == "page":
            pages.append(file)
            continue
        if parser == "output":
            outputs.append(file)
            continue
        path = run_folder_of(file.entry.folder)
        run = found.setdefault(path, RunFolder(path))
        (run.training if parser in ("train", "output") else run.results).append(file)
    strays = list(pages)
    for file in outputs:
        owner = _training_of(file, found)
        if owner is None and any(isinstance(each, TrainBatch) for each in file.records):
            owner = run_folder_of(file.entry.folder)  # its logs are gone
            found.setdefault(owner, RunFolder(owner))
        if owner is None:
            strays.append(file)
        else:
            found[owner].training.append(file)
    for entry in tree.entries:
        path = run_folder_of(entry.folder)
        if entry.role.parser == "recogs":
            found.setdefault(path, RunFolder(path)).texts.append(entry)
        elif entry.role.parser == "model" and path in found:
            found[path].models.append(entry)
    return sorted(found.values(), key=lambda run: run.path), strays
