"""Curves from the rows of a logger, under the names and steps that the callback gives the same values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speech_tracker.ingest.found import Point
from speech_tracker.integrations.lightning.columns import column_of, metric_name, stage_of
from speech_tracker.integrations.lightning.metrics_csv import Row
from speech_tracker.metric_names import Stage


@dataclass(frozen=True, slots=True)
class FolderCurves:
    """What the rows say.

    Attributes:
        points: in the order of the rows.
        steps: optimizer steps until the last row.
        epochs: passes over the data that are complete.
        first_epoch: of the first row, from 0; more than 0 where the training was resumed.
        first_step: of the first row, from 1.
        tested: whether there is a result of a test.
        missing: epochs between the first and the last one without any row.
    """

    points: tuple[Point, ...] = ()
    steps: int = 0
    epochs: int = 0
    first_epoch: int = 0
    first_step: int = 0
    tested: bool = False
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    row: Row
    stage: Stage
    whole_epoch: bool


def curves_of(rows: Sequence[Row], *, live: bool = False) -> FolderCurves:
    """Return the curves of one training.

    A row's step counts the batches before it, ours the updates with it. A test comes after them all: its row's number is
    that of the updates already, and 0 where the process had trained nothing.

    Args:
        rows: of one file, in its order.
        live: whether the training goes on, so that what belongs to the last row's step may not all be there yet.
    """
    places = _placed(rows)
    last_of_epoch: dict[int, int] = {}
    ends: dict[int, int] = {}  # epoch → its last step, where it is known to be that
    for place in places:
        epoch, step = place.row.epoch, place.row.step
        if epoch is not None:
            last_of_epoch[epoch] = max(step, last_of_epoch.get(epoch, 0))
            if place.whole_epoch or place.stage == "valid":
                ends[epoch] = step
    ends = {epoch: step for epoch, step in ends.items() if step == last_of_epoch[epoch]}
    points: dict[tuple[str, int | None], Point] = {}
    reached = 0
    for place in places:
        if place.stage == "train" and place.row.epoch is not None:
            if place.row.step + 1 < reached:  # started again from a checkpoint, into the same folder
                points = {key: each for key, each in points.items() if each.step is None or each.step <= place.row.step}
            reached = place.row.step + 1
        points.update(((point.name, point.step), point) for point in _points(place, ends, trained=bool(points)))
    trained = [place.row for place in places if place.stage != "test"]
    steps = max((row.step + 1 for row in trained), default=0)
    if live:
        points = {key: replace(each, settled=each.step is None or each.step < steps) for key, each in points.items()}
    epochs = sorted(last_of_epoch)
    return FolderCurves(
        points=tuple(points.values()),
        steps=steps,
        epochs=max(ends, default=(epochs[-1] if epochs else 0) - 1) + 1,
        first_epoch=next((row.epoch for row in trained if row.epoch is not None), 0),
        first_step=trained[0].step + 1 if trained else 0,
        tested=any(place.stage == "test" for place in places),
        missing=tuple(each for each in range(epochs[0], epochs[-1]) if each not in last_of_epoch) if epochs else (),
    )


def _placed(rows: Sequence[Row]) -> list[_Place]:
    """Tell which loop logged each row, and whether it was at the end of an epoch of training.

    That it was, is known by a column for epochs, or because the validation of the same step came before: the metrics of
    a step are logged first, those of the validation then, the means of the epoch last.
    """
    places: list[_Place] = []
    validated: tuple[int, int | None] | None = None
    for row in rows:
        stage = stage_of(row.names)
        forks = {column_of(name).fork for name in row.names}
        # what is logged without an epoch comes from another callback, at the beginning of a step
        whole = stage == "train" and (
            "epoch" in forks or (row.epoch is not None and validated == (row.step, row.epoch))
        )
        places.append(_Place(row, stage, whole))
        if stage == "valid":
            validated = row.step, row.epoch
    return places


def _points(place: _Place, ends: dict[int, int], *, trained: bool) -> list[Point]:
    row = place.row
    step: int | None
    if place.stage == "test":
        step = row.step or None
    else:
        step = None if place.stage == "valid" and row.step == 0 and not trained else row.step + 1
    epoch = None
    if row.epoch is not None and step is not None:
        epoch = float(row.epoch + (row.step == ends.get(row.epoch)))
    found = []
    for name, value in zip(row.names, row.values, strict=True):
        ours = metric_name(column_of(name), place.stage, whole_epoch=place.whole_epoch)
        if ours is not None:
            found.append(Point(ours, step, value, epoch=epoch, time=row.time))
    return found
