"""Runs that an adapter has recorded while they trained: of their folders only what is not recorded yet is added.

The folder says the same once more, rounded for people and often on another axis. So of a curve that was recorded, only what
lies before and behind the recorded part is taken, brought onto the journal's axis: the epochs before the line was added.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from speech_tracker.ingest.found import FoundEvaluation, FoundRun, Point

if TYPE_CHECKING:
    from speech_tracker.view import RunView

_ROUNDING = 0.006
"""Relative; toolkits print three digits."""


@dataclass(slots=True)
class RecordedLive:
    """What an adapter has recorded.

    Attributes:
        identity: name, task and experiment of the run.
        values: metric → its points as (step, epoch, value).
        steps: epoch → the last step in it.
        evaluations: (test set, name of the rate) → (rate, errors, reference length) of each.
        datasets: as (name, split).
        checkpoints: paths.
        best: whether it said which is best.
        running: whether its process is alive, and records itself.
    """

    identity: dict[str, Any]
    values: dict[str, list[tuple[int | None, float | None, float]]] = field(default_factory=dict)
    steps: dict[float, int] = field(default_factory=dict)
    evaluations: dict[tuple[str, str], list[tuple[float | None, Any, Any]]] = field(default_factory=dict)
    datasets: set[tuple[str, str]] = field(default_factory=set)
    checkpoints: set[str] = field(default_factory=set)
    best: bool = False
    running: bool = False

    def tells(self, point: Point) -> bool:
        """Return whether the curve of a point was recorded at its time, and more exactly than the folder has it."""
        recorded = self.values.get(point.name)
        if not recorded:
            return False
        epochs = [epoch for _, epoch, _ in recorded if epoch is not None]
        if point.epoch is not None and epochs:
            # an epoch belongs to who recorded a part of it
            return math.floor(min(epochs)) <= point.epoch <= math.ceil(max(epochs))
        steps = [step for step, _, _ in recorded if step is not None]
        if point.step is None or not steps:  # measured once, when all was over
            return True
        between = (max(steps) - min(steps)) / max(len(steps) - 1, 1)
        return min(steps) - between <= point.step <= max(steps) + between

    def step_of(self, point: Point) -> int | None:
        """Return where on the recorded axis a point of the folder lies."""
        if point.epoch is None or point.step is None or not self.steps:
            return point.step
        if point.epoch in self.steps:
            return self.steps[point.epoch]
        last = max(self.steps)
        return round(point.epoch * self.steps[last] / last) if last else point.step


def read_live(view: RunView) -> RecordedLive | None:
    """Return what an adapter has recorded of a run, None when all of it was ingested.

    The processes of an adapter tell their environment, or were attached to a run that had; an ingestion does neither.
    """
    segments = {record.segment for record in view.records("environment")}
    if not segments:
        return None
    segments |= {each["name"] for each in view.segments() if each["role"] == "attached"}  # decoding jobs
    live = RecordedLive(view.identity, running=view.status == "running")
    for record in view.records("metrics"):
        if record.segment not in segments:
            continue
        step, epoch = record.data.get("step"), record.data.get("epoch")
        for name, value in record.data["values"].items():
            live.values.setdefault(name, []).append((step, epoch, value))
        if step is not None and epoch is not None:
            live.steps[epoch] = max(step, live.steps.get(epoch, 0))
    for record in view.records("evaluation"):
        if record.segment in segments:
            for name, said in _rates(record.data):
                live.evaluations.setdefault((record.data["test_set"], name), []).append(said)
    for record in view.records("dataset"):
        if record.segment in segments:
            live.datasets.add((record.data["name"], record.data.get("split", "")))
    live.checkpoints = {os.path.realpath(each["path"]) for each in view.checkpoints}
    live.best = any(each["best"] for each in view.checkpoints)
    return live


def _rates(data: Mapping[str, Any]) -> Iterable[tuple[str, tuple[float | None, Any, Any]]]:
    counts = data.get("counts") or {}
    errors = sum(counts.get(name, 0) for name in ("substitutions", "deletions", "insertions")) if counts else None
    for name in ("wer", "cer", "mixed_error_rate"):
        if name in data:
            yield name, (data[name], errors, data.get("reference_length"))
    for name, value in (data.get("metrics") or {}).items():
        if isinstance(value, (int, float)):
            yield name, (value, None, None)


def without_recorded(run: FoundRun, live: RecordedLive) -> FoundRun:
    """Return a run without what its adapter has recorded."""
    points = [
        point if run.same_steps else replace(point, step=live.step_of(point))
        for point in run.points
        if not point.name.startswith("test/") and not live.tells(point)
    ]
    points += [point for point in run.points if point.name.startswith("test/") and point.name not in live.values]
    return replace(
        run,
        points=tuple(points),
        evaluations=tuple(each for each in run.evaluations if not _is_recorded(each, live)),
        happenings=run.happenings if points else (),
        datasets=tuple(each for each in run.datasets if (each.name, each.split) not in live.datasets),
        checkpoints=tuple(
            replace(each, best_by="" if live.best else each.best_by)
            for each in run.checkpoints
            if os.path.realpath(each.path) not in live.checkpoints
        ),
        model_files=tuple(each for each in run.model_files if os.path.realpath(each) not in live.checkpoints),
    )


def _is_recorded(evaluation: FoundEvaluation, live: RecordedLive) -> bool:
    if evaluation.values:
        return all(
            any(_alike(value, recorded) for _, _, recorded in live.values.get(f"test/{evaluation.test_set}/{name}", ()))
            for name, value in evaluation.values.items()
        )
    reported = evaluation.reported
    if reported is None:
        return False
    for rate, errors, length in live.evaluations.get((evaluation.test_set, evaluation.metric), []):
        if reported.tally is not None and errors is not None:
            if (reported.tally.errors, reported.tally.reference_length) == (errors, length):
                return True
        elif rate is not None and reported.error_rate is not None and _alike(rate, reported.error_rate):
            return True
    return False


def _alike(one: float, other: float) -> bool:
    """Whether two numbers are the same, one of them as a toolkit prints it."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    # two decimals of a percentage
    return one == other or abs(one - other) <= max(_ROUNDING * max(abs(one), abs(other)), 0.000051)
