"""Checkpoints as they are saved, replaced and deleted, seen where every one passes: at the strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speech_tracker.guard import never_raises, shielded
from speech_tracker.metric_names import standard_name

_TEMPORARY = (".lr_find_", ".scale_batch_size_")

Told = Callable[[str, bool], None]


class Watched:
    """A method of the strategy that tells when it was called: which path, and whether something was there before.

    What the method returns or raises is the caller's, unchanged. It can be pickled, since strategies may be.
    """

    def __init__(self, method: Callable[..., Any], tell: Told) -> None:
        self.method = method
        self.tell = tell

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method, then tell."""
        place, there = "", False
        with shielded("looking at the path of a checkpoint"):
            # save_checkpoint(checkpoint, filepath, …), remove_checkpoint(filepath), teardown()
            place = str(kwargs.get("filepath") or (args[1] if len(args) > 1 else args[0] if args else ""))
            there = bool(place) and Path(place).exists()
        result = self.method(*args, **kwargs)
        never_raises(self.tell)(place, there)
        return result


def watch(strategy: Any, **told: Told) -> None:
    """Have each of `told` called after the method of its name; again for the same one is once."""
    for name, tell in told.items():
        method = getattr(strategy, name)
        if not (isinstance(method, Watched) and method.tell == tell):
            setattr(strategy, name, Watched(method, tell))


def is_temporary(path: str) -> bool:
    """Return whether the checkpoint is one of the Tuner's own, gone in a moment."""
    return Path(path).name.startswith(_TEMPORARY)


def judged(trainer: Any, path: str, names: Sequence[str | None]) -> tuple[dict[str, Any], list[str]]:
    """Return what a ModelCheckpoint measured for the checkpoint at `path`, under our names, and its aliases."""
    metrics: dict[str, Any] = {}
    aliases: list[str] = []
    for callback in trainer.checkpoint_callbacks:
        score = (getattr(callback, "best_k_models", None) or {}).get(path)
        if score is not None and callback.monitor:
            metrics[monitored(callback.monitor, names)] = score
        if Path(path).stem == getattr(callback, "CHECKPOINT_NAME_LAST", None):
            aliases.append("latest")
    return metrics, aliases


def best(trainer: Any, names: Sequence[str | None]) -> tuple[str, dict[str, Any]] | None:
    """Return path and score of the best checkpoint that was chosen by a metric, None when none was."""
    for callback in trainer.checkpoint_callbacks:
        path = getattr(callback, "best_model_path", None)
        if path and callback.monitor and callback.best_model_score is not None:
            return path, {monitored(callback.monitor, names): callback.best_model_score}
    return None


def linked(trainer: Any) -> list[str]:
    """Return the ``last`` checkpoints that are links to another one: the strategy never hears of those."""
    paths = [getattr(callback, "last_model_path", "") for callback in trainer.checkpoint_callbacks]
    return [path for path in paths if path and Path(path).is_symlink()]


def monitored(name: str, names: Sequence[str | None]) -> str:
    """Return our name for a monitored metric; the number of its loader becomes that data set's name."""
    bare, _, number = name.partition("/dataloader_idx_")
    place = int(number) if number.isdigit() else None
    data_set = None if place is None else names[place] if place < len(names) else number
    return standard_name(bare, stage="valid", data_set=data_set)
