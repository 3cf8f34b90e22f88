"""What a run has recorded already, so that only what is new is added.

The journal itself is asked, not a memory of our own: an ingestion that was killed between a record and its memory would
add it twice.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from speech_tracker.encoding import decode, encode
from speech_tracker.ingest.found import (
    FoundDataset,
    FoundEvaluation,
    FoundTable,
    Happening,
    LocatedProblem,
    Point,
)
from speech_tracker.ingest.joined import RecordedLive, read_live
from speech_tracker.plain import plain


@dataclass(slots=True)
class KnownRun:
    """The keys of a run's records.

    Attributes:
        exists: whether there is such a run at all.
        status: as recorded last.
        values: (metric, step) → value.
        happenings: key → data.
        evaluations: key → fingerprint.
        datasets: as (name, split, version).
        links: as (run, relation).
        problems: as (path, line, reason).
        checkpoints: as (path, size).
        best: path of the best checkpoint; ``""`` where none was told.
        tables: name → digest of the rows.
        config: merged.
        speech: merged.
        summary: the last one.
        live: what an adapter has recorded while it trained; None where all was ingested.
    """

    exists: bool = False
    status: str = ""
    values: dict[tuple[str, int | None], float] = field(default_factory=dict)
    happenings: dict[str, Any] = field(default_factory=dict)
    evaluations: dict[str, str] = field(default_factory=dict)
    datasets: set[tuple[str, str, str | None]] = field(default_factory=set)
    links: set[tuple[str, str]] = field(default_factory=set)
    problems: set[tuple[str | None, int | None, str]] = field(default_factory=set)
    checkpoints: set[tuple[str, int | None]] = field(default_factory=set)
    best: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    speech: dict[str, Any] = field(default_factory=dict)
    summary: Any = None
    live: RecordedLive | None = None

    def new_points(self, points: Iterable[Point]) -> list[Point]:
        """Return the settled points that are not recorded, or that have another value by now."""
        return [
            point
            for point in points
            if point.settled and not _same(self.values.get((point.name, point.step)), point.value)
        ]

    def rewound_to(self, points: Iterable[Point]) -> int | None:
        """Return the first step whose value was replaced, as when a training was started again; None when none was."""
        changed = [point.step for point in points if point.step is not None and (point.name, point.step) in self.values]
        return min(changed, default=None)

    def is_new_dataset(self, dataset: FoundDataset) -> bool:
        """Return whether this version of a data set is not recorded."""
        return (dataset.name, dataset.split, dataset.version) not in self.datasets

    def is_new_happening(self, happening: Happening) -> bool:
        """Return whether an event is not recorded with this data."""
        recorded = self.happenings.get(happening.key)
        return bool(recorded != as_recorded(with_real_paths(happening.data)))

    def is_new_problem(self, problem: LocatedProblem) -> bool:
        """Return whether a problem is not recorded."""
        path = located_for_good(problem).path
        return (path, problem.line, problem.reason) not in self.problems

    def is_new_evaluation(self, evaluation: FoundEvaluation, *, partial: bool = False) -> bool:
        """Return whether an evaluation is not recorded as it is now.

        Args:
            evaluation: which.
            partial: whether others were left out, which may have a part in how its point is chosen.
        """
        recorded, found = self.evaluations.get(evaluation.key), evaluation.fingerprint
        if partial and recorded is not None:
            recorded, found = recorded.partition("-")[0], found.partition("-")[0]
        return evaluation.settled and recorded != found

    def is_new_table(self, table: FoundTable) -> bool:
        """Return whether a table is not recorded with these rows."""
        return self.tables.get(table.name) != table_digest(table.columns, table.rows)

    def lacks_config(self, config: Mapping[str, Any]) -> bool:
        """Return whether a configuration is not recorded."""
        return not _contains(self.config, as_recorded(config))

    def merged_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with what is recorded already: recording it replaces whole top-level keys."""
        merged: dict[str, Any] = _merged(self.config, as_recorded(config))
        return merged

    def lacks_speech(self, speech: Mapping[str, Any]) -> bool:
        """Return whether a description is not recorded."""
        return not _contains(self.speech, as_recorded(speech))


def read_known(folder: Path) -> KnownRun:
    """Return what the run in a folder has recorded; an empty one where there is no run.

    Raises:
        JournalVersionError: it was written by a newer version.
    """
    if not (folder / "segments").is_dir():
        return KnownRun()
    from speech_tracker.view import RunView

    view = RunView.read(folder)
    known = KnownRun(exists=True, status=view.status, config=view.config, speech=view.speech, live=read_live(view))
    for name in view.metric_names:
        for point in view.history(name):
            known.values[name, point["step"]] = point["value"]
    for event in view.events:
        data = event.get("data", {})
        if "key" in data:
            known.happenings[data["key"]] = {key: value for key, value in data.items() if key != "key"}
        if event.get("name") == "decoded-not-scored":
            known.evaluations[data["key"].removeprefix("decoded:")] = data.get("fingerprint", "")
    for evaluation in view.evaluations:
        origin = (evaluation.get("metadata") or {}).get("origin") or {}
        if "key" in origin:
            known.evaluations[origin["key"]] = origin.get("fingerprint", "")
    for dataset in view.datasets:
        known.datasets.add((dataset["name"], dataset.get("split", ""), dataset.get("version")))
    known.links = {(link["run"], link["relation"]) for link in view.links}
    known.problems = {(each["path"], each["line"], each["reason"]) for each in view.problems}
    known.checkpoints = {(each["path"], each.get("size")) for each in view.checkpoints}
    known.best = next((each["path"] for each in view.checkpoints if each["best"]), "")
    for record in view.records("table"):
        known.tables[record.data["name"]] = _digest_of_file(folder / record.data["file"])
    for record in view.records("json"):
        if record.data["name"] == "ingest":
            known.summary = record.data["value"]
    return known


def _digest_of_file(path: Path) -> str:
    try:
        content = decode(path.read_bytes())
        return table_digest(content["columns"], content["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def table_digest(columns: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """Return a digest that two tables of the same content share."""
    import hashlib

    content = json.dumps([list(columns), [list(row) for row in rows]], default=str)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def located_for_good(problem: LocatedProblem) -> LocatedProblem:
    """Return a problem with the path that its file has for everyone."""
    return replace(problem, path=os.path.realpath(problem.path))


def with_real_paths(data: Any) -> Any:
    """Return data in which paths are those that the files have for everyone, not as the user happened to give them.

    What was found from another folder, or through a link, is then the same.
    """
    if not isinstance(data, Mapping):
        return data
    return {
        key: os.path.realpath(value) if key in ("path", "log", "source") and value else with_real_paths(value)
        for key, value in data.items()
    }


def as_recorded(value: Any) -> Any:
    """Return a value as it reads after it has been recorded: tuples are lists, keys are texts."""
    return decode(encode(plain(value)[0]))


def _same(one: float | None, other: float) -> bool:
    """Whether two values are one: some logs keep 32 bits of what others keep with 64."""
    if one is None:
        return False
    return one == other or (math.isnan(one) and math.isnan(other)) or _short(one) == _short(other)


def _short(value: float) -> bytes | float:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return value


def _merged(known: Any, new: Any) -> Any:
    if isinstance(known, dict) and isinstance(new, dict):
        return {**known, **{key: _merged(known[key], new[key]) if key in known else new[key] for key in new}}
    return new


def _contains(known: Any, part: Any) -> bool:
    if isinstance(part, dict) and isinstance(known, dict):
        return all(key in known and _contains(known[key], value) for key, value in part.items())
    return bool(known == part)
