"""The numbers of the runs in the catalog: read from the whole journal, so only when a question needs them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from speech_tracker.catalog.index import Catalog, Progress, column
from speech_tracker.catalog.summary import UNREADABLE
from speech_tracker.encoding import encode, tag
from speech_tracker.errors import SpeechTrackerError

if TYPE_CHECKING:
    from speech_tracker.view import RunView


def measure(catalog: Catalog, *, progress: Progress | None = None) -> None:
    """Bring the table of metrics up to date: every metric of every run that has changed since it was last asked."""
    wanted = [
        run for (run,) in catalog.connection.execute(
            "SELECT run FROM runs WHERE NOT measured AND status <> ? ORDER BY run", (UNREADABLE,)
        )
    ]  # fmt: skip
    if not wanted:
        return
    rows: list[tuple[Any, ...]] = []
    for number, run in enumerate(wanted):
        if progress is not None:
            progress(len(wanted), number)
        rows += _rows(catalog, run)

    def apply(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM metrics WHERE run = ?", ((run,) for run in wanted))
        connection.executemany("INSERT OR REPLACE INTO metrics VALUES (?,?,?,?,?,?)", rows)
        connection.executemany("UPDATE runs SET measured = 1 WHERE run = ?", ((run,) for run in wanted))

    catalog.write(apply)


def _rows(catalog: Catalog, run: str) -> list[tuple[Any, ...]]:
    from speech_tracker.view import RunView

    try:
        numbers = numbers_of(RunView.read(catalog.store / "runs" / run))
    except (SpeechTrackerError, OSError):  # shown as unreadable next time; its numbers are simply not there
        return []
    return [
        (run, column(name), *(_real(values[key]) for key in ("last", "min", "max")), encode(tag(values)))
        for name, values in numbers.items()
    ]


def numbers_of(view: RunView) -> dict[str, dict[str, Any]]:
    """Return metric → ``{"last", "min", "max", "count"}``: the curves, and ``test/<set>/<metric>`` of the evaluations."""
    from speech_tracker.view import summary_of

    measured = evaluation_histories(view)
    return {
        **view.metrics,
        **{name: summary_of([each["value"] for each in points]) for name, points in measured.items()},
    }


def evaluation_histories(view: RunView) -> dict[str, list[dict[str, Any]]]:
    """Return ``test/<set>/<metric>`` → its points, one of each evaluation, in the order in which they were recorded.

    A validation is no test: its rates are ``valid/…``, where they are not a curve already.
    """
    from speech_tracker.evaluation_record import place_of

    known = set(view.metric_names)
    found: dict[str, list[dict[str, Any]]] = {}
    for evaluation in view.evaluations:
        place = place_of(evaluation)
        for name, value in rates_of(evaluation).items():
            point = {key: evaluation.get(key) for key in ("step", "epoch")}
            key = f"{place}/{name}"
            if not place.startswith("test/") and {key, f"valid/{name}"} & known:
                continue
            found.setdefault(key, []).append({**point, "value": value, "time": evaluation["time"]})
    return found


def rates_of(evaluation: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of an ``evaluation`` record by name: its rates (fractions), or what another task measured."""
    from speech_tracker.evaluation_record import RATE_NAMES

    names = (*RATE_NAMES.values(), "sentence_error_rate")
    found = {name: evaluation[name] for name in names if name in evaluation}
    found.update(evaluation.get("metrics") or {})
    return {
        name: value for name, value in found.items() if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _real(value: Any) -> float | None:
    """A number as SQLite can sort it; NaN becomes NULL, and an integer beyond a float's range an infinity."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
