"""Asking the catalog: which runs, in which order."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from speech_tracker.arguments import STATUSES
from speech_tracker.catalog.index import Catalog, Progress, column, open_catalog
from speech_tracker.catalog.summary import UNREADABLE, Summary
from speech_tracker.encoding import decode
from speech_tracker.errors import InvalidArgumentError, explain

ORDERS: Final = ("created", "updated", "name", "project", "task", "status")
"""What runs can be ordered by besides a metric: the first two from the newest, the others from A."""

_AGES = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which runs are wanted; what is not given is not asked for.

    Attributes:
        project, task, experiment: exactly this one (a task also by its well-known other names).
        status: one of these: ``running``, ``finished``, ``failed``, ``killed``, ``preempted``, ``unreadable``.
        tags: all of these.
        language: this BCP 47 tag or one that begins with it: ``en`` also finds ``en-GB``.
        name: a pattern with ``*``, ``?`` and ``[…]``.
        since: began at or after this time, in seconds since the epoch (`parse_since`).
    """

    project: str | None = None
    task: str | None = None
    experiment: str | None = None
    status: Sequence[str] = ()
    tags: Sequence[str] = ()
    language: str | None = None
    name: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A run that was found.

    Attributes:
        summary: what a list says of it.
        metrics: ``{"last", "min", "max", "count"}`` of the metric that was ordered by, where the run has it.
    """

    summary: Summary
    metrics: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer to a question.

    Attributes:
        runs: in the order asked for, at most as many as asked for.
        matching: how many there are without the limit.
        total: how many runs the store holds.
        remark: why the catalog was kept in memory (then every question reads the journals), None when it was not.
    """

    runs: tuple[Listed, ...]
    matching: int
    total: int
    remark: str | None


def list_runs(
    store: Path,
    filters: Filters | None = None,
    *,
    sort: str = "created",
    reverse: bool = False,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Listing:
    """Return the runs of `store` that the filters let through.

    Args:
        store: folder of the local store.
        filters: which ones, all when None.
        sort: one of `ORDERS`, or a metric's name: then the best value of each run counts (the least or the greatest as
            `speech_tracker.metrics` says, the last one where neither is better), the best run first, runs without it last.
        reverse: the other way round.
        limit: at most so many.
        progress: told of the reading of journals.

    Raises:
        StoreError: the store is no folder or cannot be read.
        InvalidArgumentError: an unknown status or task, or a metric that no run has.
    """
    where, values = _conditions(filters or Filters())
    with open_catalog(store, progress=progress) as catalog:
        join, order, used = _order(catalog, sort, reverse, progress)
        query = (
            f"SELECT runs.blob, {'metrics.blob' if join else 'NULL'} FROM runs {join} WHERE {where} ORDER BY {order}"
        )
        rows = catalog.connection.execute(query, (*used, *values)).fetchall()
        total = catalog.connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
        runs = tuple(
            Listed(Summary(**decode(blob)), {sort: decode(numbers)} if numbers is not None else {})
            for blob, numbers in (rows if limit is None else rows[:limit])
        )
        return Listing(runs, len(rows), total, catalog.reason)


def parse_since(text: str, *, now: float | None = None) -> float:
    """Return the time that `text` means, in seconds since the epoch.

    Args:
        text: a date or a moment in ISO 8601 (local time unless it says otherwise), or an age: ``30m``, ``12h``, ``7d``,
            ``2w``.
        now: the present, for ages.

    Raises:
        InvalidArgumentError: it is neither.
    """
    age = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text)
    if age is not None:
        return (time.time() if now is None else now) - float(age[1]) * _AGES[age[2]]
    try:
        return datetime.fromisoformat(re.sub(r"Z$", "+00:00", text)).timestamp()  # local time is meant
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(
            explain("not a time", got=text, expected="a date (2025-01-31), a moment (2025-01-31T18:00) or an age (12h, 7d)",
                    remedy="correct --since")
        ) from error  # fmt: skip


def _conditions(filters: Filters) -> tuple[str, list[Any]]:
    parts: list[str] = ["1"]
    values: list[Any] = []

    def add(part: str, *given: Any) -> None:
        parts.append(part)
        values.extend(column(each) if isinstance(each, str) else each for each in given)

    if filters.project is not None:
        add("project = ?", filters.project)
    if filters.task is not None:
        from speech_tracker.arguments import task_name

        add("task = ?", task_name(filters.task))
    if filters.experiment is not None:
        add("experiment = ?", filters.experiment)
    if filters.status:
        for status in filters.status:
            _check_status(status)
        add(f"status IN ({','.join('?' * len(filters.status))})", *filters.status)
    for tag in filters.tags:
        add("runs.run IN (SELECT run FROM tags WHERE tag = ?)", tag)
    if filters.language is not None:
        language = filters.language.lower()
        add(
            "runs.run IN (SELECT run FROM languages WHERE lower(language) = ? OR substr(lower(language), 1, ?) = ?)",
            language, len(language) + 1, f"{language}-",
        )  # fmt: skip
    if filters.name is not None:
        add("name GLOB ?", filters.name)
    if filters.since is not None:
        add("created >= ?", filters.since)
    return " AND ".join(parts), values


def _check_status(status: str) -> None:
    known = (*STATUSES, UNREADABLE)
    if status not in known:
        raise InvalidArgumentError(
            explain("unknown status", got=status, expected=f"one of {', '.join(known)}", remedy="correct --status")
        )


def _order(catalog: Catalog, sort: str, reverse: bool, progress: Progress | None) -> tuple[str, str, list[str]]:
    """Return the join, the order, and the values for the join."""
    if sort in ORDERS:
        newest_first = sort in ("created", "updated")
        direction = "DESC" if newest_first != reverse else "ASC"
        nulls = f"{sort} IS NULL, "  # what has none stands last, either way
        return "", f"{nulls}{sort} {direction}, created DESC, runs.run", []
    from speech_tracker.catalog.measure import measure
    from speech_tracker.metrics import metric

    measure(catalog, progress=progress)
    _check_metric(catalog, sort)
    better = metric(sort).direction
    value = {"min": "least", "max": "most", None: "last"}[better]
    descending = (better == "max") != reverse
    order = f"metrics.{value} IS NULL, metrics.{value} {'DESC' if descending else 'ASC'}, created DESC, runs.run"
    return "LEFT JOIN metrics ON metrics.run = runs.run AND metrics.name = ?", order, [column(sort)]


def _check_metric(catalog: Catalog, name: str) -> None:
    known = [each for (each,) in catalog.connection.execute("SELECT DISTINCT name FROM metrics")]
    empty = catalog.connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0] == 0
    if column(name) in known or empty:
        return
    from speech_tracker.catalog.near import near

    raise InvalidArgumentError(
        explain("no run has this metric", got=name, expected=f"one of {', '.join(ORDERS)}, or a metric",
                remedy=f"try {' or '.join(close)}" if (close := near(name, known)) else "correct --sort")
    )  # fmt: skip
