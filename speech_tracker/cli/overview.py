"""The page of a run for people, section by section; a section of which nothing is known is left out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from speech_tracker.cli.document import Cell, Facts, Lines, Section, Table
from speech_tracker.cli.measures import chart_section, curves_table, importance
from speech_tracker.cli.moments import ago, duration, local, size
from speech_tracker.cli.output import on_terminal
from speech_tracker.cli.results import results_table
from speech_tracker.cli.style import status_cell
from speech_tracker.cli.wandb_state import wandb_facts
from speech_tracker.metrics import show_value

if TYPE_CHECKING:
    from speech_tracker.view import RunView

_SETTINGS = 16
_CHECKPOINTS = 6
_EVENTS = 6
_PROBLEMS = 10


def overview(view: RunView, *, everything: bool = False) -> list[Section]:
    """Return the sections of the page.

    Args:
        view: the run.
        everything: leave nothing out.
    """
    sections: list[Section | None] = [
        _identity(view),
        _speech(view),
        _config(view, everything),
        curves_table(view, everything=everything),
        chart_section(view) if on_terminal() else None,
        *results_table(view.evaluations, everything=everything),
        _checkpoints(view, everything),
        _datasets(view),
        _links(view),
        _events(view, everything),
        Facts("W&B", wandb_facts(view)),
        _problems(view, everything),
        _next(view),
    ]
    return [section for section in sections if section is not None]


def _identity(view: RunView) -> Facts:
    known = view.identity
    environment = view.environment
    segment = view.main_segment
    reason = view.status_reason
    if view.status == "killed" and reason is None and segment is not None:
        reason = f"its process {segment.header.get('process')} on {segment.header.get('host')} is gone"
    rows = [("run", Cell(view.id, "bold cyan")), ("name", Cell(str(known["name"]), "bold")),
            ("status", status_cell(view.status, reason))]  # fmt: skip
    for label, key in (("project", "project"), ("experiment", "experiment"), ("description", "description"), ("task", "task"),
                       ("languages", "languages"), ("domains", "domains"), ("tags", "tags")):  # fmt: skip
        value = known.get(key)
        if value:
            rows.append((label, Cell(", ".join(map(str, value)) if isinstance(value, list) else str(value))))
    rows.append(("begun", Cell(f"{local(view.created_at)} ({ago(view.created_at)}){_lasted(view)}")))
    rows += [(label, Cell(text)) for label, text in _where(environment) if text]
    if len(view.journal.segments) > 1:
        rows.append(("processes", Cell(f"{len(view.journal.segments)}, one segment each")))
    if known.get("folder"):
        rows.append(("experiment folder", Cell(str(known["folder"]))))
    rows.append(("recorded in", Cell(str(view.folder))))
    return Facts("Run", rows)


def _lasted(view: RunView) -> str:
    first = [segment.first_time for segment in view.journal.segments if segment.first_time]
    if not first or view.updated_at is None:
        return ""
    said = "recording for" if view.status == "running" else "recorded over"
    return f", {said} {duration(max(view.updated_at - min(first), 0))}"


def _where(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    hardware = environment.get("hardware") or {}
    gpus = hardware.get("gpus") or []
    machine = [str(environment["host"])] if environment.get("host") else []
    if hardware.get("cores"):
        machine.append(f"{hardware['cores']} cores, {hardware.get('memory_gib')} GiB")
    if gpus:
        machine.append(f"{len(gpus)} × {gpus[0].get('name')}")
    git = environment.get("git") or {}
    code = ""
    if git:
        code = f"{str(git.get('commit'))[:12]} on {git.get('branch')}" + (
            ", with local changes" if git.get("dirty") else ""
        )
    scheduler = environment.get("scheduler") or {}
    job = " ".join(
        f"{key}={value}" for key, value in scheduler.items() if key.endswith(("JOB_ID", "JOBID", "PARTITION"))
    )
    return [("machine", ", ".join(machine)), ("job", job), ("code", code),
            ("command", shlex.join(environment.get("command") or []))]  # fmt: skip


def _speech(view: RunView) -> Facts | None:
    rows: list[tuple[str, Cell]] = []
    toolkit = " ".join(str(view.speech[key]) for key in ("toolkit", "toolkit_version") if key in view.speech)
    if toolkit:
        rows.append(("toolkit", Cell(toolkit)))
    for group, content in view.speech.items():
        if isinstance(content, Mapping) and content:
            said = ", ".join(f"{key} {_short(value)}" for key, value in content.items())
            rows.append((group, Cell(said)))
    return Facts("Speech", rows) if rows else None


def _config(view: RunView, everything: bool) -> Facts | None:
    flat = list(_flat(view.config))
    if not flat:
        return None
    shown = flat if everything else flat[:_SETTINGS]
    rows = [(key, Cell(_short(value, 10**6 if everything else 60))) for key, value in shown]
    if len(flat) > len(shown):
        rows.append(("…", Cell(f"{len(flat) - len(shown)} more with --all", "dim")))
    return Facts("Configuration", rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _short(value: Any, longest: int = 60) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return f"{value:,}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _checkpoints(view: RunView, everything: bool) -> Table | None:
    found = view.checkpoints
    if not found:
        return None
    kept = [each for each in found if not each["deleted"]]
    shown = found if everything else [each for each in found if each["best"] or each in kept[-_CHECKPOINTS:]]
    rows = []
    for each in shown:
        marks = [*(["best"] if each["best"] else []), *(["deleted"] if each["deleted"] else []),
                 *(alias for alias in each.get("aliases", []) if alias != "best")]  # fmt: skip
        numbers = ", ".join(f"{name} {show_value(name, value)}" for name, value in (each.get("metrics") or {}).items())
        style = "bold green" if each["best"] else "dim" if each["deleted"] else ""
        rows.append([Cell(each["path"], style), Cell(_place(each, "step")), Cell(_place(each, "epoch")), Cell(numbers),
                     Cell(size(each.get("size"))), Cell(", ".join(marks), style)])  # fmt: skip
    below = [] if len(shown) == len(found) else [f"{len(found) - len(shown)} more with --all (deleted ones among them)"]
    return Table(
        "Checkpoints", ("path", ">step", ">epoch", "metrics", ">size", "marks"), rows, below, spare=("metrics", "size")
    )


def _place(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return f"{value:,}" if isinstance(value, (int, float)) else str(value or "")


def _datasets(view: RunView) -> Table | None:
    if not view.datasets:
        return None
    rows = [
        [Cell(str(each["name"])), Cell(str(each.get("split") or "")), Cell(_place(each, "utterances")),
         Cell(f"{each['hours']:.2f}" if isinstance(each.get("hours"), (int, float)) else ""), Cell(_place(each, "speakers")),
         Cell(str(each.get("version") or "")), Cell(str(each.get("manifest") or each.get("path") or ""))]
        for each in view.datasets
    ]  # fmt: skip
    return Table("Data", ("name", "split", ">utterances", ">hours", ">speakers", "version", "where"), rows,
                 spare=("where", "version"))  # fmt: skip


def _links(view: RunView) -> Facts | None:
    if not view.links:
        return None
    return Facts("Links", [(str(link["relation"]), Cell(str(link["run"]), "cyan")) for link in view.links])


def _events(view: RunView, everything: bool) -> Table | None:
    happened = [(each["time"], each["name"], each.get("data") or {}) for each in view.events]
    happened += [
        (record.time, f"alert: {record.data['title']}", {"text": record.data.get("text")})
        for record in view.records("alert")
    ]
    if not happened:
        return None
    happened.sort(key=lambda each: each[0])
    shown = happened if everything else happened[-_EVENTS:]
    rows = [
        [Cell(local(time)), Cell(str(name)), Cell(", ".join(f"{key} {_short(value)}" for key, value in data.items() if value))]
        for time, name, data in shown
    ]  # fmt: skip
    below = [f"{len(happened) - len(shown)} earlier with --all"] if len(shown) < len(happened) else []
    return Table("Events", ("time", "what", "details"), rows, below)


def _problems(view: RunView, everything: bool) -> Lines | None:
    problems = [
        f"{each['path'] or 'input'}{':' + str(each['line']) if each['line'] is not None else ''}: {each['reason']}"
        for each in view.problems
    ]
    for record in view.records("status"):
        for place, count in (record.data.get("swallowed") or {}).items():
            problems.append(f"{place}: failed {count} times and was skipped, the training went on")
    if not problems:
        return None
    shown = problems if everything else problems[:_PROBLEMS]
    more = [f"… {len(problems) - len(shown)} more with --all"] if len(shown) < len(problems) else []
    return Lines("Problems", [*shown, *more])


def _next(view: RunView) -> Lines:
    run = view.id
    lines = [f"speech-tracker show {run} --json", f"speech-tracker show {run} --all"]
    if view.status == "running":
        lines.insert(0, f"speech-tracker tail {run}")
    if view.metric_names:
        name = min(view.metric_names, key=importance)
        lines.append(f"speech-tracker history {run} {shlex.quote(name)}")
    return Lines("Look further", lines)
