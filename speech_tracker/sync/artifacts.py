"""Data sets, checkpoints and files as artifacts. Pure: whether a file is there is looked at when it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import orjson

from speech_tracker.sync.calls import Publish
from speech_tracker.sync.names import aliases, artifact_name

METADATA = 100
"""Keys of metadata that W&B takes."""


def dataset(data: dict[str, Any]) -> Publish:
    """Return a version of a data set: its facts in a small file, its manifest by reference, never its audio.

    The identity is that of the facts: a requeued job that records the same data set again leads to nothing new.
    """
    facts = {**data.get("metadata", {}), **{key: value for key, value in data.items() if key != "metadata"}}
    text = _json(facts)
    return Publish(
        identity=f"dataset:{_digest(text)}",
        name=artifact_name(data["name"]),
        type="dataset",
        aliases=aliases(data.get("version"), data.get("split")),
        metadata=_metadata(facts),
        texts=(("dataset.json", text),),
        references=tuple((str(data[part]), PurePath(data[part]).name) for part in ("manifest", "path") if part in data),
        consumed=True,
    )


def artifact(identity: str, data: dict[str, Any]) -> Publish:
    """Return a file or folder that the user asked to keep."""
    return Publish(
        identity=identity,
        name=artifact_name(data["name"]),
        type=data["type"],
        aliases=aliases(*data.get("aliases", ())),
        metadata=_metadata(data.get("metadata", {})),
        uploads=((data["path"], PurePath(data["path"]).name),),
    )


def json_file(identity: str, run: str, name: str, text: str) -> Publish:
    """Return a JSON value that is too large for the summary."""
    return Publish(identity, artifact_name("json", run, name), "json", texts=(("value.json", text),))


class Checkpoints:
    """Which checkpoints are there, to be published at the end: deleted ones never become versions."""

    def __init__(self, run: str, *, upload: bool) -> None:
        self._run = run
        self._upload = upload
        self._there: dict[str, dict[str, Any]] = {}

    def feed(self, data: dict[str, Any]) -> None:
        """Take note of what happened to a checkpoint."""
        path, action = data["path"], data["action"]
        if action == "deleted":
            self._there.pop(path, None)
            return
        facts = {key: value for key, value in data.items() if key != "action"}
        if action == "best":
            for other in self._there.values():
                other.pop("best", None)
            facts["best"] = True
            self._there[path] = {**self._there.get(path, {}), **facts}
            return
        self._there.pop(path, None)  # saved again: the newest is published last and so becomes W&B's `latest`
        self._there[path] = facts

    def publish(self) -> Iterator[Publish]:
        """Yield the checkpoints that are there, in the order in which they were saved."""
        for path, facts in self._there.items():
            names = [*facts.get("aliases", ()), "best" if facts.get("best") else None]
            names += [f"{axis}-{facts[axis]}" for axis in ("epoch", "step") if axis in facts]
            given = aliases(*(name for name in names if name != "latest"))  # W&B gives this one by itself
            text = _json({key: value for key, value in facts.items() if key != "best"})
            yield Publish(
                identity=f"checkpoint:{_digest(text + ','.join(given))}",
                name=artifact_name("model", self._run),
                type="model",
                aliases=given,
                metadata=_metadata({**facts.get("metadata", {}), **facts.get("metrics", {}), **_facts(facts)}),
                texts=(("checkpoint.json", text),),
                uploads=((path, PurePath(path).name),) if self._upload else (),
                references=() if self._upload else ((path, PurePath(path).name),),
            )


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: facts[key] for key in ("path", "step", "epoch", "size", "averaged_from") if key in facts}


def _metadata(facts: dict[str, Any]) -> dict[str, Any]:
    return dict(list(facts.items())[:METADATA])


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
