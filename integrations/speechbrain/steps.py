"""The steps of a training, where they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.pace import Pace
from speech_tracker.integrations.speechbrain import configuration, data_sets

if TYPE_CHECKING:
    from speech_tracker.integrations.speechbrain.tracker import Tracker


class Steps:
    """Records loss, learning rate, speed and, if asked, gradient norm of every so manieth optimizer step."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._pace = Pace()
        self._losses: list[float] = []
        self._last = 0
        self._batches: int | None = None
        self._norms: dict[str, float] = {}

    def start(self) -> None:
        """Count from here: a training that begins, or goes on after a validation."""
        self._last = self._tracker.brain.optimizer_step
        self._losses.clear()
        self._pace.start(self._last)

    def loader_made(self, loader: Any, _dataset: Any = None, stage: Any = None, *_: Any, **__: Any) -> None:
        """Learn how many batches an epoch has."""
        if getattr(stage, "name", None) == "TRAIN":
            self._batches = len(loader) if hasattr(loader, "__len__") else None

    def gradients_ready(self) -> None:
        """Look at the gradients before they are clipped and forgotten."""
        brain, every = self._tracker.brain, self._tracker.options.steps
        if not self._tracker.options.gradient_norm or (brain.optimizer_step + 1) % every:
            return
        scale = brain.scaler.get_scale() if brain.scaler.is_enabled() else 1.0
        for number, optimizer in enumerate(self._optimizers()):
            norm = torch_facts.gradient_norm(optimizer)
            if norm is not None:
                self._norms[f"train/gradient_norm{f'_{number}' if number else ''}"] = float(norm) / scale

    def batch_done(self, loss: Any, batch: Any = None, *_: Any, **__: Any) -> None:
        """Record the step that the batch has completed, if it is due; its loss is the mean over its batches."""
        brain, every = self._tracker.brain, self._tracker.options.steps
        step = brain.optimizer_step
        rate = configuration.hparams_of(brain).get("sample_rate")
        self._pace.add(data_sets.batch_seconds(batch, rate if isinstance(rate, (int, float)) else None))
        self._losses.append(float(loss))
        if step == self._last:
            return
        mean = sum(self._losses) / len(self._losses)
        self._last = step
        self._losses.clear()
        if step % every == 0:
            norms, self._norms = self._norms, {}
            rates = {**self.learning_rates(), **norms, **self._pace.rates(step)}
            epoch = self._tracker.position["epoch"]
            if epoch is not None and self._batches:
                epoch = epoch - 1 + min(brain.step / self._batches, 1)
            self._tracker.begin().log_metrics({"train/loss": mean, **rates}, step=step, epoch=epoch)

    def learning_rates(self) -> dict[str, float]:
        """Return the rate of each optimizer as it is now."""
        return torch_facts.learning_rates(self._optimizers())

    def _optimizers(self) -> list[Any]:
        brain = self._tracker.brain
        found = getattr(brain, "optimizers_dict", None)
        return list(found.values()) if found else [brain.optimizer] if hasattr(brain, "optimizer") else []
