"""The checkpoints that an experiment still has, with what was measured with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from speech_tracker.ingest.found import FoundCheckpoint, Point

_NAME = re.compile(r"^(epoch|checkpoint)-(\d+)\.pt$")


def checkpoints_of(
    models: Mapping[str, str], steps: Mapping[int, int], points: Iterable[Point], *, live: bool
) -> tuple[FoundCheckpoint, ...]:
    """Return the checkpoints of a training, in the order of their names' numbers.

    Args:
        models: name → path of the checkpoints on disk, as the user would open them.
        steps: epoch → steps at its end, where that is known.
        points: of the training; a checkpoint of an epoch has the last validation in it, as icefall's own choice of the best.
        live: whether the training goes on, so that the step of the newest one may become known.
    """
    losses = {
        int(point.epoch): point.value for point in points if point.name == "valid/loss" and point.epoch is not None
    }
    found: list[tuple[str, int, FoundCheckpoint]] = []
    for name, path in models.items():
        match = _NAME.match(name)
        if match is not None:
            number = int(match[2])
            if match[1] == "checkpoint":
                found.append(("", number, FoundCheckpoint(path, number, None, {})))
            elif not live or number in steps:
                metrics = {"valid/loss": losses[number]} if number in losses else {}
                found.append(("epoch", number, FoundCheckpoint(path, steps.get(number), number, metrics)))
        elif name == "best-valid-loss.pt" and losses and not live:
            best = min(losses, key=lambda epoch: losses[epoch])
            checkpoint = FoundCheckpoint(path, steps.get(best), best, {"valid/loss": losses[best]}, "min valid/loss")
            found.append(("last", 0, checkpoint))
    return tuple(checkpoint for _, _, checkpoint in sorted(found, key=lambda each: each[:2]))
