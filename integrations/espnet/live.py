"""Following a training: the places of ESPnet that every task and every trainer goes through."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2.tasks.abs_task import AbsTask
from espnet2.train.distributed_utils import get_rank
from espnet2.train.reporter import Reporter, SubReporter, aggregate

import speech_tracker
from speech_tracker.guard import never_raises
from speech_tracker.integrations.espnet import facts
from speech_tracker.integrations.espnet.checkpoints import CheckpointFolder
from speech_tracker.integrations.espnet.names import metrics

_current: Training | None = None
_options: dict[str, Any] = {}

PICTURES = 4
"""Attention plots kept of an epoch: ESPnet draws every layer of several utterances, and a cluster counts files."""


class Training:
    """One training, from its arguments to its last checkpoint."""

    def __init__(self, task: str, config: Mapping[str, Any]) -> None:
        self.task = facts.TASKS.get(task, "other")
        self.config = dict(config)
        self.folder = Path(str(config["output_dir"]))
        self.interval = config.get("log_interval") or 50
        self.accumulation = config.get("accum_grad") or 1
        self.step = 0
        self.steps_of: dict[int, int] = {}
        self.stats: Mapping[int, Any] = {}
        criterion = (config.get("best_model_criterion") or [None])[0]
        self.best_by = tuple(criterion) if criterion else None
        self.checkpoints = CheckpointFolder(self.folder, self.steps_of)
        self.run = speech_tracker.init(task=self.task, experiment_folder=self.folder, config=self.config, **_options)
        self.run.log_speech(facts.speech(self.config, task=self.task))
        for split in ("train", "valid"):
            for each in facts.data_folders(self.config, split):
                self.run.log_dataset(each.name, split=split, path=str(each), **facts.dataset(each))

    def model_built(self, model: Any) -> None:
        """Record the size and the summary of the model."""
        self.run.log_speech(facts.speech(self.config, task=self.task, model=model))
        self.run.log_json("model_summary", str(model).splitlines()[:400])

    def iteration(self, reporter: Any) -> None:
        """Record the mean of the last iterations, every `interval` of them."""
        if reporter.key != "train":
            return
        self.step = reporter.total_count // self.accumulation
        if reporter.count % self.interval == 0:
            means = {
                key: aggregate(values[-self.interval :])
                for key, values in reporter.stats.items()
                if not key.endswith("_time") and key not in ("loss_scale", "clip")  # epochs tell enough of these
            }
            self.run.log_metrics(metrics("train", means), step=self.step, epoch=reporter.epoch)

    def epoch_ended(self, stage: str, epoch: int, stats: Mapping[int, Any]) -> None:
        """Record a stage's means; pictures where it drew some."""
        self.stats = stats
        self.steps_of[epoch] = self.step
        if stage == "att_plot":
            if epoch <= 3 or epoch % 5 == 0:
                for path in sorted(self.folder.glob(f"att_ws/*/*.{epoch}ep.png"))[:PICTURES]:
                    name = f"attention/{path.parent.name}/{path.name.removesuffix(f'.{epoch}ep.png')}"
                    self.run.log_figure(name, path, step=self.step)
            return
        self.run.log_metrics(
            metrics(stage, stats[epoch][stage], epoch_means=stage == "train"), step=self.step, epoch=epoch
        )

    def epoch_begins(self) -> None:
        """Look for the checkpoints of the epoch before."""
        self.checkpoints.look(self.run, self.stats, self.best_by)

    def recovered(self, epoch: int, stats: Mapping[int, Any]) -> None:
        """Say where a resumed training goes on."""
        self.stats = stats
        self.step = int(stats.get(epoch, {}).get("train", {}).get("total_count", 0)) // self.accumulation
        if self.run.resumed:
            self.run.rewind(step=self.step, epoch=epoch)

    def ended(self, error: BaseException | None) -> None:
        """Record the last checkpoints and the run's end."""
        self.epoch_begins()
        if error is None:
            self.run.finish("finished")
        else:
            self.run.finish(
                "killed" if isinstance(error, KeyboardInterrupt) else "failed",
                reason=f"{type(error).__name__}: {error}"[:500],
            )


def install(**options: Any) -> None:
    """Hook ESPnet once; `options` are those of `speech_tracker.init`."""
    _options.update({key: value for key, value in options.items() if value is not None})
    if hasattr(AbsTask.main_worker, "speech_tracker_follows"):
        return
    AbsTask.main_worker = classmethod(_followed_worker(AbsTask.main_worker.__func__))
    _after(SubReporter, "next", lambda training, reporter: training.iteration(reporter), first=True)
    _after(
        Reporter,
        "finish_epoch",
        lambda training, reporter, sub: training.epoch_ended(sub.key, reporter.epoch, reporter.stats),
    )
    _after(Reporter, "set_epoch", lambda training, *_, **__: training.epoch_begins())
    _after(
        Reporter,
        "load_state_dict",
        lambda training, reporter, *_: training.recovered(reporter.epoch, reporter.stats),
    )


def _followed_worker(original: Any) -> Any:
    @functools.wraps(original)
    def main_worker(cls: Any, args: Any) -> Any:
        global _current
        # stage 10 of the recipes comes through here too, and is no training
        if args.collect_stats or args.dry_run or _rank(args) != 0:
            return original(cls, args)
        _current = never_raises(Training)(cls.__name__, vars(args))
        if _current is None:
            return original(cls, args)
        args.use_wandb = False  # the run is ours; ESPnet's own would double it
        build_model, own = cls.build_model, vars(cls).get("build_model")

        def build(args: Any) -> Any:
            model = build_model(args)
            if _current is not None:
                never_raises(_current.model_built)(model)
            return model

        cls.build_model = staticmethod(build)
        try:
            result = original(cls, args)
        except BaseException as error:
            never_raises(_current.ended)(error)
            raise
        else:
            never_raises(_current.ended)(None)
            return result
        finally:
            if own is None:
                del cls.build_model
            else:
                cls.build_model = own
            _current = None

    main_worker.speech_tracker_follows = True  # type: ignore[attr-defined]
    return main_worker


def _rank(args: Any) -> int:
    try:
        return int(get_rank(args.dist_rank, args.dist_launcher) or 0)
    except Exception:  # noqa: BLE001 - ESPnet itself will say what is wrong with its arguments
        return args.dist_rank or 0


def _after(owner: Any, name: str, tell: Any, *, first: bool = False) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def followed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if first and _current is not None:
            never_raises(tell)(_current, self, *args, **kwargs)
        result = original(self, *args, **kwargs)
        if not first and _current is not None:
            never_raises(tell)(_current, self, *args, **kwargs)
        return result

    setattr(owner, name, followed)
