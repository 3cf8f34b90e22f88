"""An adapter to copy: it follows `ToyTrainer`, twenty lines that stand for a toolkit.

A real adapter says here with which versions it was tested, where the toolkit documents the hook, and the line to add::

    ToyTrainer(callbacks=[SpeechTrackerToyCallback("digits", task="asr")]).fit(folder)

Recorded are the configuration, metrics of steps and epochs, checkpoints, resumption, and how the training ended.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.guard import never_raises

# In place of this class stands the import of the toolkit, in this one place. Where it may be missing, say so:
#     raise MissingExtraError("… pip install 'speech-tracker[toy]'") from error


class ToyTrainer:
    """Minimises ``(weight - 3)²`` by gradient descent."""

    def __init__(self, callbacks: list[Any], *, epochs: int = 2, lr: float = 0.1) -> None:
        self.callbacks, self.epochs, self.lr, self.weight, self.step = callbacks, epochs, lr, 0.0, 0

    def fit(self, folder: Path, *, resume: bool = False) -> float:
        """Train, saving to `folder` after each epoch."""
        path = folder / "last.json"
        if resume:
            self.weight, self.step = json.loads(path.read_text())
        try:
            self._tell("on_begin", folder, resume)
            for epoch in range(self.step // 4 + 1, self.epochs + 1):
                for _ in range(4):
                    self.weight -= self.lr * 2 * (self.weight - 3)
                    self.step += 1
                    self._tell("on_step", {"train_loss": (self.weight - 3) ** 2})
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps([self.weight, self.step]))
                self._tell("on_epoch", epoch, {"dev_loss": abs(self.weight - 3)}, path)
        except BaseException as error:
            self._tell("on_error", error)
            raise
        self._tell("on_end")
        return self.weight

    def _tell(self, event: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event, lambda *_: None)(self, *arguments)


NAMES = {"train_loss": "train/loss", "dev_loss": "valid/loss"}
"""The toolkit's names of metrics → ours; others pass through."""


class SpeechTrackerToyCallback:
    """Records a `ToyTrainer`.

    Args:
        project, task: as for `speech_tracker.init`; `options` are its other arguments.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong argument.
    """

    def __init__(self, project: str | None = None, task: str | None = None, **options: Any) -> None:
        self.options = {"project": project, "task": task, **options}
        speech_tracker.init(**{**self.options, "mode": "disabled"})  # refuses wrong arguments now, and begins nothing
        self.run: speech_tracker.Run | None = None

    @never_raises
    def on_begin(self, trainer: ToyTrainer, folder: Path, resumed: bool) -> None:
        """Begin the run, or continue the one that the folder remembers."""
        self.run = speech_tracker.init(experiment_folder=folder, **self.options)
        self.run.log_config({"epochs": trainer.epochs, "lr": trainer.lr})
        self.run.log_speech({"toolkit": "toy", "training": {"learning_rate": trainer.lr}})
        if resumed:
            self.run.rewind(step=trainer.step)

    @never_raises
    def on_step(self, trainer: ToyTrainer, metrics: dict[str, float]) -> None:
        """Record the step's metrics."""
        if self.run is not None:
            self.run.log_metrics({NAMES.get(name, name): value for name, value in metrics.items()}, step=trainer.step)

    @never_raises
    def on_epoch(self, trainer: ToyTrainer, epoch: int, metrics: dict[str, float], checkpoint: Path) -> None:
        """Record the validation, and the checkpoint with what was measured."""
        if self.run is not None:
            named = {NAMES.get(name, name): value for name, value in metrics.items()}
            self.run.log_metrics(named, step=trainer.step, epoch=epoch)
            self.run.log_checkpoint(checkpoint, step=trainer.step, epoch=epoch, metrics=named, aliases=["latest"])

    @never_raises
    def on_error(self, trainer: ToyTrainer, error: BaseException) -> None:  # noqa: ARG002 - the toolkit's signature
        """End the run; the exception goes on untouched."""
        if self.run is not None:
            self.run.__exit__(type(error), error, error.__traceback__)

    @never_raises
    def on_end(self, trainer: ToyTrainer) -> None:  # noqa: ARG002 - the toolkit's signature
        """End the run."""
        if self.run is not None:
            self.run.finish()
