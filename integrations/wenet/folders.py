"""Which files belong to which experiment of WeNet: logs anywhere in the recipe, the rest in the model's folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.integrations.wenet.checkpoints import CheckpointInfo
from speech_tracker.integrations.wenet.evaluations import DecodeFolder
from speech_tracker.integrations.wenet.names import parse_decode_name
from speech_tracker.integrations.wenet.read import Entry, ReadFile, Tree
from speech_tracker.integrations.wenet.sdk_logs import DecoderFigure
from speech_tracker.integrations.wenet.train_logs import CheckpointSaved, TrainBatch


@dataclass(slots=True)
class RunFolder:
    """An experiment.

    Attributes:
        path: of its folder, relative to the root; of its log where the folder is not there.
        logs: of the training.
        infos: epoch → what stands beside its checkpoint.
        step_infos: the same of checkpoints that were saved within an epoch.
        info_files: the files beside checkpoints.
        config: ``train.yaml``.
        decodes: its searches.
        models: checkpoints.
        is_log: whether it is known by its log only.
    """

    path: str
    logs: list[ReadFile] = field(default_factory=list)
    infos: dict[int, CheckpointInfo] = field(default_factory=dict)
    step_infos: list[CheckpointInfo] = field(default_factory=list)
    info_files: list[ReadFile] = field(default_factory=list)
    config: ReadFile | None = None
    decodes: dict[str, DecodeFolder] = field(default_factory=dict)
    models: list[Entry] = field(default_factory=list)
    is_log: bool = False


def find_runs(tree: Tree, files: Iterable[ReadFile]) -> tuple[list[RunFolder], list[ReadFile]]:
    """Return the experiments of a tree, and the files that belong to none."""
    by_parser: dict[str, list[ReadFile]] = {}
    for file in files:
        by_parser.setdefault(file.entry.role.parser, []).append(file)
    found: dict[str, RunFolder] = {}
    strays: list[ReadFile] = list(by_parser.get("page", ()))
    for file in by_parser.get("checkpoint", ()):
        run = found.setdefault(file.entry.folder, RunFolder(file.entry.folder))
        run.info_files.append(file)
        for record in file.records:
            if isinstance(record, CheckpointInfo):
                epoch = record.epoch if record.epoch is not None else _epoch_of(file.entry.role.tag)
                if file.entry.role.tag.startswith("step"):
                    run.step_infos.append(record)
                elif epoch is not None:
                    run.infos[epoch] = record
    wer_folders = {file.entry.folder for file in by_parser.get("wer", ())}
    models = {entry.folder for entry in tree.entries if entry.role.parser == "model"}
    trained = set(found) | models | {file.entry.folder for file in by_parser.get("config", ())}
    for file in by_parser.get("wer", ()):
        decode = _decode(found, trained, file.entry.folder)
        decode.wer.append(file)
    for file in by_parser.get("rtf", ()):
        if file.entry.folder in wer_folders:
            _decode(found, trained, file.entry.folder).rtf = file
        else:
            strays.append(file)
    for entry in tree.entries:
        if entry.role.parser == "text":
            name = entry.folder.rpartition("/")[2]
            if entry.folder in wer_folders or (
                parse_decode_name(name) is not None and _parent(entry.folder) in trained
            ):
                _decode(found, trained, entry.folder).text = entry
    for file in by_parser.get("log", ()):
        _place_log(file, found, trained, tree, strays)
    for file in by_parser.get("config", ()):
        if file.entry.folder in found:
            found[file.entry.folder].config = file
        else:
            strays.append(file)
    for entry in tree.entries:
        if entry.role.parser == "model" and entry.folder in found:
            found[entry.folder].models.append(entry)
    return sorted(found.values(), key=lambda run: run.path), strays


def _epoch_of(tag: str) -> int | None:
    plain = tag.removeprefix("epoch_")
    return int(plain) if plain.isdecimal() else None


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def _decode(found: dict[str, RunFolder], trained: set[str], folder: str) -> DecodeFolder:
    """The decode folder, in the experiment above it that has a model, else in the folder above."""
    owner = _parent(folder)
    above = folder
    while above:
        above = _parent(above)
        if above in trained or above in found:
            owner = above
            break
    run = found.setdefault(owner, RunFolder(owner))
    return run.decodes.setdefault(folder, DecodeFolder(folder))


def _place_log(
    file: ReadFile, found: dict[str, RunFolder], trained: set[str], tree: Tree, strays: list[ReadFile]
) -> None:
    if any(isinstance(each, TrainBatch) for each in file.records):
        folder = _model_folder(file, tree)
        if folder is None and file.entry.folder in trained:
            folder = file.entry.folder
        if folder is None:
            run = RunFolder(file.entry.path, [file], is_log=True)
            found[file.entry.path] = run
        else:
            found.setdefault(folder, RunFolder(folder)).logs.append(file)
    elif any(isinstance(each, DecoderFigure) for each in file.records):
        folder = file.entry.folder
        parent = _parent(folder)
        known = next((run for run in found.values() for each in (folder, parent) if each in run.decodes), None)
        if known is not None:
            known.decodes[folder if folder in known.decodes else parent].logs.append(file)
        else:  # each log of a folder without scores is a search of its own
            run = found.setdefault(folder, RunFolder(folder))
            run.decodes[file.entry.path] = DecodeFolder(folder, logs=[file])
    else:
        strays.append(file)


def _model_folder(file: ReadFile, tree: Tree) -> str | None:
    """The folder that a training saved its checkpoints to, where it is in the tree; paths in logs are of their recipe."""
    saved = next((each.path for each in file.records if isinstance(each, CheckpointSaved)), "")
    target = saved.rpartition("/")[0].removeprefix("./").strip("/")
    if not target:
        return None
    folders = set(tree.folders)
    above = file.entry.folder
    while True:
        candidate = f"{above}/{target}" if above else target
        if candidate in folders:
            return candidate
        if not above:
            break
        above = _parent(above)
    ends = [each for each in folders if target.endswith(f"/{each}") or each.endswith(f"/{target}")]
    return ends[0] if len(ends) == 1 and ends[0] else None
