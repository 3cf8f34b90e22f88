"""Records of parsers as plain JSON values and back, so that what was read once need not be read again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any


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
        """Return ``[name of the class, *fields]``; NaN and infinities, which JSON has not, are marked texts.

        Raises:
            KeyError: the record's class is not known.
        """
        name, attributes = self._names[type(record)]
        values = [getattr(record, each) for each in attributes]
        if all(math.isfinite(each) for each in _floats(values)):
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
            values = [_unmarked(each) for each in values]
        made, has_tuples = self._classes[name]
        if has_tuples:
            return made(*[_tuples(each) if type(each) is list else each for each in values[1:]])
        return made(*values[1:])


_MARK = "!"


def _floats(value: Any) -> Iterator[float]:
    if type(value) is float:
        yield value
    elif type(value) in (list, tuple):
        for each in value:
            yield from _floats(each)


def _marked(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        return f"{_MARK}{value}"
    return [_marked(each) for each in value] if isinstance(value, tuple) else value


def _unmarked(value: Any) -> Any:
    if type(value) is str and value in (f"{_MARK}nan", f"{_MARK}inf", f"{_MARK}-inf"):
        return float(value[1:])
    return [_unmarked(each) for each in value] if isinstance(value, list) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
