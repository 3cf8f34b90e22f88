"""`speech-tracker list`: the runs of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_tracker.cli.store import JsonOption, StoreOption, chosen_store, reading

if TYPE_CHECKING:
    from speech_tracker.catalog.query import Listed, Listing
    from speech_tracker.cli.document import Cell

ON_TERMINAL = 50
"""Runs that a terminal shows when nobody said how many."""


def list_runs(
    project: Annotated[str | None, typer.Option(help="Only runs of this project.")] = None,
    task: Annotated[str | None, typer.Option(help="Only runs of this task: asr, tts, …")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="Only runs of this status: running, finished, failed, killed, preempted, unreadable; repeatable."
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only runs with this tag; repeated: with all of them.")] = None,
    language: Annotated[str | None, typer.Option(help="Only runs of this language: en also finds en-GB.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only runs with such a name: 'conformer*'.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only runs begun since: 7d, 12h, 2025-01-31.")
    ] = None,
    sort: Annotated[
        str, typer.Option(help="created, updated, name, project, task, status, or a metric: the best run first.")
    ] = "created",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="The other way round.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            help="At most so many; 0 for all [default: all, 50 on a terminal].",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """List the runs of the store, the newest first."""
    from speech_tracker.catalog.query import Filters, parse_since
    from speech_tracker.catalog.query import list_runs as ask
    from speech_tracker.cli.output import on_terminal, write_json, write_rows

    filters = Filters(
        project=project, task=task, status=status or (), tags=tag or (), language=language, experiment=experiment,
        name=name, since=None if since is None else parse_since(since),
    )  # fmt: skip
    shown = on_terminal() and not json
    most = ON_TERMINAL if limit is None and shown else limit or None
    folder = chosen_store(store)
    with reading() as progress:
        listing = ask(folder, filters, sort=sort, reverse=reverse, limit=most, progress=progress)
    if json:
        write_json([to_dict(listed) for listed in listing.runs])
    elif not shown:
        metric = sort if any(listed.metrics for listed in listing.runs) else None
        write_rows(*_rows(listing, metric))
    elif listing.runs:
        _draw(listing, sort)
    _remark(listing, folder, cut=limit is None)


def to_dict(listed: Listed) -> dict[str, Any]:
    """Return a run as ``list --json`` gives it."""
    from speech_tracker.cli.moments import utc

    found = listed.summary.to_dict()
    found.pop("writer")
    created, updated, reason = found.pop("created"), found.pop("updated"), found.pop("reason")
    return {**found, "status_reason": reason, "created_at": utc(created), "updated_at": utc(updated),
            "metrics": listed.metrics}  # fmt: skip


def _rows(listing: Listing, metric: str | None) -> tuple[list[str], list[list[str | None]]]:
    from speech_tracker.cli.moments import utc

    columns = ["ID", "NAME", "PROJECT", "TASK", "STATUS", "CREATED", "LANGUAGES", "TAGS"]
    rows = []
    for listed in listing.runs:
        run = listed.summary
        row = [run.id, run.name, run.project, run.task, run.status, utc(run.created), ",".join(run.languages),
               ",".join(run.tags)]  # fmt: skip
        rows.append([*row, _best(listed, metric, exact=True)] if metric else row)
    return [*columns, metric] if metric else columns, rows


def _draw(listing: Listing, sort: str) -> None:
    from speech_tracker.catalog.query import ORDERS
    from speech_tracker.cli.document import Cell, Table, print_table
    from speech_tracker.cli.moments import ago
    from speech_tracker.cli.style import status_cell

    metric = None if sort in ORDERS else sort
    columns = ["run", "name", "status", ">begun", "project", "task", "languages", "tags"]
    rows: list[list[Cell]] = []
    for listed in listing.runs:
        run = listed.summary
        row = [Cell(run.id, "cyan"), Cell(run.name, "bold"), status_cell(run.status), Cell(ago(run.created)),
               Cell(run.project or "-"), Cell(run.task or "-"), Cell(", ".join(run.languages)), Cell(", ".join(run.tags))]  # fmt: skip
        if metric is not None:
            row.insert(3, Cell(_best(listed, metric, exact=False) or "-", "bold green"))
        rows.append(row)
    if metric is not None:
        columns.insert(3, f">{metric}")
    spare = ("languages", "tags", "task", "project", "begun", "status")
    print_table(Table("", columns, rows, spare=spare))


def _best(listed: Listed, metric: str | None, *, exact: bool) -> str | None:
    from speech_tracker.metrics import metric as known
    from speech_tracker.metrics import show_value

    if metric is None or metric not in listed.metrics:
        return None
    key = {"min": "min", "max": "max", None: "last"}[known(metric).direction]
    value = listed.metrics[metric][key]
    return repr(value) if exact else show_value(metric, value)


def _remark(listing: Listing, folder: object, *, cut: bool) -> None:
    from speech_tracker.cli.output import note

    if listing.total == 0:
        note(f"no runs in {folder} yet; a run begins with speech_tracker.init(...), or: speech-tracker ingest --help")
    elif not listing.runs:
        note(f"none of the {listing.total:,} runs in {folder} is like that")
    elif cut and len(listing.runs) < listing.matching:
        note(f"{len(listing.runs):,} of {listing.matching:,} runs; all with: --limit 0")
    unreadable = [listed.summary for listed in listing.runs if listed.summary.status == "unreadable"]
    for run in unreadable[:3]:
        note(f"{run.id} cannot be read: {run.reason}")
