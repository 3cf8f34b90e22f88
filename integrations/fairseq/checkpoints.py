"""The checkpoints of a training: what its logs say was saved, and which of them are there."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import FoundCheckpoint, FoundTable
from speech_tracker.integrations.fairseq.facts import criterion_name, setting
from speech_tracker.integrations.fairseq.names import metrics
from speech_tracker.integrations.fairseq.training_logs import CheckpointSaved
from speech_tracker.integrations.fairseq.trainings import Training

_BEST, _LAST = "checkpoint_best.pt", "checkpoint_last.pt"


def checkpoints_table(training: Training) -> tuple[FoundTable, ...]:
    """Return the table of the checkpoints that were saved, deleted ones among them; none where there are none."""
    saved = {
        (each.path, each.step): (each.path, each.epoch, each.step, each.score, time_of_wall(each.clock), each.seconds)
        for each in _saved(training)
    }
    columns = ("path", "epoch", "step", "score", "saved_at", "seconds")
    return (FoundTable("checkpoints", columns, tuple(saved.values())),) if saved else ()


def checkpoints_of(training: Training) -> tuple[FoundCheckpoint, ...]:
    """Return the checkpoints that are there."""
    greatest, criterion = _is_maximized(training), criterion_name(training.config)
    measured = str(setting(training.config, "checkpoint", "best_checkpoint_metric") or "loss")
    found = []
    for name, each in _by_name(training).items():
        path = training.place / name
        if path.is_file():
            scores = {} if each.score is None else metrics({measured: each.score}, "valid", criterion=criterion)
            rule = f"{'max' if greatest else 'min'} {next(iter(scores), measured)}" if name == _BEST else ""
            found.append(FoundCheckpoint(str(path), each.step, each.epoch, scores, rule))
    return tuple(found)


def saved_steps(training: Training) -> dict[str, int]:
    """Return the step that each checkpoint was saved at, by its file name."""
    return {name: each.step for name, each in _by_name(training).items()}


def _by_name(training: Training) -> dict[str, CheckpointSaved]:
    """What was saved under each name.

    Fairseq logs one name for each time that it saves; ``checkpoint_best.pt`` and ``checkpoint_last.pt`` are copies of what
    was saved then.
    """
    by_name: dict[str, CheckpointSaved] = {}
    best: CheckpointSaved | None = None
    greatest = _is_maximized(training)
    for each in _saved(training):
        by_name[PurePosixPath(each.path).name] = by_name[_LAST] = each
        if each.score is not None and (
            best is None or best.score is None or (each.score >= best.score if greatest else each.score <= best.score)
        ):
            best = each
    return by_name if best is None else {**by_name, _BEST: best}


def _is_maximized(training: Training) -> bool:
    return bool(setting(training.config, "checkpoint", "maximize_best_checkpoint_metric"))


def model_files(place: Path) -> tuple[str, ...]:
    """Return the best checkpoint in a folder, else the last one."""
    return next(((str(place / name),) for name in (_BEST, _LAST) if (place / name).is_file()), ())


def _saved(training: Training) -> list[CheckpointSaved]:
    return [each for session in training.sessions for each in session.all(CheckpointSaved)]
