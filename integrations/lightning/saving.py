"""Checkpoints: what is saved and deleted, which is the best, and what travels in them."""

from __future__ import annotations

import os
from typing import Any

from speech_tracker import paths
from speech_tracker.guard import never_raises
from speech_tracker.integrations.lightning import checkpoints, data_sets
from speech_tracker.integrations.lightning.recorded import Recorded, Settings
from speech_tracker.recorder import CheckpointAction


class RecordsCheckpoints(Recorded):
    """Hears of the strategy's files, and has the run's id put into them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._best: str | None = None
        self._links: set[tuple[str, str]] = set()

    def _saved(self, path: str, there: bool) -> None:
        if self.run is None or checkpoints.is_temporary(path):
            return
        self._positions[path] = {"step": self._step, "epoch": self._epoch}
        names = data_sets.set_names(self._trainer.val_dataloaders, self.settings.names["valid"])
        metrics, aliases = checkpoints.judged(self._trainer, path, names)
        action: CheckpointAction = "replaced" if there else "saved"
        self.run.log_checkpoint(
            path, action=action, step=self._step, epoch=self._epoch, metrics=metrics, aliases=aliases
        )
        best = checkpoints.best(self._trainer, names)
        if best is not None and best[0] != self._best:
            self._best = best[0]
            self.run.log_checkpoint(self._best, action="best", metrics=best[1], aliases=["best", *aliases])

    def _removed(self, path: str, there: bool) -> None:
        if self.run is not None and there and not checkpoints.is_temporary(path):
            self._positions.pop(path, None)
            self.run.log_checkpoint(path, action="deleted")

    def _log_links(self, trainer: Any) -> None:
        if self.run is None:
            return
        for link in checkpoints.linked(trainer):
            target = os.path.realpath(link)
            if (link, target) not in self._links:
                self._links.add((link, target))
                self.run.log_checkpoint(link, step=self._step, epoch=self._epoch, aliases=["latest"], target=target)

    def state_dict(self) -> dict[str, Any]:
        """What travels in Lightning's checkpoints: the run, and the position in passes over the data."""
        ours = self.run.id if self.run is not None and self.run.id else self._run_id
        return {"run_id": ours, "epoch": self._epoch} if ours else {}

    @never_raises
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Remember where the checkpoint was saved."""
        self._loaded = {"step": checkpoint.get("global_step")}

    @never_raises
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the run that the checkpoint names, unless one is being recorded already."""
        self._loaded = {**(self._loaded or {}), "epoch": state_dict.get("epoch")}
        if self.run is None or self.run.status != "running":
            self._run_id = paths.check_id(state_dict["run_id"])
