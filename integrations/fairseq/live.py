"""Following a training: its epochs, the progress bar that every number passes, and the function that saves every checkpoint."""

from __future__ import annotations

import functools
import importlib
import sys
import weakref
from contextlib import suppress
from typing import Any

import fairseq
from fairseq import checkpoint_utils
from fairseq.distributed.utils import get_global_rank
from fairseq.logging import progress_bar

from speech_tracker.errors import SpeechTrackerError, explain
from speech_tracker.guard import never_raises
from speech_tracker.integrations.fairseq.live_training import LiveTraining, listing

_current: LiveTraining | None = None  # of rank 0 only
_trainer: Any = lambda: None  # noqa: E731 - a weak reference to Fairseq's trainer of the training that began last


def install() -> None:
    """Hook Fairseq once in this process.

    Raises:
        SpeechTrackerError: this Fairseq trains in another way than the one that is known.
    """
    if hasattr(progress_bar.progress_bar, "speech_tracker_follows"):
        return
    with suppress(ImportError):  # of a copy that was started as a script, in which it is `__main__`
        importlib.import_module("fairseq_cli.train")
    modules = [sys.modules.get(name) for name in ("fairseq_cli.train", "__main__")]
    trains: list[Any] = [each for each in modules if hasattr(each, "train") and hasattr(each, "_flatten_config")]
    if not trains:
        raise SpeechTrackerError(
            explain(
                "trainings cannot be followed",
                got=getattr(fairseq, "__version__", None),
                expected="a Fairseq whose fairseq_cli.train has train() and _flatten_config(), as 0.12.2",
                remedy="record its log instead: speech-tracker ingest fairseq DIR",
            )
        )
    for module in trains:
        module.train = _followed_epoch(module.train, module._flatten_config)  # noqa: SLF001 - as Fairseq's own loggers
    checkpoint_utils.save_checkpoint = _followed_save(checkpoint_utils.save_checkpoint)
    progress_bar.progress_bar = _followed_bar(progress_bar.progress_bar)


def _followed_epoch(train: Any, flat: Any) -> Any:
    @functools.wraps(train)
    def followed(cfg: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        if get_global_rank() == 0 and _trainer() is not trainer:
            never_raises(_begin)(cfg, trainer, flat)
        try:
            return train(cfg, trainer, *args, **kwargs)
        except BaseException as error:
            # an exit that a handler of signals may have decided: the end of the process tells
            if not isinstance(error, SystemExit):
                never_raises(_end)(error)
            raise

    return followed


def _begin(cfg: Any, trainer: Any, flat: Any) -> None:
    global _current, _trainer
    _end()  # Hydra's --multirun trains again and again in one process
    _trainer = weakref.ref(trainer)
    training = LiveTraining(flat(cfg), trainer)
    if training.run.is_main and training.run.mode != "disabled":
        _current = training


def _end(error: BaseException | None = None) -> None:
    global _current
    ended, _current = _current, None
    if ended is not None:
        ended.run.__exit__(None if error is None else type(error), error, None)


def _followed_save(save: Any) -> Any:
    @functools.wraps(save)
    def followed(cfg: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        before = None if _current is None else never_raises(listing)(cfg.save_dir)
        result = save(cfg, trainer, *args, **kwargs)
        if _current is not None and before is not None:
            best = getattr(checkpoint_utils.save_checkpoint, "best", None)
            never_raises(_current.saved)(cfg, trainer.get_num_updates(), before, best)
        return result

    return followed


def _followed_bar(make: Any) -> Any:
    @functools.wraps(make)
    def followed(iterator: Any, *args: Any, **kwargs: Any) -> Any:
        if _current is None:
            return make(iterator, *args, **kwargs)
        _current.epoch = kwargs.get("epoch", _current.epoch)
        if "wandb_project" in kwargs:  # the run is ours; Fairseq's own would double it
            kwargs["wandb_project"] = None
        bar = make(iterator, *args, **kwargs)
        for name in ("log", "print"):
            setattr(bar, name, _recorded(_current, getattr(bar, name)))
        return bar

    followed.speech_tracker_follows = True  # type: ignore[attr-defined]
    return followed


def _recorded(training: LiveTraining, say: Any) -> Any:
    @functools.wraps(say)
    def followed(stats: Any, *args: Any, **kwargs: Any) -> Any:
        never_raises(training.record)(stats, *args, **kwargs)
        return say(stats, *args, **kwargs)

    return followed
