"""What hyperparameters say of the experiment, in the speech vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from speech_tracker.errors import SpeechTrackerError
from speech_tracker.integrations.lightning.folder_curves import FolderCurves
from speech_tracker.lift import lift
from speech_tracker.schema import Augmentation, Data, Decoding, Features, Model, Speech, Training


def speech_of(hparams: Mapping[str, Any]) -> Speech:
    """Return the description; only names that cannot be mistaken are taken, as by the callback."""
    groups = lift(hparams)
    epochs, steps = limits_of(hparams)
    training = {"max_epochs": epochs, "max_steps": steps, **groups.get("training", {})}
    return Speech(
        task=_task(hparams),
        toolkit="lightning",
        model=Model(**groups.get("model", {})),
        data=Data(**groups.get("data", {})),
        features=Features(**groups.get("features", {})),
        augmentation=Augmentation(**groups.get("augmentation", {})),
        training=Training(**training),
        decoding=Decoding(**groups.get("decoding", {})),
    )


def task_of(hparams: Mapping[str, Any], curves: FolderCurves) -> str:
    """Return the task: what is said, else recognition where error rates are measured, else ``other``."""
    named = _task(hparams)
    if named is not None:
        return named
    last = {point.name.rpartition("/")[2].lower() for point in curves.points}
    return "asr" if last & {"wer", "cer", "per", "ter"} else "other"


def _task(hparams: Mapping[str, Any]) -> str | None:
    from speech_tracker.arguments import task_name

    value = hparams.get("task")
    try:
        return task_name(value) if isinstance(value, str) else None
    except SpeechTrackerError:
        return None  # their word for something of their own


def limits_of(hparams: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return how many epochs and steps the training was to have, as far as the hyperparameters say."""
    epochs = next(_values(hparams, "max_epochs"), None)
    steps = next(_values(hparams, "max_steps"), None)
    return epochs, steps


def _values(config: Mapping[str, Any], name: str) -> Iterator[int]:
    value = config.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        yield value
    for each in config.values():
        if isinstance(each, Mapping):
            yield from _values(each, name)
