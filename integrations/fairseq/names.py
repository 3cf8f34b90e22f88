"""Fairseq's names and units for numbers, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "lr": "learning_rate",
    "gnorm": "gradient_norm",
    "clip": "clipped_percent",
    "ppl": "perplexity",
    "uer": "token_error_rate",
    "raw_wer": "wer_raw",
    "wps": "tokens_per_second",
    "ups": "updates_per_second",
    "wpb": "tokens_per_batch",
    "bsz": "batch_size",
}
_PERCENT = ("wer", "raw_wer", "uer", "accuracy")  # Fairseq prints these in percent
_FRACTIONS = {"wav2vec": ("accuracy",)}  # but for these, by criterion
_AXES = ("num_updates", "epoch", "update")


def stage_of(tag: str, subsets: list[str]) -> tuple[str, str]:
    """Return the prefix and the suffix of our names for a tag of Fairseq's.

    Args:
        tag: ``train_inner`` (the mean of the updates since the last report), ``train`` (an epoch's means), or the name of
            a validation subset.
        subsets: the validation subsets; the first is ``valid``, the others have their names.

    >>> stage_of("train_inner", []), stage_of("dev", ["dev", "other"]), stage_of("other", ["dev", "other"])
    (('train', ''), ('valid', ''), ('valid/other', ''))
    >>> stage_of("train", [])
    ('train', '_epoch')
    """
    if tag in ("train", "train_inner"):
        return "train", "_epoch" if tag == "train" else ""
    return ("valid" if not subsets or tag == subsets[0] else f"valid/{tag}"), ""


def metrics(stats: Mapping[str, Any], prefix: str, suffix: str = "", *, criterion: str = "") -> dict[str, float]:
    """Return the numbers among `stats` under our names, rates as fractions; numbers as text are read.

    Args:
        stats: Fairseq's name → number.
        prefix: put before our names, with a slash.
        suffix: put behind them.
        criterion: name of Fairseq's, on which the unit of some depends.

    >>> metrics({"wer": 39.5, "accuracy": "25"}, "valid"), metrics({"accuracy": 0.25}, "train", criterion="wav2vec")
    ({'valid/wer': 0.395, 'valid/accuracy': 0.25}, {'train/accuracy': 0.25})
    """
    percent = [key for key in _PERCENT if key not in _FRACTIONS.get(criterion, ())]
    found = {}
    for key, raw in stats.items():
        value = _number(raw)
        if key not in _AXES and value is not None:
            found[f"{prefix}/{_NAMES.get(key, key)}{suffix}"] = value / 100 if key in percent else value
    return found


def _number(value: Any) -> float | None:
    value = getattr(value, "avg", getattr(value, "sum", value))  # a meter
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else value
