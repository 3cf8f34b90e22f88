"""Checks of what users pass in: each refuses with what was given, what is allowed, and which argument to correct."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, cast, get_args

from speech_tracker.encoding import Tagged, tag, tag_number
from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, explain
from speech_tracker.tasks import TASK_ALIASES, TASKS

Mode = Literal["online", "offline", "local", "disabled"]
Status = Literal["running", "finished", "failed", "killed", "preempted"]
Relation = Literal[
    "ablation-of",
    "fine-tuned-from",
    "ensemble-of",
    "averaged-from",
    "aligned-with",
    "made-from",
    "evaluates",
    "continues",
]

MODES: tuple[str, ...] = get_args(Mode)
STATUSES: tuple[str, ...] = get_args(Status)
RELATIONS: tuple[str, ...] = get_args(Relation)

_FIRST_DAY, _LAST_DAY = -62_135_510_400, 253_402_214_400  # 0001-01-02 and 9999-12-31, whatever the time zone
# RFC 5646's outline: a language of 2-3 (or 5-8) letters, then subtags; private use x-... as well
_LANGUAGE = re.compile(r"^(?:[A-Za-z]{2,3}|[A-Za-z]{5,8}|x)(?:-[A-Za-z0-9]{1,8})*$")


def one_of(argument: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`.

    Raises:
        InvalidArgumentError: it is not.
    """
    choices = tuple(allowed)
    if value not in choices:
        raise InvalidArgumentError(
            explain(
                f"unknown {argument}",
                got=value,
                expected=f"one of {', '.join(choices)}",
                remedy=f"correct `{argument}=`",
            )
        )
    return value


def task_name(value: str | None) -> str | None:
    """Return the standard name of a task (``"speech-recognition"`` is ``"asr"``), None for None.

    Raises:
        InvalidArgumentError: it is not a known task.
    """
    if value is None:
        return None
    name = text("task", value).strip().lower().replace("_", "-")
    return one_of("task", TASK_ALIASES.get(name, name), TASKS)


