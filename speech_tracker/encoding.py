"""Values to and from JSON without losing what they are.

JSON has no NaN, no infinities, no integers beyond 64 bits in most readers, and no lone surrogates, all of which occur
in real trainings (a diverged loss, a nanosecond counter, a transcript cut inside a character). They are written as
one-key objects whose key starts with ``$``:

=====================  ==============================================
value                  written as
=====================  ==============================================
NaN, +Inf, -Inf        ``{"$float": "nan" | "inf" | "-inf"}``
int beyond 64 bits     ``{"$int": "123456789012345678901234567890"}``
lone surrogates        ``{"$text": "<UTF-8 with surrogatepass, read as Latin-1>"}``
dict with such a key   ``{"$dict": [[key, value], ...]}``
=====================  ==============================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson


class Tagged(dict[str, Any]):
    """A value in its tagged form: told apart by its class from a user's own dictionary that looks like one."""


_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # what orjson writes as a plain integer


def encode(data: Any) -> bytes:
    """Return `data` as one line of JSON, no newline in it.

    `data` is made of dict (with str keys), list, tuple, str, int, float, bool and None; anything else raises
    `TypeError`. What a user gave must have gone through `tag` before (orjson would write NaN as null, and a user's
    key may start with ``$``); large integers and lone surrogates are found here as well.
    """
    try:
        return orjson.dumps(data)
    except TypeError:  # a large integer or a lone surrogate somewhere: rare, so only then walked
        return orjson.dumps(tag(data))


def decode(line: bytes | bytearray | memoryview) -> Any:
    """Return what `encode` was given.

    Raises:
        ValueError: `line` is not JSON.
    """
    data = orjson.loads(line)
    return untag(data) if b'"$' in line else data


def tag_number(value: float) -> Any:
    """Return `value`, or its tagged form when JSON cannot hold it."""
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _LARGEST else Tagged({"$int": str(value)})
    if math.isfinite(value):
        return value
    return Tagged({"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"})


def tag(value: Any) -> Any:
    """Return `value` with everything that JSON cannot hold replaced by its tagged form."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return tag_number(value)
    if isinstance(value, str):
        return _tag_text(value)
    if isinstance(value, Mapping):
        if isinstance(value, Tagged):
            return value
        if any(key.startswith("$") or _has_surrogate(key) for key in value):
            return Tagged({"$dict": [[_tag_text(key), tag(item)] for key, item in value.items()]})
        return {key: tag(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tag(item) for item in value]
    return value


def untag(value: Any) -> Any:
    """Return what `tag` was given."""
    if isinstance(value, list):
        return [untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        match key:
            case "$float":
                return float(item)
            case "$int":
                return int(item)
            case "$text":
                return item.encode("latin-1").decode("utf-8", "surrogatepass")
            case "$dict":
                return {untag(name): untag(content) for name, content in item}
    return {key: untag(item) for key, item in value.items()}


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _tag_text(text: str) -> Any:
    if _has_surrogate(text):
        return Tagged({"$text": text.encode("utf-8", "surrogatepass").decode("latin-1")})
    return text
