"""The curves of a training, under the names that the live adapter gives."""

from __future__ import annotations

from collections.abc import Iterable

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import Point
from speech_tracker.integrations.fairseq.facts import criterion_name, setting
from speech_tracker.integrations.fairseq.names import metrics, stage_of
from speech_tracker.integrations.fairseq.training_logs import Statistics
from speech_tracker.integrations.fairseq.trainings import Session, Training

_TAGS = {"updates": "train_inner", "epoch": "train"}


def points_of(training: Training) -> tuple[Point, ...]:
    """Return the points of all starts; what a later start did again stands for what an earlier one did."""
    subsets, criterion = validation_sets(training), criterion_name(training.config)
    points: dict[tuple[str, int | None], Point] = {}
    for session in training.sessions:
        statistics = session.all(Statistics)
        if not statistics:
            continue
        begins = session.resumed_at
        if begins is None:  # not said: what it did first is what it did again
            begins = min((each.step for each in statistics if each.step is not None), default=1) - 1
        points = {key: point for key, point in points.items() if key[1] is None or key[1] <= begins}
        for each in statistics:
            time = time_of_wall(each.clock)
            tag = _TAGS.get(each.kind, each.subset)
            for name, value in metrics(dict(each.values), *stage_of(tag, subsets), criterion=criterion).items():
                points[name, each.step] = Point(name, each.step, value, each.epoch, time)
    return tuple(points.values())


def validation_sets(training: Training) -> list[str]:
    """Return the validation subsets, as the configuration names them, else in the order of the log."""
    named = setting(training.config, "dataset", "valid_subset")
    if isinstance(named, str) and named:
        return [each for each in named.split(",") if each]
    return list(dict.fromkeys(_subsets(training.sessions)))


def _subsets(sessions: Iterable[Session]) -> Iterable[str]:
    for session in sessions:
        for each in session.all(Statistics):
            if each.kind == "validation":
                yield each.subset
