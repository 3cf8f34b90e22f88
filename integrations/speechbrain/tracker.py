"""What is known between the calls of one Brain; the translation of its events into records."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import speechbrain

import speech_tracker
from speech_tracker import lifecycle
from speech_tracker.integrations.speechbrain import configuration, data_sets, description, names
from speech_tracker.integrations.speechbrain.checkpoints import Checkpoints
from speech_tracker.integrations.speechbrain.error_rates import Evaluations, percents
from speech_tracker.integrations.speechbrain.options import Options
from speech_tracker.integrations.speechbrain.steps import Steps


class Tracker:
    """Follows a Brain; `speech_tracker.integrations.speechbrain.attach` tells it what happens.

    Attributes:
        brain: the Brain, None before one is built.
        run: the run, None before the first ``fit`` or ``evaluate``.
    """

    def __init__(self, options: Options, save_file: str | None = None) -> None:
        self.options = options
        self.save_file = save_file
        self.run: speech_tracker.Run | None = None
        self.brain: Any = None
        self.steps = Steps(self)
        self.checkpoints = Checkpoints(self)
        self.evaluations = Evaluations()
        self.data: dict[str, Any] = {}
        self.tested = 0
        self.test_set: str | None = None
        self.ending: Any = None  # the stage whose end the recipe is working on
        self.told: set[str] = set()  # what the recipe has said since the last validation
        self.train_loss: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Where it is unpickled there is no Brain, and its run goes on without it."""
        return {"options": self.options, "save_file": self.save_file}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def begin(self) -> speech_tracker.Run:
        """Start the run, or continue the one that the output folder remembers; one that has failed goes on as well."""
        if self.run is not None and (self.run.status == "running" or self.run.mode == "disabled"):
            return self.run
        config = configuration.configuration(self.brain)
        folder = configuration.experiment_folder(self.brain, self.save_file)
        again: dict[str, Any] = {"id": self.run.id} if self.run is not None and self.run.is_main else {}
        try:
            self.run = speech_tracker.init(experiment_folder=folder, **self.options.of_run, **again)
        except Exception:
            self.run = speech_tracker.init(mode="disabled")  # said once, not at every step
            raise
        lifecycle.watch_signals()
        self.run.log_config(config)
        self.run.log_speech(description.speech(config, self.brain.modules, self.options.of_run["task"]))
        return self.run

    @property
    def position(self) -> dict[str, Any]:
        """Optimizer steps and epoch so far; both survive a restart."""
        counter = configuration.hparams_of(self.brain).get("epoch_counter")
        return {"step": self.brain.optimizer_step, "epoch": getattr(counter, "current", None)}

    def fit_begins(
        self, epoch_counter: Any = None, train_set: Any = None, valid_set: Any = None, *_: Any, **__: Any
    ) -> None:
        """Start the run and record the data."""
        del epoch_counter
        run = self.begin()
        hparams = configuration.hparams_of(self.brain)
        for split, dataset in (("train", train_set), ("valid", valid_set)):
            self.data[split] = dataset
            if dataset is not None:
                self._log_data(split, next(iter(data_sets.manifests(hparams, split)), None), dataset)
        sizes = {split: data_sets.size(dataset) for split, dataset in self.data.items() if dataset is not None}
        facts = {f"{split}_{key}": value for split, size in sizes.items() for key, value in size.items()}
        known = ("train_utterances", "train_hours", "train_speakers", "valid_utterances")
        run.log_speech({"data": {key: facts[key] for key in known if key in facts}})

    def _log_data(self, split: str, manifest: str | None, dataset: Any, name: str | None = None) -> None:
        called = name or (Path(manifest).stem if manifest else split)
        size, version = data_sets.size(dataset), data_sets.version(manifest)
        self.begin().log_dataset(called, split=split, manifest=manifest, version=version, **size)

    def recovered(self) -> None:
        """Say where a continued training goes on: the counters are those of the checkpoint now."""
        run, step, loaded = self.begin(), self.brain.optimizer_step, self.checkpoints.loaded_path
        self.steps.start()
        if run.resumed or loaded is not None:
            run.rewind(step=step)
            run.log_event("restarted" if loaded is None else "resumed", step=step, checkpoint=loaded)

    def statistics(
        self, stats_meta: Any = None, train_stats: Any = None, valid_stats: Any = None, test_stats: Any = None, *_: Any, **__: Any
    ) -> None:  # fmt: skip
        """Record what the recipe gives its logger."""
        if self.brain is None:
            return
        meta, known = dict(stats_meta or {}), percents(self.brain)
        of_step = self.ending is None and valid_stats is None
        if test_stats is not None:
            metrics = names.stage_metrics("test", test_stats, test_set=self.test_set or "test", percents=known)
        else:
            metrics = {
                **({} if self.options.steps and not of_step else names.meta_metrics(meta)),  # else it has its own curve
                **names.stage_metrics("train", train_stats, of_step=of_step),
                **names.stage_metrics("valid", valid_stats, percents=known),
            }
        self.told.update(metrics)
        epoch = next((value for key, value in meta.items() if key.lower() == "epoch"), self.position["epoch"])
        if metrics:
            self.begin().log_metrics(metrics, step=self.brain.optimizer_step, epoch=epoch)

    def stage_ends(self, stage: Any = None, *_: Any, **__: Any) -> None:
        """Remember it while the recipe works on it."""
        self.ending = stage

    def stage_ended(self, stage: Any = None, stage_loss: Any = None, epoch: Any = None, *_: Any, **__: Any) -> None:
        """Record every ErrorRateStats of a valid or test stage as an evaluation, and what the recipe kept for itself.

        Not at the end of a train stage: what the Brain then holds is left over from the validation before.
        """
        self.ending = None
        if stage == speechbrain.Stage.TRAIN:
            self.train_loss = stage_loss
            if self.data.get("valid") is None:
                self._complete({}, epoch)
            return
        testing = stage == speechbrain.Stage.TEST
        place = (self.test_set or "test") if testing else "valid"
        where = {**self.position, **({"checkpoint": self.checkpoints.loaded_path} if testing else {})}
        rates = self.evaluations.record(
            self.begin(), self.brain, self.data.get("test" if testing else "valid"), test_set=place,
            stage="test" if testing else "valid", **where,
        )  # fmt: skip
        if not testing:
            self._complete({"valid/loss": stage_loss, **{f"valid/{name}": rate for name, rate in rates.items()}}, epoch)
        elif f"test/{place}/loss" not in self.told:
            self.begin().log_metrics({f"test/{place}/loss": float(stage_loss)}, **self.position)

    def _complete(self, metrics: Mapping[str, Any], epoch: Any) -> None:
        found = {**metrics, "train/loss_epoch": self.train_loss}
        if not self.options.steps and not any(name.startswith("train/learning_rate") for name in self.told):
            found.update(self.steps.learning_rates())
        missing = {name: float(value) for name, value in found.items() if name not in self.told and value is not None}
        self.told.clear()
        self.steps.start()
        if missing:
            self.begin().log_metrics(missing, step=self.brain.optimizer_step, epoch=epoch)

    def evaluation_begins(
        self, test_set: Any = None, max_key: Any = None, min_key: Any = None, *_: Any, **__: Any
    ) -> None:
        """Remember what is tested, and by what the checkpoint for it is chosen."""
        hparams = configuration.hparams_of(self.brain)
        self.data["test"], self.test_set = test_set, data_sets.name_of_test_set(hparams, self.tested)
        paths = data_sets.manifests(hparams, "test")
        named = [path for path in paths if Path(path).stem == self.test_set] or paths[self.tested : self.tested + 1]
        self.tested += 1
        self.checkpoints.key = ("min", min_key) if min_key else ("max", max_key) if max_key else None
        self._log_data(f"test/{self.test_set}", next(iter(named), None), test_set, self.test_set)

    def failed(self, error: BaseException) -> None:
        """End the run as failed; by a keyboard interrupt as killed. The error goes on as it was."""
        self.ending = None
        if self.run is None or self.run.status != "running":
            return
        if not isinstance(error, SystemExit):
            text = "".join(traceback.format_exception(error))[-4000:]
            self.run.log_event("exception", type=type(error).__name__, message=str(error)[:2000], traceback=text)
        self.run.__exit__(type(error), error, error.__traceback__)
