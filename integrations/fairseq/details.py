"""What else there is to say of a training: its events, data sets, what it was made from, its description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import FoundDataset, FoundLink, Happening
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.fairseq import facts
from speech_tracker.integrations.fairseq.curves import validation_sets
from speech_tracker.integrations.fairseq.places import file_of, normal, place_of, shown_place
from speech_tracker.integrations.fairseq.training_logs import (
    CheckpointLoaded,
    Component,
    Devices,
    ParameterCount,
    StoppedBecause,
)
from speech_tracker.integrations.fairseq.trainings import Training
from speech_tracker.schema import Speech

_OLDER = (("finetune_from_model", "checkpoint"), ("w2v_path", "model"))
"""Settings that name a model which another training made."""


def happenings_of(training: Training, tree: Tree[FileRole]) -> tuple[Happening, ...]:
    """Return the restarts, early ends and failures."""
    return tuple(_happenings(training, tree))


def _happenings(training: Training, tree: Tree[FileRole]) -> Iterator[Happening]:
    for number, session in enumerate(training.sessions):
        log, name = tree.shown(session.file.entry.path), session.file.entry.name
        # before it has looked for a checkpoint, it is not known where it goes on
        if number and (session.has_begun or session is not training.sessions[-1]):
            loaded = next(iter(session.all(CheckpointLoaded)), None)
            data = {
                "step": session.resumed_at,
                "checkpoint": None if loaded is None else loaded.path,
                "log": log,
                "line": session.line,
            }
            known = {key: value for key, value in data.items() if value is not None}
            yield Happening(f"restart:{name}:{session.line}", "training-restarted", known, time_of_wall(session.clock))
        for stop in session.all(StoppedBecause):
            yield Happening(f"stop:{name}:{stop.line_number}", "training-stopped", {"reason": stop.reason, "log": log})
        ending = session.ending
        if ending is not None:
            data = {"status": ending.status, "error": ending.reason, "log": log, "line": ending.line_number}
            yield Happening(
                f"end:{name}:{ending.line_number}", "training-ended", data, time_of_wall(session.last_clock)
            )


def datasets_of(training: Training, root: Path) -> tuple[FoundDataset, ...]:
    """Return the data sets whose manifests are here."""
    data = facts.setting(training.config, "task", "data")
    if not isinstance(data, str):
        return ()
    log = root / training.sessions[-1].file.entry.path
    train = str(facts.setting(training.config, "dataset", "train_subset") or "").split(",")
    found = []
    for split, names in (("train", train), ("valid", validation_sets(training))):
        for name in names:
            manifest = file_of(f"{data}/{name}.tsv", log, root) if name else None
            if manifest is not None:
                found.append(FoundDataset(name, split, str(manifest), None, _rows(manifest), None, None, {}))
    return tuple(found)


def _rows(manifest: Path) -> int | None:
    """Lines below the first: the names of the columns, or the folder of the audio."""
    try:
        with manifest.open("rb") as file:
            return max(sum(1 for _ in file) - 1, 0)
    except OSError:
        return None


def links_of(training: Training, trainings: list[Training], tree: Tree[FileRole]) -> tuple[FoundLink, ...]:
    """Return the trainings that this one goes on from with other data."""
    root = tree.root.absolute()
    log = root / training.sessions[-1].file.entry.path
    found = {}
    for name, group in _OLDER:
        named = facts.setting(training.config, group, name)
        if not isinstance(named, str) or not named:
            continue
        place = place_of(str(Path(normal(named)).parent), log, root)
        for other in trainings:
            if other is not training and other.place == place:
                found[other.place] = FoundLink(shown_place(other.place, tree), "fine-tuned-from")
    return tuple(found.values())


def speech_of(training: Training) -> Speech:
    """Return the description in the speech vocabulary: that of the live adapter, and what only the log says."""
    counted: ParameterCount | None = training.last(ParameterCount)
    described = facts.speech(
        training.config,
        toolkit_version=None,
        parameters=None if counted is None else counted.parameters,
        trainable=None if counted is None else counted.trained,
    )
    devices: Devices | None = training.last(Devices)
    components = {each.kind: each.name for session in training.sessions for each in session.all(Component)}
    model, running = described.model, described.training
    return replace(
        described,
        model=replace(model, type=model.type or components.get("model")),
        training=replace(running, devices=running.devices or (None if devices is None else devices.devices)),
    )
