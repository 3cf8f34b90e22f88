"""Which files belong to which model, and which of them to which decoded test set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.config_file import TrainingConfig
from speech_tracker.integrations.espnet.inference_logs import EspnetCommand
from speech_tracker.integrations.espnet.read import Entry, ReadFile, Tree
from speech_tracker.integrations.espnet.tags import is_statistics, kind_of, metric_of, task_of
from speech_tracker.integrations.espnet.train_log import EpochResults, EpochStarted, StepMeans


@dataclass(slots=True)
class DecodedFolder:
    """``<inference tag>/<test set>`` of a model.

    Attributes:
        path: relative to the root.
        tag: how it was decoded; `""` where the folder has no such level.
        test_set: name.
        files: that were read: results, logs of jobs.
        others: hypotheses and transcripts, by path.
    """

    path: str
    tag: str
    test_set: str
    files: list[ReadFile] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class ModelFolder:
    """A folder of ``exp/`` with a model.

    Attributes:
        path: relative to the root, `""` for the root itself.
        name: its own name.
        files: that were read and belong to the training.
        decodes: by path.
        models: checkpoints.
        figures: number of pictures.
    """

    path: str
    name: str
    files: list[ReadFile] = field(default_factory=list)
    decodes: dict[str, DecodedFolder] = field(default_factory=dict)
    models: list[Entry] = field(default_factory=list)
    figures: int = 0

    @property
    def config(self) -> TrainingConfig | None:
        """The arguments of the training; None where there is no `config.yaml`."""
        return next(
            (record for file in self.files for record in file.records if isinstance(record, TrainingConfig)), None
        )

    @property
    def kind(self) -> str:
        """ESPnet's kind of model, such as ``asr`` or ``lm``: the beginning of the folder's name; ``espnet`` for another."""
        return kind_of(self.name) or "espnet"

    @property
    def task(self) -> str:
        """Our name of its task."""
        return task_of(self.name) or _task_by_config(self.config)

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio: 16000 where its configuration does not say."""
        try:
            return facts.sample_rate(self.config.values if self.config is not None else {})
        except (ValueError, TypeError):
            return 16000

    def logs(self) -> list[ReadFile]:
        """The logs of the training, the oldest first."""
        found = [file for file in self.files if file.entry.role.kind == "train"]
        return sorted(found, key=lambda file: (file.entry.role.number == 0, -file.entry.role.number))


def _task_by_config(config: TrainingConfig | None) -> str:
    """The task of a folder of another name: only a language model's configuration has an `lm`, and so on."""
    values = config.values if config is not None else {}
    if "tts" in values:
        return "tts"
    if "separator" in values and "encoder" in values and "decoder" not in values:
        return "se"
    if "lm" in values and "encoder" not in values:
        return "lm"
    return "asr" if "ctc_conf" in values or "encoder" in values else "other"


_OF_JOBS = ("logdir", "log")
"""Folders of the logs of a decoding; that of TTS is called ``log``."""

_TRAINED = (StepMeans, EpochResults, EpochStarted)


def find_models(tree: Tree, files: Iterable[ReadFile]) -> tuple[list[ModelFolder], list[ReadFile], int]:
    """Return the models, the files of results, and the number of files that belong to neither."""
    files = list(files)
    root_name = tree.root.resolve().name
    paths = set(_trained(files, root_name)) | set(_decoded(tree, root_name))
    models = {path: ModelFolder(path, path.rpartition("/")[2] or root_name) for path in sorted(paths)}
    results: list[ReadFile] = []
    strays = 0
    read = {file.entry.path: file for file in files}
    for entry in tree.entries:
        file = read.get(entry.path)
        if file is not None and entry.role.kind == "results":
            results.append(file)
            continue
        model = next((models[path] for path in _ancestors(entry.folder) if path in models), None)
        if model is None or not _add(model, entry, file):
            strays += 1
    return list(models.values()), results, strays


def _ancestors(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _trained(files: Iterable[ReadFile], root_name: str) -> Iterator[str]:
    """Folders with the log or the configuration of a training, which the statistics of the recipe's stage 10 are not."""
    for file in files:
        folder = file.entry.folder
        if is_statistics(f"{root_name}/{folder}"):
            continue
        for record in file.records:
            is_config = isinstance(record, TrainingConfig) and not record.values.get("collect_stats")
            is_command = isinstance(record, EspnetCommand) and record.program.endswith("_train")
            if is_config or (file.entry.role.kind == "train" and (is_command or isinstance(record, _TRAINED))):
                yield folder
                break


def _decoded(tree: Tree, root_name: str) -> Iterator[str]:
    """Folders of models of which only what was decoded with them is left, or only their checkpoints."""
    for entry in tree.entries:
        parts = entry.folder.split("/") if entry.folder else []
        kind = entry.role.kind
        if is_statistics(f"{root_name}/{entry.folder}"):
            continue
        below = 0
        if kind in ("result", "translation"):
            below = 3  # <tag>/<set>/score_wer
        elif kind in ("inference", "speed"):
            below = 3 if parts and parts[-1] in _OF_JOBS else 2
        elif kind == "measure":
            below = 2  # enhanced_<set>/scoring
        elif kind == "perplexity":
            below = 1
        elif kind != "model":
            continue
        if len(parts) < below:
            continue
        name = parts[len(parts) - below - 1] if len(parts) > below else root_name
        if name in _OF_JOBS:
            continue
        if task_of(name) is not None or (kind == "result" and parts[-3].startswith(("decode", "inference"))):
            yield "/".join(parts[: len(parts) - below])


def _add(model: ModelFolder, entry: Entry, file: ReadFile | None) -> bool:
    """Put a file where it belongs; return whether it is of use there."""
    kind = entry.role.kind
    if kind == "figure":
        model.figures += 1
        return True
    if kind == "model":
        if entry.folder == model.path:
            model.models.append(entry)
        return entry.folder == model.path
    if kind in ("train", "config", "perplexity"):
        if file is not None and (kind == "perplexity" or entry.folder == model.path):
            model.files.append(file)
            return True
        return False
    below = entry.folder[len(model.path) :].strip("/")
    parts = below.split("/") if below else []
    if "logdir" in parts:
        parts = parts[: parts.index("logdir")]
    elif parts and (parts[-1] in ("scoring", *_OF_JOBS) or metric_of(parts[-1]) is not None):
        parts = parts[:-1]
    if not parts:
        return False
    path = "/".join(part for part in (model.path, *parts) if part)
    tag, names = (parts[0], parts[1:]) if len(parts) > 1 else ("", parts)
    # the recipes keep what they have not filtered below ``org``
    test_set = "/".join(names[1:] if len(names) > 1 and names[0] == "org" else names).removeprefix("enhanced_")
    decode = model.decodes.setdefault(path, DecodedFolder(path, tag, test_set))
    if file is not None:
        decode.files.append(file)
    else:
        decode.others.append(entry)
    return True
