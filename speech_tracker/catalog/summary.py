"""One run as a list shows it, folded from the facts of its segments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from speech_tracker.catalog.segment import SegmentFacts
from speech_tracker.liveness import is_alive
from speech_tracker.view import fold_identity, iso

UNREADABLE = "unreadable"
"""Status of a run whose journal cannot be read: it is in a newer format, or the file system refuses."""


@dataclass(slots=True)
class Summary:
    """What a list says of a run.

    Attributes:
        id, name, project, task, languages, domains, tags, experiment, description: its identity.
        status: running, finished, failed, killed, preempted, or ``unreadable``.
        reason: why it ended so, or why it cannot be read.
        created, updated: when it began and when something was last recorded, in seconds since the epoch.
        host: where its last main process ran.
        writer: header and segment of that process when it did not say how it ended, so that it can be looked up.
    """

    id: str
    name: str
    project: str | None = None
    task: str | None = None
    languages: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    experiment: str | None = None
    description: str | None = None
    status: str = "killed"
    reason: str | None = None
    created: float | None = None
    updated: float | None = None
    host: str | None = None
    writer: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(each.name for each in fields(Summary))


def unreadable(run_id: str, reason: str) -> Summary:
    """Return the summary of a run that cannot be read."""
    return Summary(run_id, run_id, status=UNREADABLE, reason=reason)


def summarize(run_id: str, segments: Sequence[tuple[str, SegmentFacts]]) -> Summary:
    """Return the summary of a run, the same as `speech_tracker.view.RunView` would tell from the whole journal.

    Args:
        run_id: name of its folder.
        segments: (name, facts) of its segments, in order.
    """
    from speech_tracker.journal.record import VERSION

    newer = max((facts.newer for _, facts in segments if facts.newer), default=None)
    if newer is not None:
        return unreadable(run_id, f"its journal is in format {newer}, this version reads up to {VERSION}")
    statements: list[dict[str, Any]] = []
    for _, facts in segments:
        statements += [facts.statements[number] for number in sorted(facts.statements)]
        if facts.final is not None and facts.final.get("added_tags"):
            statements.append({"add_tags": facts.final["added_tags"]})
    identity = fold_identity(run_id, statements)
    begun = [facts.first_time for _, facts in segments if facts.first_time is not None]
    stated = identity.get("created_at")
    found = Summary(
        run_id,
        _text(identity.get("name")) or run_id,
        _text(identity.get("project")),
        _text(identity.get("task")),
        _texts(identity["languages"]),
        _texts(identity["domains"]),
        _texts(identity["tags"]),
        _text(identity.get("experiment")),
        _text(identity.get("description")),
        created=float(stated)
        if isinstance(stated, (int, float)) and iso(stated) is not None
        else min(begun, default=None),
        updated=max((facts.last_time for _, facts in segments if facts.last_time is not None), default=None),
    )
    main = [
        (name, facts)
        for name, facts in segments
        # one without a record says nothing: its process, of whatever role, died before it had written the first
        if facts.role in ("main", "unknown") and name.endswith("-rank0") and facts.first_time is not None
    ]
    if not main:
        found.reason = "no process has recorded anything"
        return found
    name, last = main[-1]
    found.host = last.header.get("host")
    if last.final is not None:
        found.status, found.reason = str(last.final["status"]), last.final.get("reason")
    else:
        found.writer = {"segment": name, "header": last.header, "warned": last.warned}
        found.status = "running"  # until it is looked up: see `look_up`
    return found


def look_up(summary: Summary, run_folder: Path) -> str:
    """Return the status of a run that did not say how it ended: ``running`` while its process lives.

    Afterwards it is what the last signal said, or ``killed``.
    """
    if summary.writer is None:
        return summary.status
    segment = run_folder / "segments" / f"{summary.writer['segment']}.jsonl"
    return "running" if is_alive(summary.writer["header"], segment) else summary.writer["warned"] or "killed"


def gone(writer: dict[str, Any] | None) -> str:
    """Return why a run counts as killed: the process that is gone."""
    header = writer["header"] if writer else {}
    where = header.get("host")
    if where == os.uname().nodename:
        return f"process {header.get('process')} is gone"
    return f"no sign of life from process {header.get('process')} on {where}"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(values: Any) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []
