"""Following a training: the progress bar that every number passes, and the function that saves every checkpoint."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fairseq
from fairseq import checkpoint_utils
from fairseq.distributed.utils import get_global_rank
from fairseq.logging import progress_bar
from fairseq.trainer import Trainer

import speech_tracker
from speech_tracker.guard import never_raises
from speech_tracker.integrations.fairseq import facts
from speech_tracker.integrations.fairseq.names import metrics, stage_of

_run: speech_tracker.Run | None = None
_subsets: list[str] = []
_criterion = ""
_epoch: int | None = None
_resumed_at: int | None = None
_parameters: tuple[int, int] | None = None


def install() -> None:
    """Hook Fairseq once in this process."""
    if hasattr(progress_bar.progress_bar, "speech_tracker_follows"):
        return
    make_bar, save, load = progress_bar.progress_bar, checkpoint_utils.save_checkpoint, Trainer.load_checkpoint

    @functools.wraps(make_bar)
    def bar(iterator: Any, *args: Any, **kwargs: Any) -> Any:
        global _epoch
        kwargs["wandb_project"] = None  # the run is ours; Fairseq's own would double it
        _epoch = kwargs.get("epoch", _epoch)
        made = make_bar(iterator, *args, **kwargs)
        return _FollowedBar(made) if get_global_rank() == 0 else made

    @functools.wraps(save)
    def save_checkpoint(cfg: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        before = _listing(cfg.save_dir)
        result = save(cfg, trainer, *args, **kwargs)
        if _run is not None:
            never_raises(_saved)(cfg, trainer.get_num_updates(), before)
        return result

    @functools.wraps(load)
    def load_checkpoint(trainer: Any, filename: str, *args: Any, **kwargs: Any) -> Any:
        global _resumed_at
        never_raises(_count)(trainer)
        result = load(trainer, filename, *args, **kwargs)
        if result is not None and not kwargs.get("reset_optimizer"):
            _resumed_at = trainer.get_num_updates()
        return result

    bar.speech_tracker_follows = True  # type: ignore[attr-defined]
    progress_bar.progress_bar = bar
    checkpoint_utils.save_checkpoint = save_checkpoint
    Trainer.load_checkpoint = load_checkpoint


class _FollowedBar(progress_bar.BaseProgressBar):  # type: ignore[misc]  # Fairseq has no types
    """A progress bar that hands on what it is given."""

    def __init__(self, bar: Any) -> None:
        self.wrapped_bar = bar

    def __iter__(self) -> Iterator[Any]:
        return iter(self.wrapped_bar)

    def log(self, stats: Any, tag: str | None = None, step: int | None = None) -> None:
        """Record the statistics of an update."""
        never_raises(_record)(stats, tag, step)
        self.wrapped_bar.log(stats, tag=tag, step=step)

    def print(self, stats: Any, tag: str | None = None, step: int | None = None) -> None:
        """Record the statistics of an epoch or a validation."""
        never_raises(_record)(stats, tag, step)
        self.wrapped_bar.print(stats, tag=tag, step=step)

    def update_config(self, config: Mapping[str, Any]) -> None:
        """Begin the run: only a training announces its configuration."""
        never_raises(_begin)(config)
        self.wrapped_bar.update_config(config)


def _count(trainer: Any) -> None:
    """The last function before the training begins that has the model at hand."""
    global _parameters
    sizes = [(each.numel(), each.requires_grad) for each in trainer.get_model().parameters()]
    _parameters = sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def _begin(config: Mapping[str, Any]) -> None:
    global _run, _subsets, _criterion
    if _run is not None:
        return
    _subsets, _criterion = facts.subsets(config), facts.criterion_name(config)
    folder = Path(str(facts.setting(config, "checkpoint", "save_dir") or "checkpoints"))
    _run = speech_tracker.init(task=facts.task_name(config), experiment_folder=folder, config=config)
    version, (parameters, trainable) = getattr(fairseq, "__version__", None), _parameters or (None, None)
    _run.log_speech(facts.speech(config, toolkit_version=version, parameters=parameters, trainable=trainable))
    for split, name, manifest in facts.manifests(config):
        with manifest.open(encoding="utf-8") as file:
            _run.log_dataset(name, split=split, manifest=manifest, utterances=max(sum(1 for _ in file) - 1, 0))
    if _run.resumed and _resumed_at is not None:
        _run.rewind(step=_resumed_at)


def _record(stats: Mapping[str, Any], tag: str | None, step: int | None) -> None:
    if _run is None or tag is None:
        return
    updates = metrics({"n": stats.get("num_updates")}, "x").get("x/n")
    values = metrics(stats, *stage_of(tag, _subsets), criterion=_criterion)
    _run.log_metrics(values, step=step if step is not None else updates, epoch=_epoch)


def _listing(folder: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).glob("*.pt")}


def _saved(cfg: Any, updates: int, before: Mapping[str, int]) -> None:
    if _run is None:
        return
    now = _listing(cfg.save_dir)
    folder = Path(cfg.save_dir)
    best = getattr(checkpoint_utils.save_checkpoint, "best", None)
    for name in sorted(now):
        if now[name] == before.get(name):
            continue
        if name.startswith("checkpoint_best"):
            chosen = f"{'max' if cfg.maximize_best_checkpoint_metric else 'min'} {cfg.best_checkpoint_metric}"
            measured = metrics({cfg.best_checkpoint_metric: best}, "valid", criterion=_criterion)
            _run.log_checkpoint(
                folder / name, action="best", step=updates, epoch=_epoch, aliases=["best"], metrics=measured, chosen_by=chosen
            )  # fmt: skip
        else:
            aliases = ["latest"] if name.startswith("checkpoint_last") else []
            _run.log_checkpoint(
                folder / name, action="replaced" if name in before else "saved", step=updates, epoch=_epoch, aliases=aliases
            )  # fmt: skip
    for name in sorted(set(before) - set(now)):
        _run.log_checkpoint(folder / name, action="deleted")
