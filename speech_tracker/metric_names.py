"""The names that recipes give their metrics, in our words: ``val_wer`` and ``Loss/dev`` become ``valid/wer``, ``valid/loss``."""

from __future__ import annotations

import re
from typing import Literal

from speech_tracker.metrics import METRICS

Stage = Literal["train", "valid", "test"]

STAGES: dict[str, Stage | None] = {
    "train": "train",
    "training": "train",
    "validation": "valid",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "eval": None,  # toolkits use it for both: the loop that measured decides
}
"""A stage's name as recipes write it → ours."""

_WORDS = "|".join(STAGES)
_FIRST = re.compile(rf"^({_WORDS})[/_.\-]+(.+)$", re.IGNORECASE)
_LAST = re.compile(rf"^(.+)/({_WORDS})$", re.IGNORECASE)


def standard_name(name: str, *, stage: Stage, data_set: str | None = None) -> str:
    """Return a metric's name in our words; what is not known passes through.

    A name without any namespace gets that of its stage. A metric of validation measured by the test loop
    (``test_step = validation_step``) is one of the test. The unit of the value is not touched.

    Args:
        name: the recipe's name.
        stage: the loop that measured it.
        data_set: which of several data sets it was measured on.

    >>> standard_name("val_wer", stage="valid"), standard_name("loss", stage="train")
    ('valid/wer', 'train/loss')
    >>> standard_name("test/wer", stage="test", data_set="test-clean")
    'test/test-clean/wer'
    >>> standard_name("optim/scale", stage="train")
    'optim/scale'
    """
    own: Stage | None
    if found := _FIRST.match(name):
        own, rest = STAGES[found[1].lower()] or stage, found[2]
    elif found := _LAST.match(name):
        own, rest = STAGES[found[2].lower()] or stage, found[1]
    elif "/" in name:
        own, rest = None, name
    else:
        own, rest = stage, name
    if rest.lower() in METRICS:  # ``val/WER``
        rest = rest.lower()
    if stage == "test" and own == "valid":
        own = "test"
    parts = [own, data_set, rest] if own is not None else [rest, data_set]
    return "/".join(part for part in parts if part)
