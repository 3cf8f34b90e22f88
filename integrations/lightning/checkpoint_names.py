"""What the file names of Lightning's checkpoints say: ``epoch=3-step=400.ckpt``, ``epoch=02-val_loss=0.32.ckpt``."""

from __future__ import annotations

import re
from dataclasses import dataclass

SUFFIX = ".ckpt"

_PAIR = re.compile(r"(?:^|[-_ ])([A-Za-z][\w./]*?)=([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|nan|inf))(?=$|[-_ ])")


@dataclass(frozen=True, slots=True)
class CheckpointName:
    """A checkpoint, by its name.

    Attributes:
        epoch: the one that was running or had just ended, from 0; None where the name does not say.
        step: optimizer updates until then.
        metrics: the recipe's names and the values, as often rounded as the recipe wished.
        is_last: whether it is the most recent state, and not one that was chosen.
    """

    epoch: int | None
    step: int | None
    metrics: tuple[tuple[str, float], ...]
    is_last: bool


def parse_checkpoint_name(name: str) -> CheckpointName | None:
    """Return what a file name says, None when it is none of a checkpoint.

    >>> parse_checkpoint_name("epoch=02-val_loss=0.32.ckpt")
    CheckpointName(epoch=2, step=None, metrics=(('val_loss', 0.32),), is_last=False)
    >>> parse_checkpoint_name("last-v1.ckpt").is_last
    True
    """
    if not name.endswith(SUFFIX):
        return None
    stem = re.sub(r"-v\d+$", "", name.removesuffix(SUFFIX))
    found = {key: float(value) for key, value in _PAIR.findall(stem)}
    epoch, step = (_whole(found.pop(key, None)) for key in ("epoch", "step"))
    return CheckpointName(epoch, step, tuple(found.items()), stem == "last" or stem.startswith("last-"))


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and value.is_integer() else None
