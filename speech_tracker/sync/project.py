"""From records to calls: what the journal says, in W&B's terms. Pure: no W&B, no network, no clock.

A `Projection` is fed a run's records in order and returns, for each, the calls it leads to; `close` returns what can only
be said at the end (or when sending stops for now). Feeding them in pieces gives the same calls as at once, and the same
record always leads to the same number of rows, which is what counting rows rests on (`order`).

============================  ========================================================================================
record                        what becomes of it
============================  ========================================================================================
run, config, speech           name, tags, notes, configuration; the speech vocabulary under ``speech``
environment, link             configuration ``environment`` (short) and ``links``
metrics                       a row, ``step`` and ``epoch`` in it, and how each metric is drawn (`Define`)
rank_metrics                  a row with keys ``rank_<n>/…``, for the first 16 ranks
table, figure, audio          a row with the media
evaluation                    summary ``test/<set>/wer`` and so on, small tables, an artifact of type ``evaluation``
dataset                       an artifact of type ``dataset``: its facts, and the manifest by reference
checkpoint                    at the end, one artifact of type ``model`` for each that is still there, by reference
artifact, json, alert         an artifact with its files; summary; an alert
status                        summary ``run/status``, and the exit code
segment, event, problem       nothing
rewind                        nothing: `order` leaves out what it supersedes
============================  ========================================================================================

A kind that this version does not know is counted in `Projection.skipped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from speech_tracker.journal.record import Record
from speech_tracker.metrics import metric
from speech_tracker.sync.artifacts import Checkpoints, artifact, dataset, json_file
from speech_tracker.sync.calls import (
    Alert,
    Call,
    Configure,
    Define,
    Describe,
    Picture,
    Preempting,
    Row,
    Sound,
    Summarize,
    TableFile,
)
from speech_tracker.sync.config import OWN_KEYS, merge, short_environment
from speech_tracker.sync.evaluations import Evaluations
from speech_tracker.sync.names import AXES, Keys
from speech_tracker.sync.text import clean

VERSION = 1
"""Version of these rules. Rows that were sent under other rules cannot be counted on, so all are sent again."""

RANKS = 16
"""Ranks whose own metrics go to W&B; of a larger job the journal has all."""

LARGEST_VALUE = 200_000
"""Bytes of a JSON value in the summary; a larger one becomes the file of an artifact."""

SILENT = frozenset({"segment", "event", "problem", "rewind"})
"""Kinds that W&B is told nothing of."""


class Projection:
    """The fold of a run's records into calls.

    Args:
        folder: the run's folder, to which the file names in records are relative.
        upload_checkpoints: upload checkpoints instead of referring to them.

    Attributes:
        identity: the ``run`` records, merged.
        status: the last status of the main process and its exit code, None while it runs.
        skipped: kind (or reason) to number of records that led to nothing because they cannot be sent.
    """

    def __init__(self, folder: Path, *, upload_checkpoints: bool = False) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = {}
        self.status: tuple[str, int] | None = None
        self.skipped: Counter[str] = Counter()
        self._keys = Keys()
        self._defined: set[str] = set()
        self._least: dict[str, float | None] = {}
        self._last: dict[str, Any] = {}
        self._speech: dict[str, Any] = {}
        self._links: dict[tuple[str, str], dict[str, Any]] = {}
        self._checkpoints = Checkpoints(folder.name, upload=upload_checkpoints)
        self._evaluations = Evaluations(folder, self._keys)
        self._facts: dict[str, Callable[[dict[str, Any]], Iterable[Call]]] = {
            "run": self._on_run,
            "config": self._on_config,
            "speech": self._on_speech,
            "environment": self._on_environment,
            "link": self._on_link,
            "status": self._on_status,
            "dataset": self._on_dataset,
            "checkpoint": self._on_checkpoint,
        }
        self._moments: dict[str, Callable[[Record, dict[str, Any]], Iterable[Call]]] = {
            "metrics": self._on_metrics,
            "rank_metrics": self._on_rank_metrics,
            "table": self._on_media,
            "figure": self._on_media,
            "audio": self._on_media,
            "evaluation": self._on_evaluation,
            "artifact": self._on_artifact,
            "json": self._on_json,
            "alert": self._on_alert,
        }

    def feed(self, record: Record) -> list[Call]:
        """Return the calls that `record` leads to; one that cannot be understood leads to none, and is counted."""
        if record.kind in SILENT:
            return []
        fact, moment = self._facts.get(record.kind), self._moments.get(record.kind)
        try:
            if fact is not None:
                return list(fact(clean(record.data)))
            if moment is not None:
                return list(moment(record, clean(record.data)))
            self.skipped[record.kind] += 1
        except (KeyError, TypeError, ValueError, AttributeError):  # by another version, or by hand
            self.skipped[f"{record.kind} (not understood)"] += 1
        return []

    def close(self) -> list[Call]:
        """Return what is said last: the checkpoints that are left, the summary, the tables of all evaluations."""
        summary: dict[str, Any] = {key: value for key, value in self._last.items() if key not in self._least}
        summary.update({key: {"min": value} for key, value in self._least.items() if value is not None})
        if self.status is not None:
            summary["run/status"] = self.status[0]
        calls: list[Call] = list(self._checkpoints.publish())
        if self._keys.changed:
            calls.append(Configure({"speech_tracker": self._own()}))
        summary |= self._evaluations.sweeps()
        if summary:
            calls.append(Summarize(summary))
        if self.status is not None and self.status[0] == "preempted":
            calls.append(Preempting())
        return calls

    # ---- what the run is ----------------------------------------------------------------------------------------

    def _on_run(self, data: dict[str, Any]) -> Iterable[Call]:
        added = data.pop("add_tags", [])
        tags = [*self.identity.get("tags", []), *data.pop("tags", []), *added]
        self.identity.update({key: value for key, value in data.items() if value is not None})
        self.identity["tags"] = list(dict.fromkeys(tags))
        # W&B refuses empty tags and those of more than 64 characters
        shown = tuple(dict.fromkeys(str(tag)[:64] for tag in self.identity["tags"] if tag))
        yield Describe(self.identity.get("name"), self.identity.get("description"), shown)
        yield Configure({"speech_tracker": self._own()})

    def _own(self) -> dict[str, Any]:
        own = {name: self.identity[name] for name in ("experiment", "folder") if self.identity.get(name)}
        return {"run": self.folder.name, **own, **({"names": dict(self._keys.changed)} if self._keys.changed else {})}

    def _on_config(self, data: dict[str, Any]) -> Iterable[Call]:
        yield Configure({f"{key}_" if key in OWN_KEYS else key: value for key, value in data["config"].items()})

    def _on_speech(self, data: dict[str, Any]) -> Iterable[Call]:
        self._speech = merge(self._speech, data["speech"])
        yield Configure({"speech": self._speech})

    def _on_environment(self, data: dict[str, Any]) -> Iterable[Call]:
        yield Configure({"environment": short_environment(data)})

    def _on_link(self, data: dict[str, Any]) -> Iterable[Call]:
        self._links[data["run"], data["relation"]] = data
        yield Configure({"links": list(self._links.values())})

    def _on_status(self, data: dict[str, Any]) -> Iterable[Call]:
        status = data["status"]
        self.status = None if status == "running" else (status, int(data.get("exit_code") or 0))
        return ()

    # ---- the history --------------------------------------------------------------------------------------------

    def _on_metrics(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        yield from self._row(record, data, "")

    def _on_rank_metrics(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        rank = int(data["rank"])
        if rank >= RANKS:
            self.skipped[f"rank_metrics of ranks from {RANKS} on"] += 1
            return
        yield from self._row(record, data, f"rank_{rank}/")

    def _row(self, record: Record, data: dict[str, Any], prefix: str) -> Iterable[Call]:
        if not data["values"]:
            return
        place = _place(data)
        values: dict[str, Any] = {}
        for name, value in data["values"].items():
            if name in AXES and not prefix:  # some toolkits log the epoch as a metric as well
                place.setdefault(name, value)
                continue
            key = self._keys.of(prefix + name)
            if key not in self._defined:
                yield self._define(key, name, place)
            if key in self._least:
                least = self._least[key]
                # NaN is neither less nor more, so it is never the least
                if value == value and (least is None or value < least):  # noqa: PLR0124
                    self._least[key] = value
            self._last[key] = values[key] = value
        self._last.update(place)
        yield Row({**values, **place}, float(data.get("time", record.time)))

    def _define(self, key: str, name: str, place: dict[str, Any]) -> Define:
        self._defined.add(key)
        direction = metric(name).direction
        if direction == "min":
            self._least[key] = None
        return Define(key, next(iter(place), None), "min" if direction == "min" else None)

    def _on_media(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        path = self.folder / data["file"] if "file" in data else Path(data["path"])
        key = self._keys.of(data["name"])
        media = {"table": TableFile(path), "figure": Picture(path, data.get("caption"))}.get(record.kind)
        if key not in self._defined and "step" in data:
            self._defined.add(key)
            yield Define(key, "step")
        yield Row({key: media or Sound(path, data.get("caption")), **_place(data)}, record.time)

    # ---- results and files --------------------------------------------------------------------------------------

    def _on_evaluation(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        return self._evaluations.feed(_identity(record), data)

    def _on_dataset(self, data: dict[str, Any]) -> Iterable[Call]:
        yield dataset(data)

    def _on_checkpoint(self, data: dict[str, Any]) -> Iterable[Call]:
        self._checkpoints.feed(data)
        return ()

    def _on_artifact(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        yield artifact(_identity(record), data)

    def _on_json(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        key = self._keys.of(data["name"])
        text = orjson.dumps(data["value"], default=str) if isinstance(data["value"], (dict, list, str)) else b""
        if len(text) > LARGEST_VALUE:
            yield json_file(_identity(record), self.folder.name, data["name"], text.decode())
        else:
            yield Summarize({key: data["value"]})

    def _on_alert(self, record: Record, data: dict[str, Any]) -> Iterable[Call]:
        yield Alert(_identity(record), data["title"], data.get("text", ""), data.get("level", "info"))


def _place(data: dict[str, Any]) -> dict[str, Any]:
    return {axis: data[axis] for axis in AXES if data.get(axis) is not None}


def _identity(record: Record) -> str:
    return f"{record.segment}:{record.number}"
