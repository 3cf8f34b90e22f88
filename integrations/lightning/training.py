"""The training loop: metrics of steps and epochs, learning rates, speed."""

from __future__ import annotations

import time
from typing import Any

from speech_tracker import lifecycle
from speech_tracker.guard import never_raises, shielded
from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.lightning import logged
from speech_tracker.integrations.lightning.beginning import RecordsRun
from speech_tracker.integrations.lightning.recorded import Settings


class RecordsTraining(RecordsRun):
    """Records what the training loop measures."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._pending: dict[str, float] = {}
        self._epoch_keys: dict[str, str] | None = None
        self._epoch_began = 0.0

    @never_raises
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run; a resumed training supersedes what was recorded after its checkpoint."""
        self._begin(trainer, pl_module)
        self._step = self._logged = trainer.global_step
        self._epoch = trainer.current_epoch
        self._pace.start(self._step)
        lifecycle.watch_signals()
        if self.run is None:
            return
        first = "train" not in self._described
        self._describe("train", trainer.train_dataloader)
        self._describe("valid", trainer.val_dataloaders)
        resumed = self._loaded is not None or trainer.ckpt_path is not None
        if resumed or (self.run.resumed and first):
            self.run.rewind(step=self._step)
            name = "resumed" if resumed else "restarted"
            self.run.log_event(name, step=self._step, checkpoint=str(trainer.ckpt_path) if resumed else None)

    def _is_due(self, step: int) -> bool:
        every = self._trainer.log_every_n_steps if self.settings.every is None else self.settings.every
        return bool(every > 0 and step // every > self._logged // every)

    @never_raises
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Record the epoch before, which is complete only now."""
        self._log_epoch(trainer)
        self._epoch_began, self._evaluated = time.perf_counter(), 0.0

    @never_raises
    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Look at learning rates and gradients while they are those of this step.

        On every rank alike: the norm of sharded gradients is a collective operation.
        """
        if self._is_due(trainer.global_step + max(1, len(trainer.optimizers))):
            self._pending.update(torch_facts.learning_rates(trainer.optimizers))
            if self.settings.log_gradient_norm and (norm := torch_facts.gradient_norm(optimizer)) is not None:
                place = next((i for i, each in enumerate(trainer.optimizers) if _bare(each) is _bare(optimizer)), 0)
                self._pending[f"train/gradient_norm{f'_{place}' if place else ''}"] = float(norm)

    @never_raises
    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Record the step's metrics, at the logging interval."""
        self._step = trainer.global_step
        batches = trainer.num_training_batches
        done = 1 if trainer.is_last_batch else (batch_idx + 1) / batches if batches != float("inf") else 0
        self._epoch = trainer.current_epoch + done
        rate = pl_module.hparams.get("sample_rate") if hasattr(pl_module, "hparams") else None
        with shielded("asking a batch for its seconds of audio"):  # the user's function: its mistakes cost no metric
            self._pace.add(
                self.settings.audio_seconds(batch)
                if self.settings.audio_seconds
                else torch_facts.audio_seconds(batch, rate)
            )
        if not self._is_due(self._step):
            return
        self._logged = self._step
        pending, self._pending = self._pending, {}
        if self.run is not None and self.run.is_main:
            values = logged.standard(logged.measured(trainer, on_step=True), "train", ())
            self.run.log_metrics(
                {**values, **pending, **self._pace.rates(self._step)}, step=self._step, epoch=self._epoch
            )

    @never_raises
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Note which metrics are of this epoch; their values are complete after the module's own hook."""
        self._epoch = trainer.current_epoch + 1
        self._epoch_keys = logged.epoch_keys(trainer)
        self._pending["train/epoch_seconds"] = time.perf_counter() - self._epoch_began - self._evaluated

    def _log_epoch(self, trainer: Any) -> None:
        if self._epoch_keys is None or self.run is None:
            return
        found, self._epoch_keys = {**self._epoch_keys, **logged.epoch_keys(trainer, late=True)}, None
        metrics = trainer.callback_metrics
        values = logged.standard(
            ((name, None, metrics[key]) for name, key in found.items() if key in metrics), "train", ()
        )
        seconds = self._pending.pop("train/epoch_seconds", None)
        self.run.log_metrics(
            {**values, **({} if seconds is None else {"train/epoch_seconds": seconds})},
            step=self._step,
            epoch=self._epoch,
        )
        self._log_links(trainer)

    @never_raises
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record the last epoch, and why the training ended early if it did."""
        self._log_epoch(trainer)
        for callback in trainer.callbacks:
            if self.run is not None and getattr(callback, "stopped_epoch", None) and hasattr(callback, "patience"):
                self.run.log_event(
                    "early-stop", monitor=callback.monitor, best=float(callback.best_score), patience=callback.patience,
                    step=self._step, epoch=self._epoch,
                )  # fmt: skip


def _bare(optimizer: Any) -> Any:
    """The optimizer itself, where Lightning has wrapped it."""
    return getattr(optimizer, "optimizer", optimizer)
