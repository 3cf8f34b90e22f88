"""Records of parsers as plain JSON values and back, so that what was read once need not be read again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import orjson


class RecordCodec:
    """Turns records of known classes into lists and back.

    Args:
        modules: where the dataclasses are defined; those defined elsewhere are not taken from them.
    """

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._classes: dict[str, tuple[type[Any], bool]] = {}
        self._names: dict[type[Any], tuple[str, tuple[str, ...]]] = {}
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == module.__name__ and is_dataclass(value):
                    name = f"{module.__name__.rpartition('.')[2]}.{value.__name__}"
                    self._classes[name] = (value, any("tuple" in str(each.type) for each in fields(value)))
                    self._names[value] = (name, tuple(each.name for each in fields(value)))

    @property
    def classes(self) -> frozenset[type[Any]]:
        """The classes that can be encoded."""
        return frozenset(self._names)

    def encode(self, record: Any) -> list[Any]:
        """Return ``[name of the class, *fields]``; what JSON has not (NaN, infinities, huge integers) are marked texts.

        Raises:
            KeyError: the record's class is not known.
        """
        name, attributes = self._names[type(record)]
        values = [getattr(record, each) for each in attributes]
        if _is_plain(values):
            return [name, *values]
        return [_MARK + name, *map(_marked, values)]

    def decode(self, values: list[Any]) -> Any:
        """Return the record that `encode` was given.

        Raises:
            KeyError, TypeError: the values were written by another version.
        """
        name = values[0]
        if name[0] == _MARK:
            name = name[1:]
            values = [name, *map(_unmarked, values[1:])]
        made, has_tuples = self._classes[name]
        if has_tuples:
            return made(*[_tuples(each) if type(each) is list else each for each in values[1:]])
        return made(*values[1:])


_MARK = "!"
_NOT_FINITE = ("nan", "inf", "-inf")


def _is_plain(values: list[Any]) -> bool:
    """Whether JSON has all of the values; what it has not becomes ``null`` or is refused, which is faster than to look."""
    try:
        return b"null" not in orjson.dumps(values) or all(map(_has_json, values))
    except TypeError:
        return all(map(_has_json, values))


def _has_json(value: Any) -> bool:
    kind = type(value)  # bool is no int here
    if kind is float:
        return math.isfinite(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    return kind not in (list, tuple) or all(map(_has_json, value))


def _marked(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_marked(each) for each in value]
    return f"{_MARK}{value}" if not _has_json(value) or (type(value) is str and value.startswith(_MARK)) else value


def _unmarked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    if type(value) is not str or not value.startswith(_MARK):
        return value
    rest = value[len(_MARK) :]
    return rest if rest.startswith(_MARK) else float(rest) if rest in _NOT_FINITE else int(rest)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
