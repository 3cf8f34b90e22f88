"""HyperPyYAML as plain values: what ``hyperparams.yaml`` says, without building anything that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_hyperparams(text: str) -> dict[str, Any]:
    """Return a HyperPyYAML text as plain values; a tag such as ``!new:torch.nn.GRU`` is kept under ``_tag``.

    Nothing is constructed or imported.

    >>> read_hyperparams("lr: 0.1\\nencoder: !new:torch.nn.GRU\\n    hidden_size: 12\\n")
    {'lr': 0.1, 'encoder': {'_tag': '!new:torch.nn.GRU', 'hidden_size': 12}}
    """
    from ruamel.yaml import YAML

    loaded = YAML(typ="rt").load(text)
    return {str(key): _untagged(value) for key, value in (loaded or {}).items()}


def _untagged(value: Any) -> Any:
    tag = getattr(getattr(value, "tag", None), "value", None)
    plain: Any = value
    if isinstance(value, Mapping):
        plain = {str(key): _untagged(item) for key, item in value.items()}
        return {"_tag": tag, **plain} if tag and tag.startswith("!") else plain
    if isinstance(value, (list, tuple)):
        plain = [_untagged(item) for item in value]
    elif hasattr(value, "value") and tag:
        plain = value.value
    elif isinstance(value, float) and type(value) is not float:
        plain = float(value)
    return {"_tag": tag, "value": plain} if tag and tag.startswith("!") else plain
