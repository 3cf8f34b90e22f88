"""TensorBoard's event files (``events.out.tfevents.*``), as Lightning's TensorBoardLogger writes them: its scalars.

A file is a row of records: length (8 bytes), checksum (4), message of that length, checksum (4); the messages are decoded
by ``tensorboard``'s own classes. Source of the framing: TensorFlow's ``TFRecord``. Scalars are kept there with 32 bits.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.integrations.lightning.metrics_csv import EPOCH, Row

AVAILABLE = sys.modules.get("tensorboard", True) is not None and find_spec("tensorboard") is not None
"""Whether event files can be read here."""

MISSING = "event files are read with tensorboard: pip install 'speech-tracker[tensorboard]'"

_NO_METRIC = "hp_metric"
"""The tag under which TensorBoardLogger writes -1 where a recipe names no metric for TensorBoard's table of settings."""


def parse_events(data: bytes) -> Iterator[Row | Problem]:
    """Yield what was logged at once, in the order of the file; `line_number` counts the records.

    A record that is still being written is left out; after one that is damaged nothing can be found any more.
    """
    if not AVAILABLE:
        yield Problem(0, "", MISSING)
        return
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    values: dict[str, float] = {}
    at: tuple[int, int, float] = (0, 0, 0.0)  # number of the record, step, time
    for number, message in _messages(data):
        try:
            event = Event.FromString(message)
        except DecodeError:
            yield from _row(at, values)
            yield Problem(number, "", "a record that is damaged; what comes after it is lost")
            return
        for name, value in _scalars(event):
            if values and (event.step != at[1] or name in values or EPOCH in values):
                yield from _row(at, values)
                values = {}
            if not values:
                at = number, event.step, event.wall_time
            values[name] = value
    yield from _row(at, values)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    position, number = 0, 0
    while position + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        begin = position + 12
        if begin + length + 4 > len(data):
            return
        number += 1
        yield number, data[begin : begin + length]
        position = begin + length + 4


def _scalars(event: Any) -> Iterator[tuple[str, float]]:
    for each in event.summary.value:
        if each.tag == _NO_METRIC:
            continue
        if each.HasField("simple_value"):
            yield each.tag, float(each.simple_value)
        elif each.HasField("tensor") and each.tensor.dtype == 1 and not each.tensor.tensor_shape.dim:  # one float
            if each.tensor.float_val:
                yield each.tag, float(each.tensor.float_val[0])
            elif len(each.tensor.tensor_content) == 4:
                yield each.tag, struct.unpack("<f", each.tensor.tensor_content)[0]


def _row(at: tuple[int, int, float], values: dict[str, float]) -> Iterator[Row]:
    number, step, time = at
    epoch = values.get(EPOCH)
    names = tuple(name for name in values if name != EPOCH)
    if names and step >= 0:
        passes = int(epoch) if epoch is not None and epoch.is_integer() and epoch >= 0 else None
        yield Row(number, step, passes, names, tuple(values[name] for name in names), time or None)
