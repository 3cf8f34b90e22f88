"""The checkpoints that are left: what was measured with each, which the test was made with, and by what it was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from speech_tracker.ingest.found import FoundCheckpoint
from speech_tracker.integrations.speechbrain.checkpoint_meta import CheckpointMeta
from speech_tracker.integrations.speechbrain.names import checkpoint_metrics
from speech_tracker.integrations.speechbrain.sessions import Session
from speech_tracker.metrics import metric


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint.

    Attributes:
        name: of its folder.
        path: of its folder, as the user would open it.
        meta: what its ``CKPT.yaml`` says.
    """

    name: str
    path: str
    meta: CheckpointMeta

    def metrics(self) -> dict[str, float]:
        """Return what was measured with it under our names, rates as fractions."""
        return checkpoint_metrics(dict(self.meta.values))


@dataclass(frozen=True, slots=True)
class Best:
    """The checkpoint that a recipe would test.

    Attributes:
        kept: the checkpoint.
        rule: by what it was chosen: ``min valid/wer``, ``loaded for the test``, ``the last one``.
    """

    kept: Kept
    rule: str


def best_of(kept: Sequence[Kept], sessions: Iterable[Session]) -> Best | None:
    """Return the best checkpoint, None when there is none.

    It is the one that the last test loaded; where that is gone, the one with the best value of what they were measured
    by, which is how `Checkpointer` chooses.
    """
    if not kept:
        return None
    tested = tested_with(sessions)
    rule = _rule(kept)
    for each in kept:
        if each.name == tested:
            by_rule = rule is not None and _first(kept, rule).name == tested
            return Best(each, f"{rule[0]} {rule[1]}" if rule and by_rule else "loaded for the test")
    if rule is not None:
        return Best(_first(kept, rule), f"{rule[0]} {rule[1]}")
    return Best(max(kept, key=lambda each: each.meta.unixtime or 0.0), "the last one")


def tested_with(sessions: Iterable[Session]) -> str | None:
    """Return the name of the checkpoint that was loaded for the last test, None when the log does not say."""
    found = None
    for session in sessions:
        for _, folder, before in session.loaded:
            after = session.stats[before:]
            if after and after[0][1].is_test:
                found = PurePosixPath(folder).name
    return found


def _rule(kept: Sequence[Kept]) -> tuple[str, str] | None:
    """The metric that all of them have and that can be better or worse; error rates before others.

    Those that were made in the middle of an epoch have none.
    """
    measured = [found for each in kept if (found := each.metrics())]
    names = [name for name in measured[0] if all(name in each for each in measured)] if measured else []
    known = [name for name in names if metric(name).direction is not None or name.endswith("error")]
    if not known:
        return None
    name = min(known, key=lambda each: metric(each).unit != "fraction")
    return metric(name).direction or "min", name


def _first(kept: Sequence[Kept], rule: tuple[str, str]) -> Kept:
    direction, name = rule
    sign = 1.0 if direction == "min" else -1.0
    # of equally good ones Checkpointer takes the newest
    measured = [each for each in kept if name in each.metrics()]
    return min(measured, key=lambda each: (sign * each.metrics()[name], -(each.meta.unixtime or 0.0)))


def found_checkpoints(
    kept: Sequence[Kept], best: Best | None, epochs: Mapping[str, int], steps: Mapping[int, int]
) -> tuple[FoundCheckpoint, ...]:
    """Return the checkpoints for their records.

    Args:
        kept: the checkpoints.
        best: the best of them.
        epochs: name of a checkpoint → epoch at whose end it was made, by the log.
        steps: epoch → step.
    """
    found = []
    for each in kept:
        epoch = each.meta.epoch if each.meta.epoch is not None else epochs.get(each.name)
        step = steps.get(epoch) if epoch is not None else None
        rule = best.rule if best is not None and best.kept.name == each.name else ""
        found.append(FoundCheckpoint(each.path, step, epoch, each.metrics(), rule))
    return tuple(found)
