"""What the columns of a logger are called in our words: the names that the callback gives the same values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from speech_tracker.metric_names import Stage, standard_name
from speech_tracker.metrics import metric

_LOADER = re.compile(r"^(.*)/dataloader_idx_(\d+)$", re.DOTALL)
_STAGE = re.compile(r"^(?:(train|training)|(valid|validation|val|dev)|(test))(?:[/_.\-]|$)", re.IGNORECASE)
_STAGE_AFTER = re.compile(r"/(?:(train|training)|(valid|validation|val|dev)|(test))$", re.IGNORECASE)
_RATE = re.compile(r"^lr-(.+?)(?:/pg(\d+))?$")

Fork = Literal["", "step", "epoch"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is a metric.

    Attributes:
        name: the recipe's, without what Lightning has put behind it.
        fork: which of the two columns it is that Lightning makes of a value that is logged for steps and epochs.
        loader: number of the loader; None where there is one alone.
        stage: by its name; None where that does not say.
    """

    name: str
    fork: Fork
    loader: int | None
    stage: Stage | None


@lru_cache(maxsize=4096)
def column_of(text: str) -> Column:
    """Return what a column's name says.

    >>> column_of("val_wer_epoch/dataloader_idx_1")
    Column(name='val_wer', fork='epoch', loader=1, stage='valid')
    """
    found = _LOADER.match(text)
    name, loader = (found[1], int(found[2])) if found else (text, None)
    fork: Fork = "step" if name.endswith("_step") else "epoch" if name.endswith("_epoch") else ""
    bare = name.removesuffix(f"_{fork}") if fork else name
    if not bare:
        bare, fork = name, ""
    return Column(bare, fork, loader, _stage(bare))


def _stage(name: str) -> Stage | None:
    found = _STAGE.match(name) or _STAGE_AFTER.search(name)
    if found is None:
        return "train" if _RATE.match(name) else None
    return "train" if found[1] else "valid" if found[2] else "test"


def stage_of(names: Iterable[str]) -> Stage:
    """Return which loop logged these values at once: what is not named by a stage was training."""
    stages = {column_of(name).stage for name in names}
    return "test" if "test" in stages else "valid" if "valid" in stages and "train" not in stages else "train"


def metric_name(column: Column, stage: Stage, *, whole_epoch: bool) -> str | None:
    """Return our name, None for a value of a single batch of a validation or test, which is no result.

    Args:
        column: as `column_of` reads it.
        stage: of the loop that logged it.
        whole_epoch: whether it is the mean over an epoch of training.
    """
    own = column.stage or stage
    if own != "train":
        if column.fork == "step":
            return None
        return standard_name(column.name, stage=own, data_set=None if column.loader is None else str(column.loader))
    rate = rate_name(column.name)
    if rate is not None:
        return rate
    # what else is logged at the end of an epoch, such as the norm of the weights, is no mean
    mean = column.fork == "epoch" or (whole_epoch and not column.fork and metric(column.name).direction is not None)
    return standard_name(f"{column.name}_epoch" if mean else column.name, stage="train")


def rate_name(column: str) -> str | None:
    """Return our name of what `LearningRateMonitor` logs; None for other columns.

    Lightning counts groups from 1, we count optimizers and groups from 0, as the optimizer does.

    >>> rate_name("lr-AdamW"), rate_name("lr-AdamW/pg2"), rate_name("lr-AdamW-1/pg1"), rate_name("lr-SGD-momentum")
    ('train/learning_rate', 'train/learning_rate_0_1', 'train/learning_rate_1_0', 'train/momentum')
    """
    found = _RATE.match(column)
    if found is None:
        return None
    base, group = found[1], int(found[2] or 1) - 1
    what = "learning_rate"
    for other in ("momentum", "weight_decay"):
        if base.endswith(f"-{other}"):
            base, what = base.removesuffix(f"-{other}"), other
    number = re.search(r"-(\d+)$", base)
    optimizer = int(number[1]) if number else 0
    return f"train/{what}" + (f"_{optimizer}_{group}" if optimizer or group else "")
