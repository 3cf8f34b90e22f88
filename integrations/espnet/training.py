"""One training: what of it is recorded, and when."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2.train.reporter import aggregate

import speech_tracker
from speech_tracker.guard import never_raises
from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.checkpoints import CheckpointFolder, means_of_validation
from speech_tracker.integrations.espnet.data_folders import data, data_folders, dataset
from speech_tracker.integrations.espnet.names import metrics

PICTURES = 4
"""Attention plots kept of an epoch: ESPnet draws every layer of several utterances, and a cluster counts files."""

INTERVAL = 50
"""Mini-batches between two values of a curve where ``log_interval`` is left to ESPnet."""


class Training:
    """One training, from its arguments to its last checkpoint.

    Args:
        task: our name of the task.
        config: ESPnet's arguments by name.
        options: as for `speech_tracker.init`.
    """

    def __init__(self, task: str, config: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.task = task
        self.config = dict(config)
        self.folder = Path(str(config["output_dir"]))
        self.interval = config.get("log_interval") or INTERVAL
        self.accumulation = config.get("accum_grad") or 1
        self.step = 0
        self.steps_of: dict[int, int] = {}
        self.stats: Mapping[int, Any] = {}
        self._told = 0
        self._went_on = False
        self.checkpoints = CheckpointFolder(self.folder, self.steps_of, config.get("best_model_criterion") or ())
        self.run = speech_tracker.init(
            task=self.task, experiment_folder=self.folder, config=self.config, **{**_of_wandb(config), **options}
        )
        never_raises(self._describe)()  # what of it cannot be understood is missing, and the curves are not
        never_raises(self._log_data)()

    def _describe(self, model: Any = None) -> None:
        self.run.log_speech(facts.speech(self.config, task=self.task, model=model))

    def _log_data(self) -> None:
        rate = facts.sample_rate(self.config)
        self.run.log_speech({"data": data(self.config, rate)})
        for split in ("train", "valid"):
            for each in data_folders(self.config, split):
                self.run.log_dataset(each.name, split=split, path=str(each), **dataset(each, rate))

    def model_built(self, model: Any) -> None:
        """Record the size and the summary of the model."""
        never_raises(self._describe)(model)
        self.run.log_json("model_summary", str(model).splitlines()[:400])

    def iteration(self, reporter: Any) -> None:
        """Record the means of the iterations since the last record, every `interval` of them."""
        if reporter.key != "train":
            return
        if reporter.count == 1:
            self._told = 0
        self.step = reporter.total_count // self.accumulation
        if reporter.count - self._told >= self.interval and reporter.total_count % self.accumulation == 0:
            self._tell(reporter)

    def epoch_ended(self, reporter: Any, ended: Any) -> None:
        """Record a stage's means; pictures where it drew some."""
        self.stats = reporter.stats
        epoch, stage = reporter.epoch, ended.key
        self.steps_of[epoch] = self.step
        if stage == "att_plot":
            self._attention(epoch)
            return
        if stage == "train" and self._told < ended.count:  # the rest; all of an epoch shorter than the interval
            self._tell(ended)
        means = means_of_validation(self.stats, epoch) if stage == "valid" else self.stats[epoch][stage]
        means = metrics(stage, means, epoch_means=stage == "train")
        self.run.log_metrics(means, step=self.step, epoch=epoch)

    def epoch_begins(self) -> None:
        """Look for the checkpoints of the epoch before; the first one without a checkpoint begins from nothing."""
        if not self._went_on and self.run.resumed:  # killed before the first checkpoint, or told not to resume
            self.run.rewind(step=0)
            self.run.log_event("restarted", step=0)
        self._went_on = True
        self.checkpoints.look(self.run, self.stats)

    def recovered(self, epoch: int, stats: Mapping[int, Any]) -> None:
        """Say where a resumed training goes on."""
        self.stats = stats
        self._went_on = True
        self.step = int(stats.get(epoch, {}).get("train", {}).get("total_count", 0)) // self.accumulation
        if self.run.resumed:
            self.run.rewind(step=self.step, epoch=epoch)

    def ended(self, error: BaseException | None) -> None:
        """Record the last checkpoints and the run's end."""
        never_raises(self.checkpoints.look)(self.run, self.stats)
        if error is None:
            self.run.finish("finished")
            return
        if not isinstance(error, SystemExit):
            text = "".join(traceback.format_exception(error))[-4000:]
            self.run.log_event("exception", type=type(error).__name__, message=str(error)[:2000], traceback=text)
        self.run.__exit__(type(error), error, error.__traceback__)

    def _tell(self, reporter: Any) -> None:
        means = {
            key: aggregate(values[self._told :])
            for key, values in reporter.stats.items()
            if not key.endswith("_time") and key not in ("loss_scale", "clip")  # epochs tell enough of these
        }
        self._told = reporter.count
        self.run.log_metrics(metrics("train", means), step=self.step, epoch=reporter.epoch)

    def _attention(self, epoch: int) -> None:
        if epoch > 3 and epoch % 5:
            return
        for path in sorted(self.folder.glob(f"att_ws/*/*.{epoch}ep.png"))[:PICTURES]:
            name = f"attention/{path.parent.name}/{path.name.removesuffix(f'.{epoch}ep.png')}"
            self.run.log_figure(name, path, step=self.step)


def _of_wandb(config: Mapping[str, Any]) -> dict[str, Any]:
    """What was said to ESPnet's own W&B switch: the run is ours, and is called and sent as it would have been."""
    if not config.get("use_wandb"):
        return {}
    said = {name: config.get(f"wandb_{name}") for name in ("project", "name", "entity", "id")}
    elsewhere = os.environ.get("SPEECH_TRACKER_MODE") or os.environ.get("WANDB_MODE")
    return {name: value for name, value in said.items() if value} | ({} if elsewhere else {"mode": "online"})
