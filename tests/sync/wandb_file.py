"""Reads the ``.wandb`` file of W&B's folder: blocks of 32 KiB, each record framed as in LevelDB's log."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BLOCK = 32768


@dataclass
class Content:
    """What is in the file."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: list[Any] = field(default_factory=list)
    alerts: list[Any] = field(default_factory=list)
    exit_code: int | None = None
    run: Any = None


def read(folder: Path) -> Content:
    from wandb.proto import wandb_internal_pb2 as pb

    content = Content()
    (path,) = folder.glob("run-*.wandb")
    for data in _records(path.read_bytes()):
        record = pb.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            content.rows.append(
                {(item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item}
            )
        elif kind == "run":
            content.run = record.run
            _update(content.config, record.run.config.update)
        elif kind == "config":
            _update(content.config, record.config.update)
        elif kind == "summary":
            _update(content.summary, record.summary.update)
        elif kind == "metric":
            content.metrics[record.metric.name or record.metric.glob_name] = record.metric
        elif kind == "artifact":
            content.artifacts.append(record.artifact)
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            content.artifacts.append(record.request.log_artifact.artifact)
        elif kind == "alert":
            content.alerts.append(record.alert)
        elif kind == "exit":
            content.exit_code = record.exit.exit_code
    return content


def _update(into: dict[str, Any], items: Any) -> None:
    for item in items:
        keys = list(item.nested_key) or [item.key]
        place = into
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = json.loads(item.value_json)


def _records(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B"
    position, buffer = 7, b""
    while position + 7 <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < 7:
            position += left
            continue
        _, size, kind = struct.unpack("<IHB", data[position : position + 7])
        position += 7
        part = data[position : position + size]
        position += size
        if kind == 1:
            yield part
        elif kind == 2:
            buffer = part
        elif kind == 3:
            buffer += part
        elif kind == 4:
            yield buffer + part
            buffer = b""
        else:
            return
