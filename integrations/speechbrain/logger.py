"""The drop-in for SpeechBrain's train loggers: the one word that a recipe changes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from speechbrain.core import Brain
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.train_logger import FileTrainLogger, TrainLogger

from speech_tracker.guard import never_raises
from speech_tracker.integrations.speechbrain.attach import attach
from speech_tracker.integrations.speechbrain.options import Options, wandb_options
from speech_tracker.integrations.speechbrain.tracker import Tracker

_current: SpeechTrackerLogger | None = None


class SpeechTrackerLogger(TrainLogger):  # type: ignore[misc]  # SpeechBrain has no types
    """Records a SpeechBrain experiment, and writes the text file that `FileTrainLogger` would.

    Building it starts nothing: the run begins with the first ``fit`` or ``evaluate`` of a Brain built after it.

    Args:
        save_file: the text log, as for `FileTrainLogger`; None for none.
        precision: decimal places in it.
        initializer: as for `WandBLogger` (``!name:wandb.init`` with its arguments), so that the one word is enough there
            too: project, entity, name, id, tags, notes, group and mode are taken over. The W&B run is ours to begin.
        steps: record loss, learning rate and speed every so many optimizer steps; 0 for epochs only.
        gradient_norm: record the 2-norm of the gradients, before clipping, with the steps.
        options: project, task (``asr`` when not given), name, tags, languages, mode and the other arguments of
            `speech_tracker.init`.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong option.
    """

    def __init__(
        self,
        save_file: str | None = None,
        precision: int = 2,
        *,
        initializer: Any = None,
        steps: int = 0,
        gradient_norm: bool = False,
        **options: Any,
    ) -> None:
        global _current
        self.text_log = FileTrainLogger(save_file, precision) if save_file else None
        theirs = wandb_options(initializer, options) if initializer is not None else options
        chosen = Options(theirs, steps=steps, gradient_norm=gradient_norm)
        # some recipes have one logger for epochs and one for steps: both are of one Brain, which is built after them
        earlier = None if _current is None else _current.tracker
        self.tracker: Tracker = earlier if earlier is not None and earlier.brain is None else Tracker(chosen, save_file)
        self.tracker.options = chosen
        _current = self
        _hook_brains()

    def log_stats(
        self,
        stats_meta: Mapping[str, Any],
        train_stats: Mapping[str, Any] | None = None,
        valid_stats: Mapping[str, Any] | None = None,
        test_stats: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        """Record the statistics of an epoch or of a test; see `TrainLogger.log_stats`."""
        if self.text_log is not None:
            self.text_log.log_stats(stats_meta, train_stats, valid_stats, test_stats, verbose)
        self._record(stats_meta, train_stats, valid_stats, test_stats)

    @never_raises
    def _record(self, *stats: Any) -> None:
        if if_main_process():
            self.tracker.stages.statistics(*stats)


def _hook_brains() -> None:
    """Have every Brain that is built from now on attached to the logger built last."""
    if hasattr(Brain.__init__, "speech_tracker_follows"):
        return
    original = Brain.__init__

    @functools.wraps(original)
    def build(brain: Any, *args: Any, **kwargs: Any) -> None:
        original(brain, *args, **kwargs)
        if _current is not None and not hasattr(brain, "speech_tracker"):
            never_raises(attach)(brain, _current.tracker)
            never_raises(_keep_text_log)(_current, brain)

    build.speech_tracker_follows = True  # type: ignore[attr-defined]
    Brain.__init__ = build


def _keep_text_log(logger: SpeechTrackerLogger, brain: Any) -> None:
    """Go on writing the recipe's own text log where the command line put this logger in its logger's place."""
    path = getattr(brain.hparams, "train_log", None)
    if logger.text_log is None and isinstance(path, str):
        logger.text_log = FileTrainLogger(path)
