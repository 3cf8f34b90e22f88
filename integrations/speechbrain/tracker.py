"""What is known between the calls of one Brain; the translation of its events into records."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import speechbrain

import speech_tracker
from speech_tracker import lifecycle
from speech_tracker.integrations.speechbrain import configuration, data_sets, description
from speech_tracker.integrations.speechbrain.checkpoints import Checkpoints
from speech_tracker.integrations.speechbrain.options import Options
from speech_tracker.integrations.speechbrain.stages import Stages
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
        self.stages = Stages(self)
        self.data: dict[str, Any] = {}
        self.tested = 0
        self._trained = False
        self.test_set: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Where it is unpickled there is no Brain, and its run goes on without it."""
        return {"options": self.options, "save_file": self.save_file}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def follows(self, brain: Any) -> None:
        """Turn to a Brain: what the one before had loaded is not this one's."""
        if brain is not self.brain:
            self.brain = brain
            self.checkpoints.loaded_path = None

    def begin(self) -> speech_tracker.Run:
        """Start the run, or continue the one that the output folder remembers; one that has failed goes on as well."""
        if self.run is not None and (self.run.status == "running" or self.run.mode == "disabled"):
            return self.run
        config = configuration.configuration(self.brain)
        folder = configuration.experiment_folder(self.brain, self.save_file)
        again: dict[str, Any] = {"id": self.run.id} if self.run is not None and self.run.is_main else {}
        try:
            self.run = speech_tracker.init(**{"experiment_folder": folder, **self.options.of_run, **again})
        except Exception:
            self.run = speech_tracker.init(mode="disabled")  # said once, not at every step
            raise
        lifecycle.watch_signals()
        self.run.log_config(config)
        self.run.log_speech(
            description.speech(config, self.brain.modules, self.options.of_run["task"], speechbrain.__version__)
        )
        return self.run

    @property
    def position(self) -> dict[str, Any]:
        """Optimizer steps and epoch so far; both survive a restart.

        SpeechBrain does not learn of the steps of a recipe that takes them itself: epochs are counted in their place.
        """
        epoch = getattr(configuration.hparams_of(self.brain).get("epoch_counter"), "current", None)
        return {"step": self.brain.optimizer_step or epoch or 0, "epoch": epoch}

    @property
    def step(self) -> int:
        """The step of `position`."""
        return int(self.position["step"])

    @property
    def tells_steps(self) -> bool:
        """Whether loss and learning rate are recorded with the steps."""
        return bool(self.options.steps and self.brain.optimizer_step)

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
        run, step, loaded = self.begin(), self.step, self.checkpoints.loaded_path
        self.steps.start()
        again, self._trained = run.resumed and not self._trained, True
        if again or loaded is not None:
            run.rewind(step=step)
            run.log_event("restarted" if loaded is None else "resumed", step=step, checkpoint=loaded)

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
        self.stages.ends(None)
        if self.run is None or self.run.status != "running":
            return
        if not isinstance(error, SystemExit):
            text = "".join(traceback.format_exception(error))[-4000:]
            self.run.log_event("exception", type=type(error).__name__, message=str(error)[:2000], traceback=text)
        self.run.__exit__(type(error), error, error.__traceback__)
