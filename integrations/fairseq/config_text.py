"""The configuration that Fairseq prints when it starts: Python's notation of dictionaries and Namespaces, almost.

``{'_name': None, 'common': {'seed': 1}, 'model': Namespace(lr=[0.01], arch='s2t'), 'mask_selection': static}``: members of
enumerations stand there without quotes, so it is no Python. Until 0.9 the whole was one ``Namespace(…)``.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any

DEEPEST = 40
"""Levels of nesting; Fairseq's configurations have five."""

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"""[bru]?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_KEY = re.compile(r"\s*([A-Za-z_]\w*)=")
_BARE = re.compile(r"<[^<>]*>|[^\s,\]\}\)\(\[\{:'\"]+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*(e[-+]?\d+)?|\.\d+(e[-+]?\d+)?|inf|nan)$", re.IGNORECASE)
_CONSTANTS: dict[str, Any] = {"None": None, "True": True, "False": False}


def parse_config(text: str) -> dict[str, Any]:
    """Return a printed configuration as the dictionary that Fairseq hands to its own loggers.

    Namespaces among its groups become one entry ``args``, as in `fairseq_cli.train._flatten_config`; numbers that JSON has
    not (``inf``) are kept as texts.

    >>> parse_config("{'common': {'seed': 1}, 'model': Namespace(arch='s2t', lr=[0.5]), 'ema': {'kind': static}}")
    {'common': {'seed': 1}, 'ema': {'kind': 'static'}, 'args': {'arch': 's2t', 'lr': [0.5]}}
    >>> parse_config("Namespace(arch='transformer', adam_betas='(0.9, 0.98)')")
    {'args': {'arch': 'transformer', 'adam_betas': '(0.9, 0.98)'}}

    Raises:
        ValueError: it is none; says from which character on.
    """
    value, end = _value(text, 0, 0)
    if text[end:].strip():
        raise ValueError(f"unexpected text from character {end} on")
    if isinstance(value, _Namespace):
        return {"args": dict(value)}
    if not isinstance(value, dict):
        raise ValueError("no configuration")  # noqa: TRY004 - a text of another kind, not an argument of a wrong type
    config = {key: each for key, each in value.items() if not isinstance(each, _Namespace)}
    namespaces = [each for each in value.values() if isinstance(each, _Namespace)]
    return {**config, "args": dict(namespaces[-1])} if namespaces else config


class _Namespace(dict[str, Any]):
    """What was printed as ``Namespace(key=value, …)``."""


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels at character {at}")
    at = _skip(text, at)
    first = text[at : at + 1]
    if first == "{":
        return _mapping(text, at + 1, depth)
    if first == "[":
        return _items(text, at + 1, "]", depth)
    if first == "(":
        return _items(text, at + 1, ")", depth)
    string = _STRING.match(text, at)
    if string is not None:
        return _string(string[1], at), string.end()
    call = _CALL.match(text, at)
    if call is not None:
        return _arguments(text, call.end(), depth) if call[0] == "Namespace(" else _other_call(text, at, call.end())
    bare = _BARE.match(text, at)
    if bare is None:
        raise ValueError(f"no value at character {at}")
    return _scalar(bare[0]), bare.end()


def _mapping(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    result: dict[str, Any] = {}
    while not (end := _closed(text, at, "}")):
        key, at = _value(text, at, depth + 1)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"no colon at character {at}")
        result[str(key)], at = _value(text, at + 1, depth + 1)
        at = _separated(text, at, "}")
    return result, end


def _items(text: str, at: int, closing: str, depth: int) -> tuple[list[Any], int]:
    result = []
    while not (end := _closed(text, at, closing)):
        item, at = _value(text, at, depth + 1)
        result.append(item)
        at = _separated(text, at, closing)
    return result, end


def _arguments(text: str, at: int, depth: int) -> tuple[_Namespace, int]:
    result = _Namespace()
    while not (end := _closed(text, at, ")")):
        key = _KEY.match(text, at)
        if key is None:
            raise ValueError(f"no name of an argument at character {at}")
        result[key[1]], at = _value(text, key.end(), depth + 1)
        at = _separated(text, at, ")")
    return result, end


def _other_call(text: str, start: int, at: int) -> tuple[str, int]:
    """An object that is printed like a call, such as ``PosixPath('x')``: its text, up to the closing parenthesis."""
    depth = 1
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    if depth:
        raise ValueError(f"no closing parenthesis for that at character {start}")
    return text[start:at], at


def _closed(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if at >= len(text):
        raise ValueError(f"it ends without {closing!r}")
    return at + 1 if text[at] == closing else 0


def _separated(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return at + 1
    if text[at : at + 1] != closing:
        raise ValueError(f"neither a comma nor {closing!r} at character {at}")
    return at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match is not None else at


def _string(literal: str, at: int) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError, MemoryError):
        raise ValueError(f"no text at character {at}") from None


def _scalar(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if not _NUMBER.match(text):
        return text
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return number if math.isfinite(number) else text
