"""Facts about a model: its configuration, its description in the speech vocabulary, its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.ingest.typed import number_of
from speech_tracker.integrations.kaldi.datasets import DataUse
from speech_tracker.integrations.kaldi.folders import RunFolder
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.model_facts import Layer, Options, parse_gmm_shape, parse_tree_head
from speech_tracker.integrations.kaldi.progress_logs import NetworkFact
from speech_tracker.integrations.kaldi.test_sets import data_path
from speech_tracker.integrations.kaldi.trainer_output import parse_arguments
from speech_tracker.integrations.kaldi.walk import Tree
from speech_tracker.integrations.kaldi.wer_details import SingleNumber
from speech_tracker.schema import Data, Decoding, Features, Model, Speech, Training

_HEAD_OF_MODEL = 4 << 20
"""Bytes of a GMM in which its size is looked for: the transition model comes first, of some hundred kilobytes."""

_TRAINING_STEMS = ("train", "update", "acc", "align", "iter.tr", "init", "build_tree", "fmllr")


def trainer_arguments(run: RunFolder, tree: Tree) -> dict[str, object]:
    """Return the arguments that `train.py` was called with, empty where it does not say."""
    for file in run.files:
        if file.entry.role.kind == "trainer":
            try:
                text = (tree.root / file.entry.path).read_bytes().decode("utf-8", "backslashreplace")
            except OSError:
                continue
            found = parse_arguments(text)
            if found is not None:
                return found
    return {}


def config_of(run: RunFolder, kind: str, arguments: Mapping[str, object], data: DataUse, tree: Tree) -> dict[str, Any]:
    """Return what is known of a run's configuration, under the name of the toolkit."""
    config: dict[str, Any] = {"kind": kind}
    commands: dict[str, dict[str, str]] = {}
    for file in run.files:
        name, role = file.entry.name, file.entry.role
        if role.kind == "number" and name not in ("lmwt", "wip"):
            config.update((name, _plain(record.value)) for record in file.records if isinstance(record, SingleNumber))
        elif role.kind == "options":
            values = [dict(record.values) for record in file.records if isinstance(record, Options)]
            if values and values[-1]:
                config.setdefault("options", {})[name] = values[-1]
        elif role.kind == "log" and role.stem in _TRAINING_STEMS and role.stem not in commands:
            options = next((dict(each.options) for each in file.records if isinstance(each, JobHeader)), {})
            if options:
                commands[role.stem] = options
        for record in file.records:
            if isinstance(record, NetworkFact):
                config.setdefault("network", {})[record.name.replace("-", "_")] = record.value
    layers = [record for file in run.files for record in file.records if isinstance(record, Layer)]
    if layers:
        config["layers"] = [{"type": each.type, "name": each.name, **dict(each.options)} for each in layers]
    if commands:
        config["commands"] = commands
    if arguments:
        config["train_py"] = dict(arguments)
    if data.features:
        config["features"] = data.features
    config.update(_shapes(run, tree))
    return {"kaldi": config}


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _shapes(run: RunFolder, tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in run.others:
        path = tree.root / entry.path
        if entry.role.kind != "model" or entry.folder != run.path:
            continue
        if entry.name == "tree":
            shape = parse_tree_head(_head(path, 256))
            found["tree"] = {"bytes": entry.stat.st_size}
            if shape is not None:
                found["tree"].update(context_width=shape.context_width, central_position=shape.central_position)
        elif entry.name.startswith("final."):
            found.setdefault("model_bytes", entry.stat.st_size)
            gmm = parse_gmm_shape(_head(path, _HEAD_OF_MODEL)) if entry.name == "final.mdl" else None
            if gmm is not None:
                found["feature_dim"], found["num_pdfs"] = gmm.feature_dim, gmm.num_pdfs
    return found


def _head(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def version_of(run: RunFolder, tree: Tree) -> str | None:
    """Return Kaldi's version, from the first log that has a header with one."""
    files = [*run.files, *(file for decode in run.decodes.values() for file in decode.files)]
    for file in files[:20]:
        if file.entry.role.kind == "log":
            match = re.search(rb" \([\w-]+\[(\d[^\]\s]*)\]:", _head(tree.root / file.entry.path, 16_384))
            if match is not None:
                return match[1].decode("ascii", "replace")
    return None


def speech_of(
    run: RunFolder, kind: str, config: Mapping[str, Any], data: DataUse, decoding: Mapping[str, Any], tree: Tree
) -> Speech:
    """Return the description of a run in the common vocabulary; what is not known stays out."""
    kaldi = config["kaldi"]
    network, arguments = kaldi.get("network", {}), kaldi.get("train_py", {})
    features, training = data.features, data.training
    epochs = arguments.get("num_epochs")
    names = [each.path for each in data.datasets if each.split == "train"]
    return Speech(
        task="lm" if kind == "rnnlm" else "asr",
        toolkit="kaldi",
        toolkit_version=version_of(run, tree),
        model=Model(
            type=(model_type := _model_type(kind, kaldi)),
            encoder=model_type.removeprefix(f"{kind}-") if model_type != kind else None,
            encoder_layers=_hidden_layers(kaldi) or None,
            parameters=network.get("num-parameters") or network.get("num_parameters"),
            vocabulary_size=network.get("num_pdfs") or kaldi.get("num_pdfs"),
            subsampling=kaldi.get("frame_subsampling_factor") or _whole(arguments.get("frame_subsampling_factor")),
        ),
        data=Data(
            datasets=tuple(dict.fromkeys(each.name for each in data.datasets if each.split == "train")) or None,
            train_hours=training.hours if training else None,
            train_utterances=training.utterances if training else None,
            train_speakers=training.speakers if training else None,
            test_sets=tuple(each.name for each in data.datasets if each.split.startswith("test/")) or None,
            version=training.version if training else None,
        ),
        features=Features(
            type=_text(features.get("type")),
            sample_rate=_whole(features.get("sample_rate")),
            n_mels=_whole(features.get("n_mels")),
            window_ms=number_of(features.get("window_ms")),
            hop_ms=number_of(features.get("hop_ms")),
            normalization=" ".join(f"--{k}={v}" for k, v in kaldi.get("options", {}).get("cmvn_opts", {}).items())
            or None,
        ),
        augmentation=_augmentation(names),
        training=Training(
            learning_rate=number_of(arguments.get("initial_effective_lrate")),
            max_epochs=int(epochs) if isinstance(epochs, (int, float)) and float(epochs).is_integer() else None,
            seed=_whole(arguments.get("srand")),
            devices=_whole(arguments.get("num_jobs_final")),
        ),
        decoding=Decoding(
            beam=number_of(decoding.get("beam")),
            lattice_beam=number_of(decoding.get("lattice_beam")),
            acoustic_scale=number_of(decoding.get("acoustic_scale")),
            lm_weight=number_of(decoding.get("lm_weight")),
            word_insertion_penalty=number_of(decoding.get("word_insertion_penalty")),
            method="lattice" if decoding else None,
        ),
    )


def _augmentation(names: list[str]) -> Any:
    from speech_tracker.schema import Augmentation

    folders = " ".join(data_path(name) or name for name in names)
    return Augmentation(
        # the three-way perturbation of utils/data/perturb_data_dir_speed_3way.sh is told by the folder's name only
        speed_perturbation=(0.9, 1.0, 1.1) if re.search(r"_sp(_|$|\s)", folders) else None,
        volume_perturbation=True if re.search(r"_vp(_|$|\s)", folders) else None,
        rir=True if re.search(r"_rvb\d*(_|$|\s)", folders) else None,
    )


def _model_type(kind: str, kaldi: Mapping[str, Any]) -> str:
    types = Counter(each["type"] for each in kaldi.get("layers", ()))
    text = " ".join(types)
    for marker, name in (
        ("lstm", "lstm"),
        ("gru", "gru"),
        ("attention", "attention"),
        ("conv", "cnn"),
        ("tdnnf", "tdnnf"),
    ):
        if marker in text:
            return f"{kind}-{name}"
    return f"{kind}-tdnn" if types and kind in ("chain", "nnet3") else kind


def _hidden_layers(kaldi: Mapping[str, Any]) -> int:
    ignored = ("input", "output", "output-layer", "fixed-affine-layer", "prefinal-layer", "idct-layer", "spec-augment-layer",
               "batchnorm-component", "delta-layer", "linear-component", "combine-feature-maps-layer", "no-op-component")  # fmt: skip
    return sum(each["type"] not in ignored for each in kaldi.get("layers", ()))


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and float(value).is_integer() else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
