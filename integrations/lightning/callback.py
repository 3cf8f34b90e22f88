"""The callback: each of Lightning's events becomes a call of the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speech_tracker.errors import InvalidTypeError, explain
from speech_tracker.integrations.lightning import starting
from speech_tracker.integrations.lightning.evaluating import RecordsEvaluations
from speech_tracker.integrations.lightning.recorded import Settings
from speech_tracker.integrations.lightning.training import RecordsTraining
from speech_tracker.integrations.utterances import Unit
from speech_tracker.run import Run


class SpeechTrackerCallback(RecordsTraining, RecordsEvaluations):
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
        wanted = {"project": project, "task": task, "name": name, "resume": None if resume == "auto" else resume}
        for names in (valid_names, test_names):
            if isinstance(names, str):
                raise InvalidTypeError(
                    explain(
                        "not a list of names", got=names, expected="one name per loader", remedy=f"write [{names!r}]"
                    )
                )
        super().__init__(
            Settings(
                run=run,
                options=starting.checked({**wanted, **options}),
                experiment_folder=experiment_folder,
                every=log_every_n_steps,
                log_gradient_norm=log_gradient_norm,
                audio_seconds=audio_seconds,
                names={"train": (), "valid": tuple(valid_names), "test": tuple(test_names)},
                units=tuple(units),
                speech=dict(speech or {}),
            )
        )
