"""ESPnet's names for numbers, and ours. ESPnet's rates are fractions already."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_NAMES = {
    # what ESPnet calls wer and cer during training is the decoder's best guess given the right history: not an error
    # rate of recognition, and never to be drawn beside one (espnet issues 1919 and 2732)
    "wer": "wer_teacher_forced",
    "cer": "cer_teacher_forced",
    "wer_asr": "wer_asr_teacher_forced",
    "cer_asr": "cer_asr_teacher_forced",
    "bleu": "bleu_teacher_forced",
    "acc": "accuracy",
    "grad_norm": "gradient_norm",
    "clip": "clipped_percent",
}
_LEFT_OUT = ("total_count",)
_RATE = re.compile(r"^optim(\d+)_lr(\d+)$")


@lru_cache(maxsize=1024)
def our_name(key: str) -> str:
    """Return our name for a statistic of ESPnet's.

    >>> our_name("optim0_lr0"), our_name("optim1_lr0"), our_name("wer"), our_name("loss_ctc")
    ('learning_rate', 'learning_rate_1_0', 'wer_teacher_forced', 'loss_ctc')
    """
    rate = _RATE.match(key)
    if rate:
        return "learning_rate" if rate.groups() == ("0", "0") else f"learning_rate_{rate[1]}_{rate[2]}"
    return _NAMES.get(key, key)


def metrics(stage: str, stats: Mapping[str, Any], *, epoch_means: bool = False) -> dict[str, float]:
    """Return a stage's numbers under our names; times as seconds, memory under ``system/``.

    Args:
        stage: ``train`` or ``valid``.
        stats: name to number, or to a `datetime.timedelta`.
        epoch_means: whether these are means over a whole epoch of training: ``train/loss_epoch`` beside the
            ``train/loss`` of steps.
    """
    suffix = "_epoch" if epoch_means else ""
    found = {}
    for key, value in stats.items():
        if key in _LEFT_OUT:
            continue
        if hasattr(value, "total_seconds"):
            found[f"{stage}/epoch_seconds"] = value.total_seconds()
        elif key.startswith("gpu_"):
            found[f"system/{key.lower()}"] = float(value)
        else:
            found[f"{stage}/{our_name(key)}{suffix}"] = float(value)
    return found


def without_empty(stages: Mapping[str, Mapping[str, Any]], before: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means of a validation without what the model does not compute, which ESPnet calls NaN there.

    A NaN stays of what the training has as well, such as a loss, and of what was a number in another validation.

    Args:
        stages: stage to name to number, of one epoch.
        before: name to number, of the other validations.

    >>> without_empty({"train": {"loss": 2.0}, "valid": {"loss": float("nan"), "acc": float("nan"), "cer_ctc": 0.5}}, [])
    {'loss': nan, 'cer_ctc': 0.5}
    """
    there = {**stages.get("valid", {})}
    empty = {key for key, value in there.items() if _is_nan(value)} - set(stages.get("train", ()))
    for other in before if empty else ():
        empty -= {key for key in empty if key in other and not _is_nan(other[key])}
    return {key: value for key, value in there.items() if key not in empty}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
