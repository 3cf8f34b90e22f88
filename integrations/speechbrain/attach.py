"""Following a Brain: its methods are wrapped on the instance, so that a recipe's own overrides are followed too."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import speechbrain
from speechbrain.utils.distributed import if_main_process

from speech_tracker.guard import never_raises
from speech_tracker.integrations.speechbrain.configuration import hparams_of
from speech_tracker.integrations.speechbrain.options import Options
from speech_tracker.integrations.speechbrain.tracker import Tracker

Hook = Callable[..., None]


def attach(brain: Any, tracker: Tracker) -> None:
    """Follow `brain` from now on."""
    tracker.follows(brain)
    brain.speech_tracker = tracker

    def begins(hook: Hook) -> Hook:  # a recipe may have several Brains and one logger
        def begun(*args: Any, **kwargs: Any) -> None:
            tracker.follows(brain)
            hook(*args, **kwargs)

        return begun

    _wrap(brain, "fit", before=begins(tracker.fit_begins), error=tracker.failed)
    _wrap(brain, "evaluate", before=begins(tracker.evaluation_begins), error=tracker.failed)
    _wrap(brain, "on_fit_start", after=lambda *_, **__: tracker.recovered())
    _wrap(
        brain,
        "on_stage_end",
        before=tracker.stages.ends,
        after=lambda _, *args, **kw: tracker.stages.ended(*args, **kw),
    )
    if tracker.options.steps:
        _wrap(brain, "make_dataloader", after=tracker.steps.loader_made)
        _wrap(brain, "optimizers_step", before=lambda *_, **__: tracker.steps.gradients_ready())
        _wrap(brain, "fit_batch", after=tracker.steps.batch_done)
    if brain.checkpointer is not None:
        tracker.checkpoints.follow()
        _wrap(brain.checkpointer, "save_checkpoint", after=tracker.checkpoints.saved)
        _wrap(brain.checkpointer, "save_and_keep_only", after=tracker.checkpoints.kept)
        _wrap(brain.checkpointer, "load_checkpoint", after=tracker.checkpoints.loaded)
    for each in hparams_of(brain).values():
        if hasattr(each, "log_stats") and not hasattr(each, "tracker"):  # the recipe keeps loggers of its own
            _wrap(each, "log_stats", after=lambda _, *args, **kw: tracker.stages.statistics(*args, **kw))


def track(brain: Any, **options: Any) -> Any:
    """Follow a Brain that exists already, for recipes whose YAML shall stay as it is; returns it.

    Args:
        brain: the Brain.
        options: as for `SpeechTrackerLogger`: project, task, name, tags, languages, mode, steps, gradient_norm.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong option.
    """
    own = {name: options.pop(name) for name in ("steps", "gradient_norm") if name in options}
    tracker = Tracker(Options(options, **own))
    if not hasattr(brain, "speech_tracker"):
        never_raises(attach)(brain, tracker)
    return brain


class TrackedBrain(speechbrain.Brain):  # type: ignore[misc]  # SpeechBrain has no types
    """A Brain that is recorded: derive from it in place of ``speechbrain.Brain``, or put it before a class of yours.

    ``class Tracked(TrackedBrain, TheirBrain): pass`` follows a class that you cannot change. The class attribute
    `tracking` holds the options of `track`.
    """

    tracking: Mapping[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        track(self, **self.tracking)


def _wrap(
    owner: Any, name: str, *, before: Hook | None = None, after: Hook | None = None, error: Hook | None = None
) -> None:
    original = getattr(owner, name, None)
    if original is None or hasattr(original, "speech_tracker_follows") or not if_main_process():
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            never_raises(before)(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as raised:
            if error is not None:
                never_raises(error)(raised)
            raise
        if after is not None:
            never_raises(after)(result, *args, **kwargs)
        return result

    wrapped.speech_tracker_follows = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapped)
