"""What all parts of the callback share: the run, where the training stands, and what its loaders are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.lightning import data_sets
from speech_tracker.integrations.lightning.framework import Callback
from speech_tracker.integrations.pace import Pace
from speech_tracker.integrations.utterances import Unit, Utterances
from speech_tracker.metric_names import Stage
from speech_tracker.run import Run


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose; see `SpeechTrackerCallback`, whose arguments they are."""

    run: Run | None
    options: Mapping[str, Any]
    experiment_folder: str | os.PathLike[str] | None
    every: int | None
    log_gradient_norm: bool
    audio_seconds: Callable[[Any], Any] | None
    names: Mapping[Stage, Sequence[str]]
    units: Sequence[Unit]
    speech: Mapping[str, Any]


class Recorded(Callback):
    """A callback with a run; the parts of `SpeechTrackerCallback` are built on it, each for one kind of event.

    Attributes:
        run: the run, None before the training begins.
        settings: as the user chose.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.run = settings.run
        self._is_users = settings.run is not None
        self._run_id: str | None = None  # of the run begun here before, or named by the checkpoint
        self._loaded: dict[str, Any] | None = None  # the position of the checkpoint that what runs now was loaded from
        self._positions: dict[str, dict[str, Any]] = {}  # of the checkpoints saved here
        self._described: set[str] = set()
        self._trainer: Any = None
        self._utterances = Utterances()
        self._pace = Pace()
        self._step = self._logged = 0
        self._epoch: int | float = 0
        self._evaluated = 0.0  # seconds of this epoch

    def __getstate__(self) -> dict[str, Any]:
        """Another process continues the run in a segment of its own."""
        ours = self.run.id if self.run is not None and self.run.id else self._run_id
        settings = replace(self.settings, run=None)
        return {
            **self.__dict__,
            "settings": settings,
            "run": None,
            "_is_users": False,
            "_trainer": None,
            "_run_id": ours,
            "_pace": Pace(),
        }

    def _position(self, trainer: Any) -> dict[str, Any]:
        """Step and epoch of the weights that are evaluated: those of the checkpoint, where one was loaded for it."""
        if trainer.state.fn != "fit" and trainer.ckpt_path is not None:
            # older versions of Lightning do not tell callbacks of a checkpoint that is loaded for a test
            return self._loaded or self._positions.get(str(trainer.ckpt_path), {})
        return {"step": self._step or trainer.global_step, "epoch": self._epoch}

    def _describe(self, stage: Stage, loaders: Any) -> None:
        """Record the loaders of a stage, once."""
        named = data_sets.named_loaders(loaders)
        if self.run is None or stage in self._described or not named:
            return
        self._described.add(stage)
        names = data_sets.set_names(loaders, self.settings.names[stage])
        labels = [data_sets.label(names, number, stage) for number in range(len(named))]
        each = {label: torch_facts.loader_facts(loader) for label, (_, loader) in zip(labels, named, strict=True)}
        self.run.log_config({f"{stage}_loaders": each})
        self.run.log_speech(data_sets.speech_of_loaders(stage, [loader for _, loader in named], labels))
        for label, (_, loader) in zip(labels, named, strict=True):
            split = f"test/{label}" if stage == "test" else stage
            self.run.log_dataset(label, split=split, **torch_facts.dataset_facts(loader))
