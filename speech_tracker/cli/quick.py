"""Reading the simple arguments of a verb without pydantic, whose import takes longer than most verbs.

Recent versions of typer turn every argument into its type by a pydantic adapter, ``--store DIR`` included. What is a plain
text, flag, number or path here needs no adapter; everything else (a choice, a wrong value) still goes to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup


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
    if annotation is int and type(value) is str and value.isascii() and value.isdigit():
        number = int(value)
        return number if number >= (info.min or 0) and (info.max is None or number <= info.max) else None
    checked = info.exists or info.resolve_path or info.writable or not (info.file_okay and info.dir_okay)
    if annotation is Path and isinstance(value, (str, Path)) and not checked:
        return Path(value)
    return None
