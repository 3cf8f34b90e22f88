"""What the stages of a training give: the statistics that a recipe logs, and the error rates that it leaves on its Brain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import speechbrain

from speech_tracker.integrations.speechbrain import names
from speech_tracker.integrations.speechbrain.error_rates import Evaluations, percents

if TYPE_CHECKING:
    from speech_tracker.integrations.speechbrain.tracker import Tracker


class Stages:
    """Records epochs and tests: what the recipe says, and what it kept for itself."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._evaluations = Evaluations()
        self._ending: Any = None  # the stage whose end the recipe is working on
        self._told: set[str] = set()  # what the recipe has said since the last validation
        self._train_loss: float | None = None

    def statistics(
        self, stats_meta: Any = None, train_stats: Any = None, valid_stats: Any = None, test_stats: Any = None, *_: Any, **__: Any
    ) -> None:  # fmt: skip
        """Record what the recipe gives its logger."""
        if self._tracker.brain is None:
            return
        meta, known = dict(stats_meta or {}), percents(self._tracker.brain)
        of_step = self._ending is None and valid_stats is None
        if test_stats is not None:
            metrics = names.stage_metrics("test", test_stats, test_set=self._tracker.test_set or "test", percents=known)
        else:
            metrics = {
                **names.meta_metrics(meta),
                **names.stage_metrics("train", train_stats, of_step=of_step),
                **names.stage_metrics("valid", valid_stats, percents=known),
            }
            if self._tracker.tells_steps:  # these have a point at every step already
                own = ("train/loss", *(name for name in metrics if name.startswith("train/learning_rate")))
                metrics = {name: value for name, value in metrics.items() if name not in own}
        self._told.update(metrics)
        epoch = next((value for key, value in meta.items() if key.lower() == "epoch"), self._tracker.position["epoch"])
        if metrics:
            self._tracker.begin().log_metrics(metrics, step=self._tracker.step or epoch, epoch=epoch)

    def ends(self, stage: Any = None, *_: Any, **__: Any) -> None:
        """Remember it while the recipe works on it."""
        self._ending = stage

    def ended(self, stage: Any = None, stage_loss: Any = None, epoch: Any = None, *_: Any, **__: Any) -> None:
        """Record every ErrorRateStats of a valid or test stage as an evaluation, and what the recipe kept for itself.

        Not at the end of a train stage: what the Brain then holds is left over from the validation before.
        """
        self._ending = None
        if stage == speechbrain.Stage.TRAIN:
            self._train_loss = stage_loss
            if self._tracker.data.get("valid") is None:
                self._complete({}, epoch)
            return
        testing = stage == speechbrain.Stage.TEST
        place = (self._tracker.test_set or "test") if testing else "valid"
        where = {**self._tracker.position, **({"checkpoint": self._tracker.checkpoints.loaded_path} if testing else {})}
        rates = self._evaluations.record(
            self._tracker.begin(), self._tracker.brain, self._tracker.data.get("test" if testing else "valid"), test_set=place,
            stage="test" if testing else "valid", **where,
        )  # fmt: skip
        if not testing:
            self._complete({"valid/loss": stage_loss, **{f"valid/{name}": rate for name, rate in rates.items()}}, epoch)
        elif f"test/{place}/loss" not in self._told:
            self._tracker.begin().log_metrics({f"test/{place}/loss": float(stage_loss)}, **self._tracker.position)

    def _complete(self, metrics: Mapping[str, Any], epoch: Any) -> None:
        found = {**metrics, "train/loss_epoch": self._train_loss}
        if not self._tracker.tells_steps and not any(name.startswith("train/learning_rate") for name in self._told):
            found.update(self._tracker.steps.learning_rates())
        missing = {name: float(value) for name, value in found.items() if name not in self._told and value is not None}
        self._told.clear()
        self._tracker.steps.start()
        if missing:
            self._tracker.begin().log_metrics(missing, step=self._tracker.step or epoch, epoch=epoch)
