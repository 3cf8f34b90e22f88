"""Following a Brain: its methods are wrapped on the instance, so that a recipe's own overrides are followed too."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import speechbrain
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.distributed import if_main_process

import speech_tracker
from speech_tracker.evaluation.score import score
from speech_tracker.guard import never_raises
from speech_tracker.integrations.speechbrain import facts
from speech_tracker.integrations.speechbrain.names import meta_metrics, stage_metrics

Hook = Callable[..., None]


class Tracker:
    """What is known between the calls of one Brain; the translation of its events into records."""

    def __init__(self, options: Mapping[str, Any], *, save_file: str | None = None, steps: int = 0) -> None:
        self.options = dict(options)
        self.save_file = save_file
        self.steps = steps
        self.run: speech_tracker.Run | None = None
        self.brain: Any = None
        self.data: dict[str, Any] = {}
        self.tested = 0
        self.test_set: str | None = None
        self.best_valid = float("inf")
        self.key: tuple[str, str] | None = None

    def begin(self) -> speech_tracker.Run:
        """Start the run, or continue the one that the output folder remembers."""
        if self.run is None:
            hparams = vars(self.brain.hparams)
            config = facts.configuration(hparams)
            folder = facts.experiment_folder(hparams, self.brain.checkpointer, self.save_file)
            self.run = speech_tracker.init(experiment_folder=folder, config=config, **self.options)
            self.run.log_speech(facts.speech(hparams, config, self.brain.modules, self.options.get("task")))
        return self.run

    @property
    def position(self) -> dict[str, Any]:
        """Optimizer steps and epoch so far; both survive a restart."""
        counter = getattr(self.brain.hparams, "epoch_counter", None)
        return {"step": self.brain.optimizer_step, "epoch": getattr(counter, "current", None)}

    def fit_begins(self, _epoch_counter: Any, train_set: Any, valid_set: Any = None, *_: Any, **__: Any) -> None:
        """Start the run and record the data."""
        self.data = {"train": train_set, "valid": valid_set}
        run = self.begin()
        hparams = vars(self.brain.hparams)
        for split, dataset in self.data.items():
            if dataset is not None:
                manifest = next(iter(facts.listed(hparams.get(f"{split}_csv") or hparams.get(f"{split}_json"))), None)
                run.log_dataset(
                    Path(manifest).stem if manifest else split, split=split, manifest=manifest, **facts.size(dataset)
                )

    def recovered(self) -> None:
        """Say where a continued training goes on: the counters are those of the checkpoint now."""
        run = self.begin()
        if run.resumed:
            run.rewind(**self.position)

    def step(self, loss: Any) -> None:
        """Record the loss of a step, every `steps` optimizer steps."""
        if self.steps and self.brain.optimizer_step % self.steps == 0:
            self.begin().log_metrics({"train/loss_step": float(loss)}, **self.position)

    def statistics(self, meta: Mapping[str, Any], train: Any, valid: Any, test: Any) -> None:
        """Record what the recipe gave its logger."""
        if self.brain is None or not if_main_process():
            return
        metrics = {**meta_metrics(meta), **stage_metrics("train", train), **stage_metrics("valid", valid)}
        if test is not None:
            metrics = stage_metrics(f"test/{self.test_set or 'test'}", test)
        epoch = next((value for key, value in meta.items() if key.lower() == "epoch"), self.position["epoch"])
        if metrics:
            self.begin().log_metrics(metrics, step=self.brain.optimizer_step, epoch=epoch)

    def stage_ended(self, stage: Any, *_: Any, **__: Any) -> None:
        """Record every ErrorRateStats of a valid or test stage as an evaluation.

        Not at the end of a train stage: what the Brain then holds is left over from the validation before.
        """
        if stage == speechbrain.Stage.TRAIN:
            return
        testing = stage == speechbrain.Stage.TEST
        dataset = self.data.get("test" if testing else "valid")
        for name, statistics in facts.error_rates(self.brain):
            references, hypotheses = facts.transcripts(statistics)
            speakers = facts.speakers(dataset)
            evaluation = score(
                references,
                hypotheses,
                unit="char" if statistics.split_tokens else "word",
                attributes={"speaker_id": speakers} if speakers else None,
            )
            rate = evaluation.error_rate
            # of the epochs only those that are better than every one before: a file each would eat a cluster's inodes
            if testing or (rate is not None and not statistics.split_tokens and rate < self.best_valid):
                self.best_valid = self.best_valid if testing or rate is None else rate
                place = self.test_set or "test" if testing else "valid"
                self.begin().log_evaluation(evaluation, test_set=place, statistics=name, **self.position)

    def evaluation_begins(self, test_set: Any, max_key: Any = None, min_key: Any = None, *_: Any, **__: Any) -> None:
        """Remember what is tested, and by what the checkpoint for it is chosen."""
        self.data["test"] = test_set
        self.test_set = facts.test_set_name(self.brain.hparams, self.tested)
        self.tested += 1
        self.key = ("min", min_key) if min_key else ("max", max_key) if max_key else None
        run = self.begin()
        run.log_dataset(self.test_set, split=f"test/{self.test_set}", **facts.size(test_set))

    def saved(self, checkpoint: Any) -> None:
        """Record a checkpoint; on other ranks there is none."""
        if checkpoint is not None:
            metrics = {
                key.partition("/")[2]: value
                for key, value in stage_metrics("x", checkpoint.meta).items()
                if key != "x/unixtime"
            }
            self.begin().log_checkpoint(checkpoint.path, metrics=metrics, meta=dict(checkpoint.meta), **self.position)

    def loaded(self, checkpoint: Any) -> None:
        """Record which checkpoint a test was made with: by the recipe's own rule it is the best."""
        if self.key is not None:
            self.begin().log_checkpoint(checkpoint.path, action="best", aliases=["best"], chosen_by=" ".join(self.key))
            self.key = None

    def failed(self, error: BaseException) -> None:
        """End the run as failed; a keyboard interrupt as killed. The error goes on as it was."""
        if self.run is not None:
            self.run.finish(
                "killed" if isinstance(error, KeyboardInterrupt) else "failed",
                reason=f"{type(error).__name__}: {error}"[:500],
            )


