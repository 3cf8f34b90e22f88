"""Validation and test: their metrics, and the error rates of what the steps return."""

from __future__ import annotations

import time
from typing import Any

from speech_tracker.guard import never_raises
from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.lightning import data_sets, logged
from speech_tracker.integrations.lightning.beginning import RecordsRun
from speech_tracker.integrations.lightning.recorded import Settings
from speech_tracker.integrations.utterances import Scorer, Utterances
from speech_tracker.metric_names import Stage, standard_name


class RecordsEvaluations(RecordsRun):
    """Records what validation and test measure."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._scorer = Scorer(settings.units)
        self._evaluation_began = 0.0

    @never_raises
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run, where a validation is all there is."""
        self._evaluation_began = time.perf_counter()
        if not trainer.sanity_checking:
            self._begin(trainer, pl_module)
            self._describe("valid", trainer.val_dataloaders)

    @never_raises
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run, where a test is all there is."""
        self._evaluation_began = time.perf_counter()
        self._begin(trainer, pl_module)
        self._describe("test", trainer.test_dataloaders)

    @never_raises
    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Take the texts that the step returned."""
        if not trainer.sanity_checking:
            self._utterances.add_outputs(
                outputs, data_set=dataloader_idx, prefix=f"{trainer.global_rank}-{batch_idx:05d}"
            )

    on_test_batch_end = on_validation_batch_end

    @never_raises
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what the validation measured; here what the module logs in its own epoch end is there already."""
        if not trainer.sanity_checking:
            self._log_evaluation(trainer, "valid", trainer.val_dataloaders)

    @never_raises
    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what the test measured, at the position of the checkpoint that was tested."""
        self._log_evaluation(trainer, "test", trainer.test_dataloaders)

    def _log_evaluation(self, trainer: Any, stage: Stage, loaders: Any) -> None:
        heard = torch_facts.gather(self._utterances.take())  # first, and always: the other ranks wait for it
        seconds = time.perf_counter() - self._evaluation_began
        self._evaluated += seconds
        self._pace.pause(seconds)
        if self.run is None or not self.run.is_main:
            return
        names = data_sets.set_names(loaders, self.settings.names[stage])
        values = logged.standard(logged.measured(trainer, on_step=False), stage, names)
        position = self._position(trainer)
        self.run.log_metrics({**values, f"{stage}/epoch_seconds": seconds}, **position)
        collected = Utterances.merged(heard)
        tested = trainer.state.fn != "fit" and trainer.ckpt_path is not None
        checkpoint = str(trainer.ckpt_path) if tested else None
        for number, each in collected.items():
            name = data_sets.label(names, number, stage)
            rates = self._scorer.record(self.run, each, test_set=name, stage=stage, checkpoint=checkpoint, **position)
            data_set = data_sets.set_of(names, number if len(names) > 1 else None, stage)
            ours = {standard_name(key, stage=stage, data_set=data_set): rate for key, rate in rates.items()}
            self.run.log_metrics({key: rate for key, rate in ours.items() if key not in values}, **position)
