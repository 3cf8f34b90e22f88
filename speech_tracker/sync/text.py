"""Text as every consumer can take it."""

from __future__ import annotations

from typing import Any


def clean(value: Any) -> Any:
    r"""Return a copy of plain data in which lone surrogates, which UTF-8 cannot hold, are written out.

    >>> clean({"text": ["a", "\ud800"]})
    {'text': ['a', '\\ud800']}
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "backslashreplace").decode()
        return value
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value
