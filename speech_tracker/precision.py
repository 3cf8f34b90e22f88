"""One name for each numeric precision, whatever a toolkit calls it."""

from __future__ import annotations

_NAMES = {
    "fp32": ("32", "32-true", "float32", "float", "full", "fp32"),
    "fp64": ("64", "64-true", "float64", "double", "fp64"),
    "fp16": ("16-true", "float16", "half"),
    "bf16": ("bf16-true", "bfloat16"),
    "fp16-mixed": ("16", "16-mixed", "amp", "fp16"),
    "bf16-mixed": ("bf16", "bf16-mixed"),
}
"""Our name → those of Lightning, SpeechBrain, ESPnet and Fairseq. Their bare ``fp16`` and ``bf16`` are mixed precision."""

PRECISIONS = {theirs: ours for ours, names in _NAMES.items() for theirs in names}


def precision_name(text: str | None) -> str | None:
    """Return our name of a precision; one that is not known stays as it is, None stays None.

    >>> precision_name("32-true"), precision_name("fp32"), precision_name("16-mixed"), precision_name("transformer-engine")
    ('fp32', 'fp32', 'fp16-mixed', 'transformer-engine')
    """
    return None if text is None else PRECISIONS.get(text.lower(), text)
