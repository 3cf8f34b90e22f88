"""Records of parsers as plain JSON values and back, so that what was read once need not be read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from types import ModuleType
from typing import Any


class RecordCodec:
    """Turns records of known classes into lists and back.

    Args:
        modules: where the dataclasses are defined; those defined elsewhere are not taken from them.
    """

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._classes: dict[str, type[Any]] = {}
        self._names: dict[type[Any], tuple[str, tuple[str, ...]]] = {}
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "__slots__"):
                    if not hasattr(value, "__dataclass_fields__"):
                        continue
                    name = f"{module.__name__.rpartition('.')[2]}.{value.__name__}"
                    self._classes[name] = value
                    self._names[value] = (name, tuple(each.name for each in fields(value)))

    def encode(self, record: Any) -> list[Any]:
        """Return ``[name of the class, *fields]``.

        Raises:
            KeyError: the record's class is not known.
        """
        name, attributes = self._names[type(record)]
        return [name, *(getattr(record, each) for each in attributes)]

    def decode(self, values: list[Any]) -> Any:
        """Return the record that `encode` was given.

        Raises:
            KeyError, TypeError: the values were written by another version.
        """
        name, *rest = values
        return self._classes[name](*(_tuples(each) if type(each) is list else each for each in rest))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
