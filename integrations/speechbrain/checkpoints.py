"""What a Checkpointer does: saved, kept as the best and by what, loaded, deleted."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechbrain.utils.checkpoints import Checkpointer

from speech_tracker.guard import never_raises
from speech_tracker.integrations.speechbrain.names import checkpoint_metrics

if TYPE_CHECKING:
    from speech_tracker.integrations.speechbrain.tracker import Tracker


class Checkpoints:
    """Records what happens to the checkpoints of one Brain.

    Attributes:
        key: ("min" or "max", name of a figure) that the checkpoint for a test is chosen by.
        loaded_path: the checkpoint that was loaded last.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.key: tuple[str, str] | None = None
        self.loaded_path: str | None = None
        self._best: str | None = None

    def follow(self) -> None:
        """Learn of deletions too: they go through the class, so that an instance's wrapper would never be reached."""
        _watch_deletions()
        _followed[_folder(self._tracker.brain.checkpointer.checkpoints_dir)] = self._tracker

    def saved(self, checkpoint: Any, *_: Any, **__: Any) -> None:
        """Record a checkpoint with its meta; on other ranks there is none."""
        if checkpoint is not None:
            meta = dict(checkpoint.meta)
            self._tracker.begin().log_checkpoint(
                checkpoint.path,
                metrics=checkpoint_metrics(meta),
                meta=meta,
                aliases=["latest"],
                **self._tracker.position,
            )

    def kept(self, _nothing: Any = None, *_: Any, **named: Any) -> None:
        """Record which one is the best by the first of the keys that the recipe keeps checkpoints for."""
        keys = [("min", key) for key in named.get("min_keys") or ()] + [
            ("max", key) for key in named.get("max_keys") or ()
        ]
        if keys:
            way, key = keys[0]
            best = self._tracker.brain.checkpointer.find_checkpoint(**{f"{way}_key": key})
            self._is_best(best, way, key)

    def loaded(self, _nothing: Any, checkpoint: Any = None, *_: Any, **__: Any) -> None:
        """Remember which checkpoint goes on from here; the one that a test chose is the best by the recipe's own rule."""
        self.loaded_path = str(checkpoint.path)
        if self.key is not None:
            self._is_best(checkpoint, *self.key)

    def _is_best(self, checkpoint: Any, way: str, key: str) -> None:
        if checkpoint is not None and str(checkpoint.path) != self._best:
            self._best = str(checkpoint.path)
            self._tracker.begin().log_checkpoint(
                checkpoint.path,
                action="best",
                aliases=["best"],
                chosen_by=f"{way} {key}",
                value=checkpoint.meta.get(key),
            )


_followed: dict[str, Tracker] = {}


def _folder(path: Any) -> str:
    return str(Path(path).absolute())


def _watch_deletions() -> None:
    original = Checkpointer._delete_checkpoint  # noqa: SLF001 - the only place where a deletion can be seen
    if hasattr(original, "speech_tracker_follows"):
        return

    @functools.wraps(original)
    def delete(checkpoint: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(checkpoint, *args, **kwargs)
        never_raises(_deleted)(Path(checkpoint.path))
        return result

    delete.speech_tracker_follows = True  # type: ignore[attr-defined]
    Checkpointer._delete_checkpoint = staticmethod(delete)  # noqa: SLF001


def _deleted(path: Path) -> None:
    tracker = _followed.get(_folder(path.parent))
    if tracker is not None and tracker.run is not None:
        tracker.run.log_checkpoint(path, action="deleted")
