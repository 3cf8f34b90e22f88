"""The curves of a training, put together from the logs of all its starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import Point
from speech_tracker.integrations.icefall.steps import Axis, add_log
from speech_tracker.integrations.icefall.train_logs import GradientNorms, MaximumMemory, TrainBatch, Validation
from speech_tracker.integrations.icefall.trainings import Training

_FIGURES = {"lr": "learning_rate", "batch size": "batch_size", "global_batch_idx": ""}


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of a training.

    Attributes:
        points: in the order of the logs; what a later start did again has replaced what it replaced.
        axis: where its epochs begin.
        last_step: the highest step, 0 when there is none.
        replaced: points of earlier starts that were given up.
    """

    points: tuple[Point, ...]
    axis: Axis
    last_step: int
    replaced: int


def build_curves(training: Training, *, live: bool) -> Curves:
    """Return the curves of a training.

    Args:
        training: its logs.
        live: whether it goes on, so that the start of the newest epoch may become known better.
    """
    axis = Axis()
    for start in training.starts:
        add_log(axis, start.records, start.params, continues=start.continues)
    axis.resolve()
    newest = max(axis.epochs, default=0)
    open_epoch = newest if live and newest in axis.estimated else None
    points: dict[tuple[str, int], Point] = {}
    replaced = 0
    for start in training.starts:
        found: dict[tuple[str, int], Point] = {}
        for point in _points_of(start.records, axis, open_epoch):
            assert point.step is not None
            found[point.name, point.step] = point
        if points and found:
            first = min(step for _, step in found)
            kept = {key: point for key, point in points.items() if key[1] < first}
            replaced += len(points) - len(kept)
            points = kept
        points.update(found)
    last_step = max((step for _, step in points), default=0)
    return Curves(tuple(points.values()), axis, last_step, replaced)


@lru_cache(maxsize=1024)
def metric_name(loss: str) -> str:
    """Return our name of a loss.

    >>> metric_name("loss"), metric_name("simple_loss"), metric_name("loss_m_0"), metric_name("utt_duration")
    ('loss', 'loss_simple', 'loss_m_0', 'utt_duration')
    """
    match = re.fullmatch(r"(\w+)_loss", loss)
    return f"loss_{match[1]}" if match is not None else loss.replace(".", "_")


def _points_of(records: list[object], axis: Axis, open_epoch: int | None) -> Iterator[Point]:
    step = 0
    batch: TrainBatch | None = None
    for record in records:
        if isinstance(record, TrainBatch):
            batch, step = record, axis.step(record.epoch, record.batch)
            values = {f"train/{metric_name(name)}": value for name, value in record.losses}
            values.update((f"train/{metric_name(name)}_tot", value) for name, value in record.totals)
            values.update((f"train/{_figure(name)}", value) for name, value in record.figures if _figure(name))
        elif isinstance(record, Validation):
            if batch is None:  # it validates before the first batch is printed
                continue
            values = {f"valid/{metric_name(name)}": value for name, value in record.losses}
        elif batch is not None and isinstance(record, GradientNorms):
            values = {
                "train/gradient_norm": record.median,
                "train/gradient_threshold": record.threshold,
                "train/gradient_clipped": record.clipped,
            }
        elif batch is not None and isinstance(record, MaximumMemory):
            values = {"system/gpu_memory_gb": record.megabytes / 1000}
        else:
            continue
        assert batch is not None
        time = time_of_wall(getattr(record, "time", None) or batch.time)
        for name, value in values.items():
            yield Point(name, step, value, float(batch.epoch), time, batch.epoch != open_epoch)


@lru_cache(maxsize=1024)
def _figure(name: str) -> str:
    if name in _FIGURES:
        return _FIGURES[name]
    return re.sub(r"^cur_lr(_|$)", r"learning_rate\1", name).replace(" ", "_")
