"""A run as it can be read: the records of its journal folded into what they mean together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from speech_tracker.encoding import decode
from speech_tracker.journal.merge import Journal, Segment, read_journal
from speech_tracker.journal.record import Record
from speech_tracker.liveness import is_alive

_IN_FLIGHT = 64  # threads that may have been logging at the moment at which their process was killed


class RunView:
    """A run, read from its folder.

    Everything is computed from the journal when first asked for. The view is of the moment it was read: read the folder
    again to see what a living run has added.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.folder = journal.folder

    @classmethod
    def read(cls, folder: Path, *, kinds: Collection[str] | None = None) -> RunView:
        """Read the run in `folder`.

        Args:
            folder: the run's folder.
            kinds: read only records of these kinds, which is much faster where they are few (`read_journal`).

        Raises:
            RunNotFoundError: it is not the folder of a run.
            JournalVersionError: it was written in a newer format.
        """
        return cls(read_journal(folder, kinds=kinds))

    @classmethod
    def read_state(cls, folder: Path) -> RunView:
        """Read of the run in `folder` only what tells its identity and its status.

        Raises:
            RunNotFoundError, JournalVersionError: as `read`.
        """
        return cls.read(folder, kinds=("run", "status", "event"))

    def records(self, *kinds: str) -> list[Record]:
        """Return the records of these kinds, in order."""
        return [record for record in self.journal.records if record.kind in kinds]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Id, name, project, task, languages, domains, tags, experiment, description and so on."""
        statements = [  # the last record of a process repeats the tags that were added on the way
            record.data if record.kind == "run" else {"add_tags": record.data.get("added_tags", [])}
            for record in self.records("run", "status")
        ]
        return fold_identity(self.folder.name, statements)

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.identity["id"])

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration, every `log_config` merged by its top-level keys."""
        merged: dict[str, Any] = {}
        for record in self.records("config"):
            merged.update(record.data["config"])
        return merged

    @cached_property
    def speech(self) -> dict[str, Any]:
        """The description in the speech vocabulary, merged group by group."""
        merged: dict[str, Any] = {}
        for record in self.records("speech"):
            _merge(merged, record.data["speech"])
        return merged

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The environment of the last process that recorded one."""
        records = self.records("environment")
        return records[-1].data if records else {}

    @cached_property
    def created_at(self) -> float | None:
        """When the run began, in seconds since the epoch (for ingested logs: when the experiment began)."""
        stated = self.identity.get("created_at")
        if isinstance(stated, (int, float)) and iso(stated) is not None:
            return float(stated)
        return min((segment.first_time for segment in self.journal.segments if segment.first_time), default=None)

    @cached_property
    def updated_at(self) -> float | None:
        """When the last record was written, in seconds since the epoch."""
        return max((segment.last_time for segment in self.journal.segments if segment.last_time), default=None)

    @cached_property
    def status(self) -> str:
        """running, finished, failed, killed or preempted; a run whose process is gone is killed, not running."""
        segment = self.main_segment
        if segment is None:
            return "killed"
        for record in reversed(self.journal.records):
            if record.kind == "status" and record.segment == segment.name and record.data["status"] != "running":
                return str(record.data["status"])
        if is_alive(segment.header, segment.path):
            return "running"
        for record in reversed(self.journal.records):  # it did not get further than the scheduler's warning
            if record.kind == "event" and record.segment == segment.name and record.data.get("name") == "signal":
                return str(record.data["data"].get("status", "killed"))
        return "killed"

    @property
    def main_segment(self) -> Segment | None:
        """The last segment that a main process wrote, the one that tells the run's status.

        One without a record says nothing: its process, of whatever role, died before it had written the first.
        """
        main = [
            segment
            for segment in self.journal.segments
            if segment.role in ("main", "unknown") and segment.rank == 0 and segment.records
        ]
        return main[-1] if main else None

    @cached_property
    def status_reason(self) -> str | None:
        """Why the run ended as it did, None when nothing was said."""
        records = self.records("status")
        return records[-1].data.get("reason") if records else None

    @cached_property
    def _measured(self) -> dict[str, list[Record]]:
        """Metric → the records that have a value of it, in the order of its history.

        Points are made of them when they are asked for: those of all metrics of a long training would be many times as
        large as its records.
        """
        found: dict[str, list[Record]] = {}
        for record in self.journal.records:
            if record.kind == "metrics":
                for name in record.data["values"]:
                    found.setdefault(name, []).append(record)
        order = {segment.name: place for place, segment in enumerate(self.journal.segments)}
        return {name: _ordered(records, order) for name, records in sorted(found.items())}

    @property
    def metric_names(self) -> list[str]:
        """The names of all metrics that were recorded, sorted."""
        return list(self._measured)

    @cached_property
    def histories(self) -> dict[str, list[dict[str, Any]]]:
        """Metric → its points (`history`). For one metric of a long run ask `history`."""
        return {name: self.history(name) for name in self._measured}

    def history(self, metric: str) -> list[dict[str, Any]]:
        """Return the points of `metric` in the order of steps: ``{"step", "epoch", "value", "time"}``; empty without any.

        A step recorded again by a later segment of a continued run replaces the earlier point; within one segment every
        point is kept. Points without a step keep the order in which they were recorded.
        """
        return [
            {"step": data.get("step"), "epoch": data.get("epoch"), "value": data["values"][metric],
             "time": data.get("time", record.time)}
            for record in self._measured.get(metric, ()) for data in (record.data,)
        ]  # fmt: skip

    @cached_property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """Metric → ``{"last", "min", "max", "count"}``; NaN counts, but is neither the least nor the greatest."""
        return {
            name: summary_of([record.data["values"][name] for record in records])
            for name, records in self._measured.items()
        }

    @cached_property
    def evaluations(self) -> list[dict[str, Any]]:
        """Every recorded evaluation, in order, with the time at which it was recorded."""
        return [{**record.data, "time": record.time} for record in self.records("evaluation")]

    @cached_property
    def checkpoints(self) -> list[dict[str, Any]]:
        """Every checkpoint with its last state: ``{"path", "step", "epoch", "metrics", "aliases", "best", "deleted"}``."""
        found: dict[str, dict[str, Any]] = {}
        for record in self.records("checkpoint"):
            data = dict(record.data)
            action = data.pop("action")
            entry = found.setdefault(data["path"], {"best": False, "deleted": False})
            if action == "best":
                for other in found.values():
                    other["best"] = False
                entry["best"] = True
            elif action == "deleted":
                entry["deleted"] = True
            else:
                entry["deleted"] = False
            entry.update(data)
            entry["time"] = record.time
        return list(found.values())

    @cached_property
    def datasets(self) -> list[dict[str, Any]]:
        """Every recorded version of a data set, the last statement about each (name, split, version) counting."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for record in self.records("dataset"):
            data = record.data
            found[data["name"], data.get("split"), data.get("version")] = data
        return list(found.values())

    @cached_property
    def links(self) -> list[dict[str, Any]]:
        """Links to other runs, each once."""
        unique = {(record.data["run"], record.data["relation"]): record.data for record in self.records("link")}
        return list(unique.values())

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Everything that happened, in order."""
        return [{"time": record.time, **record.data} for record in self.records("event")]

    @cached_property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong: damage of the journal, records that are missing, parts of the input that were skipped.

        The unfinished last line of a run that is being written is none; nor are a few missing numbers in a segment that was
        cut off: threads in the middle of a log call had taken them, and nobody was told that these were recorded.
        """
        running = self.status == "running"
        ended = {record.segment for record in self.records("status") if record.data["status"] != "running"}
        absent: Counter[str] = Counter()
        for segment, first, last in self.journal.missing:
            absent[segment] += last - first + 1
        found: list[dict[str, Any]] = [
            {"path": str(damage.path), "line": damage.line, "reason": damage.reason}
            for damage in self.journal.damage
            if not (damage.torn and running)
        ]
        for segment, first, last in self.journal.missing:
            if segment not in ended and absent[segment] <= _IN_FLIGHT:
                continue
            found.append({"path": segment, "line": None, "reason": f"records {first} to {last} are missing"})
        for record in self.records("problem"):
            data = record.data
            found.append({"path": data.get("path"), "line": data.get("line"), "reason": data["reason"]})
        return found

    @cached_property
    def wandb(self) -> dict[str, Any] | None:
        """What is known of the run's copy in W&B, None when it was never sent."""
        try:
            content = decode((self.folder / "wandb.json").read_bytes())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def segments(self) -> list[dict[str, Any]]:
        """Return each segment's name, rank, role, process, host, number of records, and times."""
        return [
            {
                "name": segment.name,
                "rank": segment.rank,
                "role": segment.role,
                "process": segment.header.get("process"),
                "host": segment.header.get("host"),
                "records": segment.records,
                "first": iso(segment.first_time),
                "last": iso(segment.last_time),
            }
            for segment in self.journal.segments
        ]


