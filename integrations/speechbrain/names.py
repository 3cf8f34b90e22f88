"""SpeechBrain's names and units for numbers, and ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# ErrorRateStats gives percent, and recipes put it under these keys; everything else is taken as it is
_PERCENT = re.compile(r"^(?:wer|cer|per|ser|ter|der)(?:$|[_\-. ])", re.IGNORECASE)

_RATE = re.compile(r"^lr(?=$|_)")


def is_percent(name: str) -> bool:
    """Return whether SpeechBrain gives this number in percent.

    >>> is_percent("WER"), is_percent("loss"), is_percent("perplexity")
    (True, False, False)
    """
    return _PERCENT.match(name) is not None


def stage_metrics(stage: str, stats: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the numbers of one stage under our names, error rates as fractions; what is no number is left out.

    >>> stage_metrics("valid", {"loss": 19.12, "WER": 58.0, "optimizer": "Adam"})
    {'valid/loss': 19.12, 'valid/wer': 0.58}
    """
    found = {}
    for key, raw in (stats or {}).items():
        value = _number(raw)
        if value is not None:
            found[f"{stage}/{our_name(key)}"] = value / 100 if is_percent(key) else value
    return found


def meta_metrics(meta: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that recipes log beside the stages: learning rates; epoch and step are axes, not metrics."""
    found = {}
    for key, raw in meta.items():
        value = _number(raw)
        if value is not None and key.lower() not in ("epoch", "epoch loaded", "step", "steps"):
            found[f"train/{our_name(key)}"] = value
    return found


def our_name(key: str) -> str:
    """Return our name for a key of SpeechBrain's: lower case, ``lr`` as ``learning_rate``, no spaces."""
    return _RATE.sub("learning_rate", key.strip().lower().replace(" ", "_"))


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, str)):
        return None
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    return value if isinstance(value, (int, float)) else None
