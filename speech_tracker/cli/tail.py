"""`speech-tracker tail RUN`: a run's records as they are written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_tracker.cli.store import RunArgument, StoreOption, find

if TYPE_CHECKING:
    from speech_tracker.journal.record import Record


def tail(
    run: RunArgument = "latest",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Records of before to print first.")] = 10,
    interval: Annotated[float, typer.Option(metavar="SECONDS", help="Time between looks at the journal.")] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document per record, each on a line.")] = False,
    store: StoreOption = None,
) -> None:
    """Follow a run while it is recorded; ends when the run does, or with Ctrl-C."""
    from speech_tracker.cli.output import note, to_json, write
    from speech_tracker.follow import Follow

    follow = Follow(find(store, run), interval=max(interval, 0.05))
    told = 0

    def show(record: Record) -> None:
        nonlocal told
        write(to_json(as_dict(record), indent=False) if json else line_of(record))
        sys.stdout.flush()
        for damage in follow.damage[told:]:
            note(damage)
        told = len(follow.damage)

    for record in follow.past(lines):
        show(record)
    for record in follow.new():
        show(record)
    if not json:
        note(f"run {follow.folder.name} is {follow.status}; see it with: speech-tracker show {follow.folder.name}")


def as_dict(record: Record) -> dict[str, Any]:
    """Return a record as ``tail --json`` prints it: the fields of the journal's line."""
    return {"run": record.run, "segment": record.segment, "n": record.number, "time": record.time,
            "type": record.kind, "data": record.data}  # fmt: skip


def line_of(record: Record) -> str:
    """Return a record on one line, for people."""
    from datetime import datetime

    from speech_tracker.cli.output import clean

    moment = datetime.fromtimestamp(record.time).astimezone().strftime("%H:%M:%S")
    return clean(f"{moment}  {_said(record)}")


def _said(record: Record) -> str:
    from speech_tracker.metrics import show_value

    data = record.data
    match record.kind:
        case "metrics" | "rank_metrics":
            rank = [f"rank {data['rank']}"] if "rank" in data else []
            place = [
                f"{key} {data[key]:g}" if key == "epoch" else f"{key} {data[key]}"
                for key in ("step", "epoch")
                if key in data
            ]
            return "  ".join(
                [*rank, *place, *(f"{name} {show_value(name, value)}" for name, value in data["values"].items())]
            )
        case "checkpoint":
            numbers = ", ".join(f"{name} {show_value(name, value)}" for name, value in data.get("metrics", {}).items())
            return f"checkpoint {data['action']}: {data['path']}" + (f" ({numbers})" if numbers else "")
        case "evaluation":
            return f"evaluation of {data['test_set']}: {_rates(data)}"
        case "status":
            return f"status {data['status']}" + (f": {data['reason']}" if data.get("reason") else "")
        case "event":
            return f"event {data['name']}" + _details(data.get("data") or {})
        case "alert":
            return f"alert ({data['level']}): {data['title']} {data['text']}".rstrip()
        case "problem":
            return f"problem: {data.get('path') or 'input'}:{data.get('line') or ''} {data['reason']}"
        case "segment":
            return f"process {data.get('process')} on {data.get('host')} begins to write"
        case "config" | "speech":
            return f"{record.kind}: {len(data[record.kind])} entries"
        case "environment":
            return f"environment: {data.get('host')}, Python {data.get('python')}"
        case "link":
            return f"{data['relation']} {data['run']}"
    return (
        f"{record.kind}{_details({key: value for key, value in data.items() if not isinstance(value, (dict, list))})}"
    )


def _rates(data: dict[str, Any]) -> str:
    from speech_tracker.catalog.measure import rates_of
    from speech_tracker.metrics import metric, show_value

    return ", ".join(f"{metric(name).title} {show_value(name, value)}" for name, value in rates_of(data).items())


def _details(data: dict[str, Any]) -> str:
    return "".join(f"  {key} {value}" for key, value in data.items())