def fold_identity(folder_name: str, statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the ``run`` records of a run say together: later ones replace what they name, added tags add up.

    Args:
        folder_name: name of the run's folder, its id and name where no record says otherwise.
        statements: the data of the ``run`` records, in order.
    """
    found: dict[str, Any] = {
        "id": folder_name, "name": folder_name, "project": None, "task": None, "languages": [], "domains": [], "tags": [],
    }  # fmt: skip
    added: list[str] = []
    for statement in statements:
        data = dict(statement)
        added += data.pop("add_tags", [])
        found.update({key: value for key, value in data.items() if value is not None})
    found["tags"] = list(dict.fromkeys([*found["tags"], *added]))
    return found


def iso(seconds: float | None) -> str | None:
    """Return a time in ISO 8601, in UTC, with milliseconds; None for None, and for what is in no calendar."""
    try:
        return (
            None
            if seconds is None
            else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
        )
    except (ValueError, OverflowError):
        return None


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def _ordered(records: list[Record], order: Mapping[str, int]) -> list[Record]:
    """Return records of a metric in the order of steps, without those that a later segment has recorded again."""
    if any(record.segment != records[0].segment for record in records):
        last: dict[Any, int] = {}
        for record in records:
            step = record.data.get("step")
            if step is not None:
                last[step] = max(order.get(record.segment, 0), last.get(step, 0))
        records = [
            record for record in records
            if (step := record.data.get("step")) is None or last[step] == order.get(record.segment, 0)
        ]  # fmt: skip
    if any(record.data.get("step") is not None for record in records):
        records.sort(key=lambda record: -math.inf if (step := record.data.get("step")) is None else step)
    return records


def summary_of(values: Sequence[Any]) -> dict[str, Any]:
    """Return ``{"last", "min", "max", "count"}`` of numbers; NaN counts, but is neither the least nor the greatest."""
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN is the one that differs from itself
    return {
        "last": values[-1],
        "min": min(numbers, default=math.nan),
        "max": max(numbers, default=math.nan),
        "count": len(values),
    }
