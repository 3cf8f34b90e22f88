"""The configuration, the description and the data sets of a model that was found on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundDataset, LocatedProblem
from speech_tracker.ingest.typed import number_of
from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.curves import Curves
from speech_tracker.integrations.espnet.data_folders import data_folders, dataset
from speech_tracker.integrations.espnet.evaluations import Decoded, find_data
from speech_tracker.integrations.espnet.folders import ModelFolder
from speech_tracker.integrations.espnet.inference_logs import EspnetCommand
from speech_tracker.integrations.espnet.read import Tree
from speech_tracker.integrations.espnet.train_log import ModelSize
from speech_tracker.schema import Decoding, Model, Speech


def config_of(model: ModelFolder, curves: Curves) -> dict[str, Any]:
    """Return the arguments of the training as the adapter records them, and what else its folder tells below ``espnet``."""
    config = dict(model.config.values) if model.config is not None else {}
    told: dict[str, Any] = {}
    commands = [each for file in model.logs() for each in file.records if isinstance(each, EspnetCommand)]
    if commands and not config:
        told["command"] = {"program": commands[-1].program, **dict(commands[-1].options)}
    if curves.epochs:
        told["epochs"] = len(curves.epochs)
    if curves.max_epoch is not None and "max_epoch" not in config:
        told["max_epoch"] = curves.max_epoch
    if model.figures:
        told["figures"] = model.figures
    if told:
        config["espnet"] = told
    return config


def speech_of(
    model: ModelFolder, decoded: Decoded, datasets: Iterable[FoundDataset], tree: Tree
) -> tuple[Speech, list[LocatedProblem]]:
    """Return the description in the common vocabulary, and what of the configuration could not be understood."""
    config = dict(model.config.values) if model.config is not None else {}
    config.pop("token_list", None)  # it is shortened here
    problems: list[LocatedProblem] = []
    try:
        speech = facts.speech(config, task=model.task) if config else Speech(task=model.task, toolkit="espnet")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        where = tree.shown(f"{model.path}/config.yaml" if model.path else "config.yaml")
        problems.append(LocatedProblem(where, None, f"its values are not those of ESPnet: {error}"))
        speech = Speech(task=model.task, toolkit="espnet")
    sizes = {
        each.trainable: each.parameters for file in model.logs() for each in file.records if isinstance(each, ModelSize)
    }
    described: Model = replace(
        speech.model,
        parameters=sizes.get(False),
        trainable_parameters=sizes.get(True),
        vocabulary_size=model.config.vocabulary_size if model.config is not None else None,
    )
    tested = tuple(dict.fromkeys(each.test_set for each in decoded.evaluations)) or None
    chosen = next((each for each in reversed(decoded.evaluations) if each.reported is not None), None)
    settings = chosen.decoding if chosen is not None else {}
    search = decoded.searches.get(_path_of(chosen.path, tree)) if chosen is not None else None
    return replace(
        speech,
        model=described,
        data=replace(speech.data, test_sets=tested, **_sizes(datasets)),
        decoding=Decoding(
            beam_size=_whole(settings.get("beam_size")),
            ctc_weight=number_of(settings.get("ctc_weight")),
            lm_weight=number_of(settings.get("lm_weight")),
            word_insertion_penalty=number_of(settings.get("penalty")),
            language_model=(search.language_model or None) if search is not None else None,
        ),
    ), problems


def _sizes(datasets: Iterable[FoundDataset]) -> dict[str, Any]:
    """Sizes of training and validation, as the adapter sums them over data folders."""
    found: dict[str, Any] = {}
    for split, names in (("train", ("utterances", "hours", "speakers")), ("valid", ("utterances",))):
        sizes = [each for each in datasets if each.split == split]
        for name in names if len(sizes) == 1 else names[:2]:  # the speakers of two folders may be the same
            values = [getattr(each, name) for each in sizes]
            if values and None not in values:
                found[f"{split}_{name}"] = sum(values)
    return found


def _path_of(shown: str, tree: Tree) -> str:
    root = str(tree.root)
    return shown[len(root) :].strip("/") if shown.startswith(root) else shown


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def datasets_of(model: ModelFolder, decoded: Decoded, tree: Tree) -> tuple[FoundDataset, ...]:
    """Return what a model was trained and tested on, by the folders that its configuration and its jobs name."""
    near = tree.root / model.path
    config = model.config.values if model.config is not None else {}
    found: dict[tuple[str, str], FoundDataset] = {}
    for split in ("train", "valid"):
        try:
            folders = list(data_folders(config, split))
        except (TypeError, ValueError):  # a damaged configuration, which `speech_of` reports
            folders = []
        for folder in folders:
            found.setdefault((folder.name, split), _dataset(folder.name, split, str(folder), model, near))
    for path, decode in model.decodes.items():
        search = decoded.searches[path]
        if search.data:
            split = f"test/{decode.test_set}"
            found.setdefault((decode.test_set, split), _dataset(decode.test_set, split, search.data, model, near))
    return tuple(found.values())


def _dataset(name: str, split: str, named: str, model: ModelFolder, near: Path) -> FoundDataset:
    place = find_data(named, near)
    size = dataset(place, model.sample_rate) if place is not None else {}
    return FoundDataset(
        name, split, str(place or named), None, size.get("utterances"), size.get("hours"), size.get("speakers"), {}
    )  # fmt: skip