def attach(brain: Any, tracker: Tracker) -> None:
    """Follow `brain` from now on."""
    tracker.brain = brain
    brain.speech_tracker = tracker
    _wrap(brain, "fit", before=tracker.fit_begins, error=tracker.failed)
    _wrap(brain, "evaluate", before=tracker.evaluation_begins, error=tracker.failed)
    _wrap(brain, "on_fit_start", after=lambda _: tracker.recovered())
    _wrap(brain, "on_stage_end", after=lambda _, *stage, **named: tracker.stage_ended(*stage, **named))
    if tracker.steps:
        _wrap(brain, "fit_batch", after=lambda loss, *_, **__: tracker.step(loss))
    if brain.checkpointer is not None:
        _wrap(brain.checkpointer, "save_checkpoint", after=lambda result, *_, **__: tracker.saved(result))
        _wrap(brain.checkpointer, "load_checkpoint", after=lambda _, checkpoint, *__, **___: tracker.loaded(checkpoint))
        _follow_deletions()
        _deletions[str(Path(brain.checkpointer.checkpoints_dir).absolute())] = tracker


def track(brain: Any, **options: Any) -> Any:
    """Follow a Brain that exists already, for recipes without a ``train_logger``; returns it.

    Args:
        brain: the Brain.
        options: as for `SpeechTrackerLogger`: project, task, name, tags, languages, mode, steps.
    """
    steps = options.pop("steps", 0)
    never_raises(attach)(brain, Tracker({"task": "asr", **options}, steps=steps))
    return brain


class TrackedBrain(speechbrain.Brain):  # type: ignore[misc]  # SpeechBrain has no types
    """A Brain that is recorded: derive from it in place of ``speechbrain.Brain``.

    The class attribute `tracking` holds the options of `track`.
    """

    tracking: Mapping[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not hasattr(self, "speech_tracker"):
            track(self, **self.tracking)


def _wrap(
    owner: Any, name: str, *, before: Hook | None = None, after: Hook | None = None, error: Hook | None = None
) -> None:
    original = getattr(owner, name)
    watch = if_main_process()

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before is not None and watch:
            never_raises(before)(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as raised:
            if error is not None and watch:
                never_raises(error)(raised)
            raise
        if after is not None and watch:
            never_raises(after)(result, *args, **kwargs)
        return result

    setattr(owner, name, wrapped)


_deletions: dict[str, Tracker] = {}


def _follow_deletions() -> None:
    """Checkpoints are deleted through the class, so an instance's wrapper would never be reached."""
    original = Checkpointer._delete_checkpoint  # noqa: SLF001 - the only place where a deletion can be seen
    if hasattr(original, "speech_tracker_follows"):
        return

    @functools.wraps(original)
    def delete(checkpoint: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(checkpoint, *args, **kwargs)
        never_raises(_deleted)(Path(checkpoint.path))
        return result

    delete.speech_tracker_follows = True  # type: ignore[attr-defined]
    Checkpointer._delete_checkpoint = staticmethod(delete)  # noqa: SLF001


def _deleted(path: Path) -> None:
    tracker = _deletions.get(str(path.absolute().parent))
    if tracker is not None and tracker.run is not None:
        tracker.run.log_checkpoint(path, action="deleted")