def language_tags(values: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return `values` as a tuple of BCP 47 tags.

    Raises:
        InvalidArgumentError: one of them does not have the form of a tag.
    """
    tags = texts("languages", values)
    for value in tags:
        if not _LANGUAGE.match(value):
            raise InvalidArgumentError(
                explain(
                    "not a language tag",
                    got=value,
                    expected="BCP 47, for example 'en', 'zh-CN'",
                    remedy="correct `languages=`",
                )
            )
    return tags


def text(argument: str, value: Any) -> str:
    """Return `value` if it is a non-empty text.

    Raises:
        InvalidTypeError: it is not text.
        InvalidArgumentError: it is empty.
    """
    if not isinstance(value, str):
        raise InvalidTypeError(
            explain(f"`{argument}` is not text", got=value, expected="a str", remedy=f"correct `{argument}=`")
        )
    if not value:
        raise InvalidArgumentError(
            explain(
                f"`{argument}` is empty", got=value, expected="at least one character", remedy=f"correct `{argument}=`"
            )
        )
    return value


def optional_text(argument: str, value: Any, variable: str | None = None) -> str | None:
    """Return `value`; where it is None or empty what the environment variable says, None when that is empty as well.

    Raises:
        InvalidTypeError: it is not text.
    """
    if value is None or value == "":
        return os.environ.get(variable) or None if variable is not None else None
    return text(argument, value)


def texts(argument: str, values: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return `values`, one text, several or (None) none, as a tuple of texts.

    Raises:
        InvalidTypeError, InvalidArgumentError: one of them is not text, or empty.
    """
    if values is None:
        return ()
    if isinstance(values, str) or not isinstance(values, Iterable):
        return (text(argument, values),)
    return tuple(text(argument, value) for value in values)


def mapping(argument: str, value: Any) -> Mapping[str, Any]:
    """Return `value` if it is a mapping.

    Raises:
        InvalidTypeError: it is not.
    """
    if not isinstance(value, Mapping):
        raise InvalidTypeError(
            explain(
                f"`{argument}` is not a mapping",
                got=value,
                expected="a dict of name to value",
                remedy=f"correct `{argument}`",
            )
        )
    return value


def settings(argument: str, value: Any) -> Mapping[str, Any]:
    """Return `value` as a mapping: a mapping, an argparse namespace, or a dataclass.

    Raises:
        InvalidTypeError: it is none of these.
    """
    if isinstance(value, Mapping):
        return value
    if type(value).__module__ in ("argparse", "types") and hasattr(value, "__dict__") and not callable(value):
        return dict(vars(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise InvalidTypeError(
        explain(
            f"`{argument}` is no configuration",
            got=value,
            expected="a dict of name to value, an argparse namespace or a dataclass",
            remedy=f"correct `{argument}`",
        )
    )


def moment(argument: str, value: Any) -> int | float | None:
    """Return a time in seconds since the epoch, one that a calendar has; None stays None.

    Raises:
        InvalidTypeError: it is no number, or not finite.
        InvalidArgumentError: it is before the year 1 or after the year 9999.
    """
    seconds = axis(argument, value)
    if seconds is not None and not _FIRST_DAY <= seconds <= _LAST_DAY:
        raise InvalidArgumentError(
            explain(f"`{argument}` is in no calendar", got=value, expected="seconds since 1970, as time.time() gives them",
                    remedy="divide milliseconds by 1,000")
        )  # fmt: skip
    return seconds


def whole_number(argument: str, value: Any) -> int | None:
    """Return `value` as an int; None stays None. NumPy integers and zero-dimensional tensors are taken.

    Raises:
        InvalidTypeError: it is no whole number.
    """
    if value is None or type(value) is int:
        return value
    plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(plain, numbers.Integral):
        return int(plain)
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)
    raise InvalidTypeError(
        explain(
            f"`{argument}` is no whole number", got=value, expected="an int or None", remedy=f"correct `{argument}=`"
        )
    )


def axis(argument: str, value: Any) -> int | float | None:
    """Return a step or an epoch: a finite number, whole where it is whole; None stays None.

    Raises:
        InvalidTypeError: it is no number, or not finite.
    """
    if value is None or type(value) is int:
        return value
    plain = _scalar(value)
    if isinstance(plain, float) and plain - plain == 0.0:
        return int(plain) if plain.is_integer() else plain
    if isinstance(plain, int):
        return plain
    raise InvalidTypeError(
        explain(
            f"`{argument}` is no number",
            got=value,
            expected="an int, a finite float or None",
            remedy=f"correct `{argument}=`",
        )
    )


def metric_values(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `metrics`, every value a plain number ready for the journal.

    int, float and bool stay what they are (NaN and infinities included); NumPy scalars and tensors or arrays of one
    element are taken once, here.

    Raises:
        InvalidTypeError: a name is not text, or a value is no number.
        InvalidArgumentError: a name is empty.
    """
    # A copy, since another thread may change the dictionary meanwhile; of a plain one it is one step of the interpreter.
    values = dict(metrics) if type(metrics) is dict else _copy(metrics)
    plain_names = exact_names = True
    for name, value in values.items():
        if type(name) is not str or not name:
            text("metric name", name)
            exact_names = False
        if name[0] == "$":
            plain_names = False
        kind = type(value)
        if kind is float:
            if value - value != 0.0:  # NaN and infinities
                values[name] = tag_number(value)
        elif kind is not int and kind is not bool:
            values[name] = tag_number(number(name, value))
    if not exact_names:  # np.str_, StrEnum
        values = {str.__str__(name): value for name, value in values.items()}
    return values if plain_names else cast("dict[str, Any]", tag(values))


def _copy(metrics: Mapping[str, Any]) -> dict[str, Any]:
    mapping("metrics", metrics)
    for _ in range(100):
        try:
            return dict(metrics)
        except RuntimeError:  # noqa: PERF203 - it was changed by another thread while it was copied
            continue
    return {name: metrics[name] for name in list(metrics) if name in metrics}


def number(name: str, value: Any) -> int | float:
    """Return `value` as int or float, taking the one element of a NumPy or torch scalar.

    Raises:
        InvalidTypeError: it is no real number.
    """
    plain = _scalar(value)
    if isinstance(plain, (int, float)):
        return plain
    raise InvalidTypeError(
        explain(
            f"metric {name!r} is not a number",
            got=value,
            expected="an int, a float, or a NumPy or torch value of one element",
            remedy="log text with `log_config` or `log_event`, several values with `log_table`",
        )
    )


def _scalar(value: Any) -> Any:
    if isinstance(value, (str, bytes, Tagged)):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    item = getattr(value, "item", None)
    try:
        if item is None or not callable(item):
            return float(value) if hasattr(value, "__float__") and not hasattr(value, "__len__") else None
        size = getattr(value, "size", 1)
        size = value.numel() if callable(size) and hasattr(value, "numel") else size
        if size != 1:
            return None
        plain = item()
    except (RuntimeError, TypeError, ValueError, OverflowError):  # a class, a tensor without data (device "meta")
        return None
    return plain if isinstance(plain, (bool, int, float)) else None
