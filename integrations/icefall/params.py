"""The parameters that a recipe prints when it starts: one line with a Python dictionary, or JSON over many lines.

Source: icefall/utils.py, `AttributeDict`: its `str` is that of a dictionary up to 2024, and indented JSON since.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from speech_tracker.ingest.scan import Message
from speech_tracker.integrations.icefall.headers import header_of
from speech_tracker.integrations.icefall.literals import parse_literal


@dataclass(frozen=True, slots=True)
class ParamsLine:
    """``[decode.py:804] {'frame_shift_ms': 10.0, …}``, or ``[train.py:1272] {`` before the lines of JSON.

    Attributes:
        line_number: from 1.
        rank: of the process.
        values: (name, value), nested for ``env_info``; empty where they follow on lines of their own.
    """

    line_number: int
    rank: int
    values: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ParamLine:
    """``  "base_lr": 0.045,`` of the JSON; ``    "k2-version": "1.24.4",`` of a group in it.

    Attributes:
        line_number: from 1.
        group: whether it belongs to the group that was opened last.
        name: of the parameter.
        value: a number, text, truth value or None; `()` opens a group.
    """

    line_number: int
    group: bool
    name: str
    value: Any | tuple[Any, ...]


_OBJECT = re.compile(r"\b(?:Posix|Windows|Pure\w*)?Path\(('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)")
_CALL = re.compile(r"(?<![\w'\"])(?:torch\.)?[A-Za-z_][\w.]*\([^()]*\)")
_ANGLE = re.compile(r"<[\w.]+(?: [^<>]*| object at 0x\w+)?>")
_NAME = re.compile(r"(?<=[:\[, ])(-?)(inf|nan)\b(?=\s*[,}\]])")
_DTYPE = re.compile(r"(?<=: )torch\.\w+")
_PAIR = re.compile(
    r"['\"]([\w .-]+)['\"]: ('(?:[^'\\]|\\.)*'|-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|True|False|None)(?=[,}])"
)


_NOTHING = object()


def parse_python_params(text: str) -> dict[str, Any] | None:
    """Return the values of a printed Python dictionary, None when nothing of it can be read.

    Paths are texts, infinities numbers, other objects what was printed of them.

    >>> parse_python_params("{'exp_dir': PosixPath('a/b'), 'best_train_loss': inf, 'device': device(type='cpu')}")
    {'exp_dir': 'a/b', 'best_train_loss': inf, 'device': "device(type='cpu')"}
    """
    plain = _OBJECT.sub(lambda match: match[1], text)
    for pattern in (_ANGLE, _DTYPE):
        plain = pattern.sub(lambda match: repr(match[0]), plain)
    plain = _CALL.sub(lambda match: repr(match[0]), plain)
    plain = _NAME.sub(lambda match: f"{match[1]}1e999" if match[2] == "inf" else "'nan'", plain)
    value = _literal_or(plain, None)
    if not isinstance(value, dict):  # something in it is no literal: what is beyond doubt is kept
        value = dict(_pairs_in(text)) or None
    return {str(name): each for name, each in value.items()} if value else None


def _pairs_in(text: str) -> Iterator[tuple[str, Any]]:
    for match in _PAIR.finditer(text):
        value = _literal_or(match[2], _NOTHING)
        if value is not _NOTHING:
            yield match[1], value


def _literal_or(text: str, otherwise: Any) -> Any:
    try:
        return parse_literal(text)
    except ValueError:
        return otherwise


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((str(key), _frozen(each)) for key, each in value.items())
    if isinstance(value, (list, tuple, set)):
        return tuple(_frozen(each) for each in value)
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def _params_line(match: re.Match[bytes], line_number: int) -> ParamsLine:
    rank = header_of(match).rank
    text = match[1].decode("utf-8", "backslashreplace").strip()
    if text == "{":
        return ParamsLine(line_number, rank, ())
    values = parse_python_params(text)
    if not values or not text.endswith("}"):
        raise ValueError("no dictionary")
    return ParamsLine(line_number, rank, _frozen(values))


def _param_line(match: re.Match[bytes], line_number: int) -> ParamLine:
    text = match[3].decode("utf-8", "backslashreplace").strip().removesuffix(",")
    name = match[2].decode("utf-8", "backslashreplace")
    value = () if text == "{" else _frozen(json.loads(text))
    return ParamLine(line_number, len(match[1]) > 2, name, value)


_MEMBER = rb'( {2,8})"((?:[^"\\\n]|\\.)+)": ([^\n]+)'

PARAMS = (
    *(
        Message(ParamsLine, marker, rb"(\{[^\n]*)", lead=lead, open_ended=True, build=_params_line)
        for lead, marker in ((b"] ", b"{'"), (b") ", b"{'"))
    ),
    *(
        Message(ParamsLine, marker, rb"(\{)(?=\r?\n|$)", lead=lead, open_ended=True, common=True, build=_params_line)
        for lead, marker in ((b"] ", b"{"), (b") ", b"{"))
    ),
    *(
        Message(ParamLine, marker, _MEMBER, open_ended=True, common=True, build=_param_line)
        for marker in (b'  "', b'    "')
    ),
)
"""Messages with parameters."""


def params_of(records: Iterable[Any], rank: int | None = None) -> dict[str, Any]:
    """Return the parameters that a log prints first, `env_info` as a dictionary; empty when there are none.

    Args:
        records: of the log, or of one start in it.
        rank: of the process; None for whichever comes first.
    """
    found: dict[str, Any] = {}
    group: dict[str, Any] | None = None
    began = False
    for record in records:
        if isinstance(record, ParamsLine) and (rank is None or record.rank == rank):
            if began:
                break
            began = True
            found = {name: _thawed(value) for name, value in record.values}
        elif isinstance(record, ParamLine) and began:
            if record.group:
                if group is not None:
                    group[record.name] = _thawed(record.value)
            elif record.value == ():
                group = found.setdefault(record.name, {})
            elif record.name in found:  # the dictionary of another process, in between
                break
            else:
                found[record.name] = _thawed(record.value)
    return found


def _thawed(value: Any) -> Any:
    if isinstance(value, tuple):
        if value and all(isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str) for each in value):
            return {name: _thawed(each) for name, each in value}
        return [_thawed(each) for each in value]
    return value
