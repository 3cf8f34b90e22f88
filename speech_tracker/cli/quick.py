"""Reading the simple arguments of a verb without pydantic, whose import takes longer than most verbs.

Recent versions of typer turn every argument into its type by a pydantic adapter, ``--store DIR`` included. What is a plain
text, flag, number or path here needs no adapter; everything else (a choice, a wrong value) still goes to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

_PLAIN = {int: re.compile(r"-?[0-9]+"), float: re.compile(r"-?[0-9]+(\.[0-9]*)?")}


class QuickCommand(TyperCommand):
    """A verb whose plain parameters are read without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, the one for help included."""
        return _made_quick(super().get_params(ctx))


class QuickGroup(TyperGroup):
    """A group of verbs whose plain parameters are read without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, the one for help included."""
        return _made_quick(super().get_params(ctx))


def _made_quick(params: Sequence[Any]) -> Sequence[Any]:
    """Change the parameters where this version of typer has adapters, and return them."""
    try:
        from typer._coercion import RuntimeParam, build_runtime_param
    except ImportError:
        return params

    class Quick(RuntimeParam):
        def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
            found = _plain(value, self.annotation, self.parameter_info)
            if found is not None:
                return found
            thorough = build_runtime_param(param.type_descriptor)
            return thorough.coerce(value, param=param, ctx=ctx)

    for param in params:
        descriptor = getattr(param, "type_descriptor", None)
        if descriptor is not None and getattr(param, "_runtime_param", ...) is None:
            quick = Quick(annotation=descriptor.annotation, parameter_info=descriptor.parameter_info)
            setattr(param, "_runtime_param", quick)  # noqa: B010 - typer has no public place for it
    return params


def _plain(value: Any, annotation: Any, info: Any) -> Any:
    """Return the value where it is plain, None where an adapter has to look at it."""
    if getattr(info, "parser", None) is not None:
        return None
    if annotation is bool and (value is None or type(value) is bool):  # None is a flag that was not given
        return bool(value)
    if annotation is str and type(value) is str:
        return value
    if annotation == list[str] and isinstance(value, (list, tuple)) and all(type(each) is str for each in value):
        return list(value)
    if annotation in (int, float):
        return _number(value, annotation, info)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next((each for each in annotation if value is each or value == each.value), None)
    checked = info.exists or info.resolve_path or info.writable or not (info.file_okay and info.dir_okay)
    if annotation is Path and isinstance(value, (str, Path)) and not checked:
        return Path(value)
    if annotation == list[Path] and isinstance(value, (list, tuple)) and not checked:
        return [Path(each) for each in value]
    return None


def _number(value: Any, kind: type[int | float], info: Any) -> int | float | None:
    """Return a number that is plainly written and within its bounds."""
    plain = type(value) is kind or (type(value) is str and _PLAIN[kind].fullmatch(value))
    if not plain:
        return None
    number = kind(value)
    low, high = info.min, info.max
    return number if (low is None or number >= low) and (high is None or number <= high) else None
