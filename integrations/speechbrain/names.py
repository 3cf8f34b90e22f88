"""SpeechBrain's names and units for numbers, and ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from speech_tracker.metric_names import Stage, standard_name

# ErrorRateStats gives percent, and recipes put it under these keys; everything else is taken as it is
_PERCENT = re.compile(r"^(?:wer|cer|per|ser|ter|der)(?:$|[_\-. ])", re.IGNORECASE)

_RATE = re.compile(r"^lr(?=$|_)")
_AXES = ("epoch", "epoch loaded", "epoch_loaded", "step", "steps", "unixtime")


def is_percent(name: str) -> bool:
    """Return whether SpeechBrain gives this number in percent.

    >>> is_percent("WER"), is_percent("loss"), is_percent("perplexity")
    (True, False, False)
    """
    return _PERCENT.match(name) is not None


def stage_metrics(
    stage: Stage,
    stats: Mapping[str, Any] | None,
    *,
    test_set: str | None = None,
    of_step: bool = False,
    percents: Collection[float] = (),
) -> dict[str, float]:
    """Return the numbers of one stage under our names, error rates as fractions; what is no number is left out.

    What a recipe says of a training stage is the mean over the epoch, unless it says it in the middle of one.

    Args:
        stage: the stage.
        stats: SpeechBrain's names to numbers.
        test_set: which test set it is.
        of_step: a training's numbers are those of a step.
        percents: error rates that SpeechBrain has computed for this stage, in percent. A recipe that gives one of them
            divided by 100 is understood.

    >>> stage_metrics("valid", {"loss": 19.12, "WER": 58.0, "optimizer": "Adam"})
    {'valid/loss': 19.12, 'valid/wer': 0.58}
    >>> stage_metrics("train", {"loss": 25.9}), stage_metrics("test", {"WER": 58.0}, test_set="clean")
    ({'train/loss_epoch': 25.9}, {'test/clean/wer': 0.58})
    >>> stage_metrics("valid", {"WER": 0.58}, percents=[58.0])
    {'valid/wer': 0.58}
    """
    found = {}
    for key, raw in (stats or {}).items():
        value = _number(raw)
        if value is None:
            continue
        name = standard_name(our_name(key), stage=stage, data_set=test_set)
        if stage == "train" and not of_step and not name.startswith("train/learning_rate"):
            name = f"{name}_epoch"
        divided = any(abs(100 * value - each) < 1e-6 * max(1.0, each) for each in percents)
        found[name] = value / 100 if is_percent(key) and not divided else value
    return found


def meta_metrics(meta: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that recipes log beside the stages: learning rates; epoch and step are axes, not metrics.

    >>> meta_metrics({"epoch": 1, "lr": 0.02, "lr_wav2vec": 1e-05, "optimizer": "Adam"})
    {'train/learning_rate': 0.02, 'train/learning_rate_wav2vec': 1e-05}
    """
    numbers = {key: value for key, value in meta.items() if key.strip().lower() not in _AXES}
    return stage_metrics("train", numbers, of_step=True)


def checkpoint_metrics(meta: Mapping[str, Any]) -> dict[str, float]:
    """Return what the meta of a checkpoint says was measured with it, on the validation set: ``{"valid/wer": 0.58}``.

    >>> checkpoint_metrics({"WER": 58.0, "epoch": 3, "end-of-epoch": True, "unixtime": 1744824059.1})
    {'valid/wer': 0.58}
    """
    return stage_metrics("valid", {key: value for key, value in meta.items() if key.lower() not in _AXES})


def our_name(key: str) -> str:
    """Return our name for a key of SpeechBrain's: lower case, ``lr`` as ``learning_rate``, no spaces."""
    return _RATE.sub("learning_rate", key.strip().lower().replace(" ", "_"))


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, str)):
        return None
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    return value if isinstance(value, (int, float)) else None
