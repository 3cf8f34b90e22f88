"""The curves of a training: from its logs, and from the files beside its checkpoints where the logs are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from speech_tracker.ingest.found import Point
from speech_tracker.integrations.wenet.checkpoints import CheckpointInfo
from speech_tracker.integrations.wenet.headers import local_time
from speech_tracker.integrations.wenet.steps import Axis, axis_of
from speech_tracker.integrations.wenet.train_logs import CvResult, EpochBegins, TrainBatch

_NAMES = {
    "lr": "learning_rate",
    "grad_norm": "gradient_norm",
    "acc": "accuracy",
    "th_accuracy": "accuracy_teacher_forced",
}


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of a training.

    Attributes:
        points: in the order of the logs.
        axis: where its epochs begin; None where there is no log.
        last_step: the highest step, 0 when there is none.
        epochs: that were begun.
    """

    points: tuple[Point, ...]
    axis: Axis | None
    last_step: int
    epochs: tuple[int, ...]


def metric_name(name: str) -> str:
    """Return our name of a value.

    >>> metric_name("loss_att"), metric_name("lr"), metric_name("acc")
    ('loss_att', 'learning_rate', 'accuracy')
    """
    return _NAMES.get(name, name.replace("/", "_"))


def build_curves(
    records: Iterable[Any],
    infos: Mapping[int, CheckpointInfo],
    step_infos: Iterable[CheckpointInfo] = (),
    *,
    live: bool,
) -> Curves:
    """Return the curves of a training.

    Args:
        records: of its logs, in the order of time.
        infos: epoch → what stands beside its checkpoint.
        step_infos: the same of checkpoints that were saved within an epoch.
        live: whether it goes on.
    """
    records = list(records)
    rank = min((each.rank for each in records if isinstance(each, TrainBatch)), default=0)
    own = [each for each in records if getattr(each, "rank", rank) == rank]
    axis = axis_of(own)
    points: dict[tuple[str, int], Point] = {}
    newest = max(axis.starts, default=0)
    before: TrainBatch | None = None
    for record in own:
        if isinstance(record, TrainBatch):
            step = axis.step(record)
            if (before is not None and record.epoch < before.epoch) or (before and _again(before, record)):
                points = {key: point for key, point in points.items() if key[1] < step}  # it was started again
            before = record
            settled = not (live and record.epoch == newest and record.epoch in axis.estimated)
            for name, value in record.values:
                key = f"train/{metric_name(name)}"
                points[key, step] = Point(key, step, value, float(record.epoch), local_time(record.time), settled)
        elif isinstance(record, CvResult):
            step = record.step or _end_of(axis, record.epoch, before)
            values = {"valid/loss": record.loss}
            if record.accuracy is not None:
                values["valid/accuracy"] = record.accuracy
            settled = not live or record.epoch + 1 in axis.starts
            for key, value in values.items():
                points[key, step] = Point(key, step, value, float(record.epoch), local_time(record.time), settled)
    for epoch, info in sorted(infos.items()):
        step = info.step if info.step is not None and info.step > 0 else _end_of(axis, epoch, None)
        if not axis.starts and info.step is None:
            step = epoch + 1  # epochs are all that is known
        for name, value in info.losses:
            key = f"valid/{metric_name(name)}"
            if not any(each.name == key and each.epoch == epoch for each in points.values()):
                points[key, step] = Point(key, step, value, float(epoch), None)
        if info.learning_rate is not None and not axis.starts:
            points["train/learning_rate", step] = Point(
                "train/learning_rate", step, info.learning_rate, float(epoch), None
            )
    for info in step_infos:
        if info.step is not None and info.step > 0:
            step = info.step + 1  # it is saved before its update is counted, and logged after that
            for name, value in info.losses:
                key = f"valid/{metric_name(name)}"
                points.setdefault((key, step), Point(key, step, value, None, None))
    last_step = max((step for _, step in points), default=0)
    epochs = {each.epoch for each in own if isinstance(each, (TrainBatch, EpochBegins))} | set(infos)
    return Curves(tuple(points.values()), axis if axis.starts else None, last_step, tuple(sorted(epochs)))


def _again(before: TrainBatch, batch: TrainBatch) -> bool:
    return batch.epoch == before.epoch and batch.batch <= before.batch


def _end_of(axis: Axis, epoch: int, last: TrainBatch | None) -> int:
    """Updates at the end of an epoch: those before the next one, or what was printed last."""
    if epoch + 1 in axis.starts:
        return axis.starts[epoch + 1]
    if last is not None and last.epoch == epoch:
        return axis.step(last)
    return axis.starts.get(epoch, epoch + 1)
