"""What a user may say about the recording; wrong words are refused at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import speech_tracker
from speech_tracker import arguments
from speech_tracker.errors import InvalidArgumentError, explain

_WANDB = {
    "project": "project", "entity": "entity", "name": "name", "id": "id", "tags": "tags", "notes": "description",
    "group": "experiment", "job_type": "job_type", "mode": "mode", "config": "config",
}  # fmt: skip
"""An argument of ``wandb.init`` → ours; the others (``dir``, ``reinit``, ``resume``) are about the W&B run, which is ours."""


def wandb_options(initializer: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a recipe with a ``WandBLogger`` says, in our words.

    Where neither it nor the environment says a mode, the run is sent while it lives, as W&B would have done.

    Args:
        initializer: ``wandb.init`` with arguments bound to it.
        more: arguments that are given to the logger itself.

    >>> import functools
    >>> wandb_options(functools.partial(print, project="asr", group="night", mode="offline"), {"notes": "a try"})
    {'project': 'asr', 'experiment': 'night', 'mode': 'offline', 'description': 'a try'}
    """
    given = {**getattr(initializer, "keywords", {}), **more}
    found = {_WANDB[name]: value for name, value in given.items() if name in _WANDB}
    if not (found.get("mode") or os.environ.get("SPEECH_TRACKER_MODE") or os.environ.get("WANDB_MODE")):
        found["mode"] = "online"
    return found


class Options:
    """Checked options.

    Args:
        options: those of `speech_tracker.init`; of a YAML's ``None`` the default is taken.
        steps: record the loss, the learning rate and the speed every so many optimizer steps; 0 for epochs only.
        gradient_norm: record the 2-norm of the gradients, before clipping, with the steps.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong option.
    """

    def __init__(self, options: Mapping[str, Any], *, steps: int = 0, gradient_norm: bool = False) -> None:
        self.of_run = {"task": "asr", **{name: value for name, value in options.items() if value is not None}}
        speech_tracker.init(**{**self.of_run, "mode": "disabled"})  # refuses wrong arguments, and begins nothing
        if "mode" in self.of_run:
            arguments.one_of("mode", self.of_run["mode"], arguments.MODES)
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise InvalidArgumentError(
                explain("not a number of steps", got=steps, expected="0 for epochs only, or optimizer steps between two records",
                        remedy="correct `steps`")
            )  # fmt: skip
        self.steps = steps
        self.gradient_norm = gradient_norm
