"""The callback: each of Lightning's events becomes a call of the run."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speech_tracker import lifecycle, paths
from speech_tracker.errors import InvalidTypeError, explain
from speech_tracker.guard import never_raises, shielded
from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.lightning import checkpoints, facts, starting
from speech_tracker.integrations.lightning.framework import Callback
from speech_tracker.integrations.pace import Pace
from speech_tracker.integrations.utterances import Scorer, Unit, Utterances
from speech_tracker.metric_names import Stage, standard_name
from speech_tracker.recorder import CheckpointAction
from speech_tracker.run import SIGNAL_TIMEOUT, Run


class SpeechTrackerCallback(Callback):
    """Records a Lightning training; works in the Trainers of both packages.

    The run begins with the training and ends with the process, with an exception, or when the callback of another
    training begins. What the steps of validation and test return as ``{"hyps": […], "refs": […], "ids": […],
    "speakers": […]}`` (the last two may be missing) is scored, over all ranks.

    Args:
        project, task, name: as for `speech_tracker.init`; `options` are its other arguments.
        run: a run that you began yourself; it is not ended here. Without it and without other arguments, a run that is
            active already is joined.
        experiment_folder: a folder that is this experiment's alone. Whatever starts with it continues its run, also
            without a checkpoint. By default a run is continued when its training is resumed (``ckpt_path=``).
        resume: ``never`` begins a new run also then, and links it to the one that it continues.
        log_every_n_steps: optimizer steps between two records, the Trainer's own when None.
        log_gradient_norm: record the 2-norm of the gradients, before clipping.
        audio_seconds: function from a batch to its seconds of audio, where the batch does not tell them
            (`speech_tracker.integrations.torch_facts.audio_seconds`).
        valid_names, test_names: names of the loaders, in order, where they are no dictionary and their data sets have no
            ``name``.
        units: what errors are counted in: ``word``, ``char``, ``mixed``.
        speech: what you want to say in the speech vocabulary, over what is found out.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong argument.

    Attributes:
        run: the run, None before the training begins.
    """

    def __init__(
        self,
        project: str | None = None,
        task: str | None = None,
        name: str | None = None,
        *,
        run: Run | None = None,
        experiment_folder: str | os.PathLike[str] | None = None,
        resume: str = "auto",
        log_every_n_steps: int | None = None,
        log_gradient_norm: bool = False,
        audio_seconds: Callable[[Any], Any] | None = None,
        valid_names: Sequence[str] = (),
        test_names: Sequence[str] = (),
        units: Sequence[Unit] = ("word", "char"),
        speech: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        wanted = {"project": project, "task": task, "name": name, "resume": None if resume == "auto" else resume}
        self.options = starting.checked({**wanted, **options})
        for names in (valid_names, test_names):
            if isinstance(names, str):
                raise InvalidTypeError(
                    explain(
                        "not a list of names", got=names, expected="one name per loader", remedy=f"write [{names!r}]"
                    )
                )
        self.run = run
        self.every = log_every_n_steps
        self.log_gradient_norm = log_gradient_norm
        self.audio_seconds = audio_seconds
        self.names: dict[Stage, tuple[str, ...]] = {"train": (), "valid": tuple(valid_names), "test": tuple(test_names)}
        self.speech = dict(speech or {})
        self.experiment_folder = experiment_folder
        self._is_users = run is not None
        self._own_id = paths.new_id()
        self._run_id: str | None = None  # of the run begun here before, or named by the checkpoint
        self._loaded: dict[str, Any] | None = None  # the position of the checkpoint that what runs now was loaded from
        self._derived: Any = None
        self._described: set[str] = set()
        self._trainer: Any = None
        self._utterances = Utterances()
        self._scorer = Scorer(units)
        self._pace = Pace()
        self._pending: dict[str, float] = {}
        self._step = self._logged = 0
        self._epoch: int | float = 0
        self._epoch_keys: dict[str, str] | None = None
        self._epoch_began = self._evaluation_began = self._evaluated = 0.0
        self._positions: dict[str, dict[str, Any]] = {}  # of the checkpoints saved here
        self._best: str | None = None
        self._links: set[tuple[str, str]] = set()
        self._end: tuple[Any, str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Another process continues the run in a segment of its own."""
        ours = self.run.id if self.run is not None and self.run.id else self._run_id
        return {**self.__dict__, "run": None, "_is_users": False, "_trainer": None, "_run_id": ours, "_pace": Pace()}

    # ---- begin and end ------------------------------------------------------------------------------------------

    @never_raises
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Nothing begins yet: the checkpoint, which may name the run, is loaded after this."""
        self._loaded = None
        self._trainer = trainer
        with shielded("looking for the experiment's folder"):
            # before ModelCheckpoint puts a folder of its own in place of a missing `dirpath`
            self._derived = facts.experiment_folder(trainer)

    @never_raises
    def _begin(self, trainer: Any, module: Any) -> None:
        fitting = trainer.state.fn == "fit"
        resumed = self._loaded is not None or trainer.ckpt_path is not None
        again = fitting and not resumed and trainer.global_step == 0 and self._logged > 0
        if self.run is not None and self.run.status == "running" and (self._is_users or not again):
            return
        if again:  # another fold: the same callback in a Trainer that starts from nothing
            self._run_id, self._logged, self._own_id = None, 0, paths.new_id()
        self._described.clear()
        self._best, self._end = None, None
        path = None if trainer.ckpt_path is None else str(trainer.ckpt_path)
        origin = starting.Origin(
            self._run_id, self._own_id, self.experiment_folder, self._derived, resumed and fitting, path, fitting
        )  # fmt: skip
        options = {**self.options, **({"mode": "disabled"} if trainer.fast_dev_run else {})}
        self.run, self._is_users = starting.start(options, origin)
        self._run_id = self.run.id or self._run_id
        checkpoints.watch(
            trainer.strategy, save_checkpoint=self._saved, remove_checkpoint=self._removed, teardown=self._torn_down
        )
        if fitting or not self.run.resumed:
            config = facts.configuration(trainer, module)
            self.run.log_config(config)
            self.run.log_speech({**facts.speech(trainer, module, config), **self.speech})

    @never_raises
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run, unless the strategy loads its checkpoint later than this."""
        if not trainer.strategy.restore_checkpoint_after_setup:
            self._begin(trainer, pl_module)

    @never_raises
    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run; what the check measures is not recorded."""
        self._begin(trainer, pl_module)

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

    @never_raises
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Record the exception. The run ends a little later: a checkpoint may be saved because of it."""
        if self.run is None:
            return
        self._end = _status(exception), f"{type(exception).__name__}: {exception}"[:500]
        with shielded("recording the last epoch"):
            self._log_epoch(trainer)
        lines = traceback.format_exception(exception)
        self.run.log_event(
            "exception", type=type(exception).__name__, message=str(exception)[:2000], traceback="".join(lines)[-4000:]
        )

    def _torn_down(self, _path: str, _there: bool) -> None:
        if self._end is not None and self.run is not None and not self._is_users:
            status, reason = self._end
            self.run.finish(status, reason=reason, timeout=SIGNAL_TIMEOUT if lifecycle.signalled() else None)

    @never_raises
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """End the run only in a process that the Trainer spawned, which may end without its exit handlers."""
        if self.run is not None and starting.in_spawned_process() and not self._is_users:
            self.run.finish()

    # ---- training -----------------------------------------------------------------------------------------------

    def _is_due(self, step: int) -> bool:
        every = self._trainer.log_every_n_steps if self.every is None else self.every
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
            if self.log_gradient_norm and (norm := torch_facts.gradient_norm(optimizer)) is not None:
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
        self._pace.add(self.audio_seconds(batch) if self.audio_seconds else torch_facts.audio_seconds(batch, rate))
        if not self._is_due(self._step):
            return
        self._logged = self._step
        pending, self._pending = self._pending, {}
        if self.run is not None and self.run.is_main:
            values = facts.standard(facts.measured(trainer, on_step=True), "train", ())
            self.run.log_metrics(
                {**values, **pending, **self._pace.rates(self._step)}, step=self._step, epoch=self._epoch
            )

    @never_raises
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Note which metrics are of this epoch; their values are complete after the module's own hook."""
        self._epoch = trainer.current_epoch + 1
        self._epoch_keys = facts.epoch_keys(trainer)
        self._pending["train/epoch_seconds"] = time.perf_counter() - self._epoch_began - self._evaluated

    def _log_epoch(self, trainer: Any) -> None:
        if self._epoch_keys is None or self.run is None:
            return
        found, self._epoch_keys = {**self._epoch_keys, **facts.epoch_keys(trainer, late=True)}, None
        metrics = trainer.callback_metrics
        values = facts.standard(
            ((name, None, metrics[key]) for name, key in found.items() if key in metrics), "train", ()
        )
        seconds = self._pending.pop("train/epoch_seconds", None)
        self.run.log_metrics(
            {**values, **({} if seconds is None else {"train/epoch_seconds": seconds})},
            step=self._step,
            epoch=self._epoch,
        )
        for link in checkpoints.linked(trainer):
            target = os.path.realpath(link)
            if (link, target) not in self._links:
                self._links.add((link, target))
                self.run.log_checkpoint(link, step=self._step, epoch=self._epoch, aliases=["latest"], target=target)

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

    # ---- validation and test ------------------------------------------------------------------------------------

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
        names = facts.set_names(loaders, self.names[stage])
        values = facts.standard(facts.measured(trainer, on_step=False), stage, names)
        position = self._position(trainer)
        self.run.log_metrics({**values, f"{stage}/epoch_seconds": seconds}, **position)
        collected = Utterances.merged(heard)
        tested = trainer.state.fn != "fit" and trainer.ckpt_path is not None
        checkpoint = str(trainer.ckpt_path) if tested else None
        for number, each in collected.items():
            name = facts.label(names, number, stage)
            rates = self._scorer.record(self.run, each, test_set=name, stage=stage, checkpoint=checkpoint, **position)
            data_set = facts.set_of(names, number if len(names) > 1 else None, stage)
            ours = {standard_name(key, stage=stage, data_set=data_set): rate for key, rate in rates.items()}
            self.run.log_metrics({key: rate for key, rate in ours.items() if key not in values}, **position)

    def _position(self, trainer: Any) -> dict[str, Any]:
        """Step and epoch of the weights that are evaluated: those of the checkpoint, where one was loaded for it."""
        if trainer.state.fn != "fit" and trainer.ckpt_path is not None:
            # older versions of Lightning do not tell callbacks of a checkpoint that is loaded for a test
            return self._loaded or self._positions.get(str(trainer.ckpt_path), {})
        return {"step": self._step or trainer.global_step, "epoch": self._epoch}

    # ---- data and checkpoints -----------------------------------------------------------------------------------

    def _describe(self, stage: Stage, loaders: Any) -> None:
        """Record the loaders of a stage, once."""
        named = facts.named_loaders(loaders)
        if self.run is None or stage in self._described or not named:
            return
        self._described.add(stage)
        names = facts.set_names(loaders, self.names[stage])
        labels = [facts.label(names, number, stage) for number in range(len(named))]
        each = {label: torch_facts.loader_facts(loader) for label, (_, loader) in zip(labels, named, strict=True)}
        self.run.log_config({f"{stage}_loaders": each})
        self.run.log_speech(facts.speech_of_loaders(stage, [loader for _, loader in named], labels))
        for label, (_, loader) in zip(labels, named, strict=True):
            split = f"test/{label}" if stage == "test" else stage
            self.run.log_dataset(label, split=split, **torch_facts.dataset_facts(loader))

    def _saved(self, path: str, there: bool) -> None:
        if self.run is None or checkpoints.is_temporary(path):
            return
        self._positions[path] = {"step": self._step, "epoch": self._epoch}
        names = facts.set_names(self._trainer.val_dataloaders, self.names["valid"])
        metrics, aliases = checkpoints.judged(self._trainer, path, names)
        action: CheckpointAction = "replaced" if there else "saved"
        self.run.log_checkpoint(
            path, action=action, step=self._step, epoch=self._epoch, metrics=metrics, aliases=aliases
        )
        best = checkpoints.best(self._trainer, names)
        if best is not None and best[0] != self._best:
            self._best = best[0]
            self.run.log_checkpoint(self._best, action="best", metrics=best[1], aliases=["best", *aliases])

    def _removed(self, path: str, there: bool) -> None:
        if self.run is not None and there and not checkpoints.is_temporary(path):
            self._positions.pop(path, None)
            self.run.log_checkpoint(path, action="deleted")

    def state_dict(self) -> dict[str, Any]:
        """What travels in Lightning's checkpoints: the run, and the position in passes over the data."""
        ours = self.run.id if self.run is not None and self.run.id else self._run_id
        return {"run_id": ours, "epoch": self._epoch} if ours else {}

    @never_raises
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Remember where the checkpoint was saved."""
        self._loaded = {"step": checkpoint.get("global_step")}

    @never_raises
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the run that the checkpoint names, unless one is being recorded already."""
        self._loaded = {**(self._loaded or {}), "epoch": state_dict.get("epoch")}
        if self.run is None or self.run.status != "running":
            self._run_id = paths.check_id(state_dict["run_id"])


def _bare(optimizer: Any) -> Any:
    """The optimizer itself, where Lightning has wrapped it."""
    return getattr(optimizer, "optimizer", optimizer)


def _status(error: BaseException) -> Any:
    if isinstance(error, KeyboardInterrupt):
        return "killed"
    if isinstance(error, SystemExit):  # Lightning's own, raised after SIGTERM, is one as well
        return lifecycle.signalled() or ("finished" if error.code in (None, 0) else "failed")
    return "failed"
