"""Any configuration as plain data: dict, list, str, int, float, bool, None, with credentials masked.

Configurations hold what recipes put into them: namespaces, dataclasses, paths, enumerations, OmegaConf nodes, tensors,
classes, themselves. None of that may stop a training, so nothing here raises: what has no plain form is described.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

from speech_tracker.encoding import tag
from speech_tracker.masking import MASK, is_credential_name, mask_text

DEEPEST = 40  # levels
MOST = 1_000_000
_LONGEST_ARRAY = 1000  # numbers of an array that are written out; a longer one is described by shape and type
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def plain(value: Any) -> tuple[Any, list[str]]:
    """Return `value` as plain data ready for `encode`, and the dotted names of what was masked.

    Rules: mapping keys become text; tuples and sets become lists (sets sorted by their text); dataclasses, argparse
    namespaces, pydantic models and objects with a ``to_dict`` become dictionaries; paths text; enumerations their
    value; arrays of up to 1,000 numbers lists, longer ones ``{"array": dtype, "shape": [...]}``; functions and classes
    their dotted name; other objects their `repr` without the memory address; a value that contains itself
    ``"<cycle>"``; nesting beyond 40 levels ``"<too deep>"``; what comes after a million values ``"<too much>"``. Of two
    keys with the same text (``1`` and ``"1"``) the later one gets its type behind it. A value whose name looks like a
    credential's becomes ``"<masked>"``, as does a known credential inside any text.
    """
    masked = _Masked()
    return tag(_walk(value, (), masked, "", 0)), list(masked)


class _Masked(list[str]):
    """The names of what was masked, and how many values were looked at."""

    values = 0


def _walk(value: Any, above: tuple[int, ...], masked: _Masked, name: str, depth: int) -> Any:
    masked.values += 1
    if masked.values > MOST:  # lists of lists that share their parts can be larger than any memory
        return "<too much>"
    if value is None or (isinstance(value, (bool, int, float)) and not isinstance(value, enum.Enum)):
        return value if type(value) in (bool, int, float, type(None)) else _base_number(value)
    if isinstance(value, enum.Enum):
        return _walk(value.value, above, masked, name, depth + 1) if depth < DEEPEST else str(value)
    if isinstance(value, str):
        text = mask_text(str.__str__(value))
        if text != value:
            masked.append(name)
        return text
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if id(value) in above:
        return "<cycle>"
    if depth >= DEEPEST:
        return "<too deep>"
    inner = (*above, id(value))
    try:
        return _compound(value, inner, masked, name, depth + 1)
    except Exception:  # noqa: BLE001 - a hostile __getattr__, a mapping that raises: describe it, never stop the training
        return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _base_number(value: Any) -> Any:
    return int(value) if isinstance(value, int) else float(value)


def _compound(value: Any, above: tuple[int, ...], masked: _Masked, name: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, above, masked, name, depth)
    if isinstance(value, AbstractSet):
        return sorted((_walk(item, above, masked, name, depth) for item in value), key=str)
    if isinstance(value, Sequence):
        return [_walk(item, above, masked, f"{name}[{i}]", depth) for i, item in enumerate(value)]
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _walk(_array(value), above, masked, name, depth)  # of objects, of complex numbers, of bytes: once more
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _mapping(fields, above, masked, name, depth)
    for method in ("model_dump", "to_dict"):
        convert = getattr(value, method, None)
        if callable(convert):
            return _walk(convert(), above, masked, name, depth)
    if type(value).__module__ in ("argparse", "types") and hasattr(value, "__dict__"):
        return _mapping(vars(value), above, masked, name, depth)
    return mask_text(_ADDRESS.sub("", repr(value))[:2000])


def _mapping(value: Mapping[Any, Any], above: tuple[int, ...], masked: _Masked, name: str, depth: int) -> Any:
    result: dict[str, Any] = {}
    for key, item in tuple(value.items()):  # at once: another thread may change it meanwhile
        text = str.__str__(key) if isinstance(key, str) else str(key)
        if text in result:
            text = f"{text} ({type(key).__name__})"
        inner = f"{name}.{text}" if name else text
        if is_credential_name(text) and not (
            item is None or isinstance(item, bool) or (isinstance(item, str) and not item)
        ):
            masked.append(inner)
            result[text] = MASK
        else:
            result[text] = _walk(item, above, masked, inner, depth)
    return result


def _array(value: Any) -> Any:
    size = 1
    for length in value.shape:
        size *= int(length)
    if size <= _LONGEST_ARRAY and hasattr(value, "tolist"):
        return value.tolist()
    return {"array": str(value.dtype), "shape": [int(length) for length in value.shape]}
