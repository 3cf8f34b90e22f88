"""`speech-tracker ingest TOOLKIT DIR`: what a toolkit left on disk becomes runs."""

from __future__ import annotations

import json
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from speech_tracker.arguments import Mode as ModeName
    from speech_tracker.ingest.found import Found
    from speech_tracker.ingest.session import Pace, Session

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


class Mode(str, Enum):
    """Where the runs go."""

    online = "online"
    offline = "offline"
    local = "local"
    disabled = "disabled"


@app.callback()
def _ingest() -> None:
    """Turn what a toolkit left on disk into runs, finished or still going on; a second time adds only what is new."""


@app.command()
def kaldi(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Model folder, decode folder, exp/, or a recipe.")],
    project: Annotated[str | None, typer.Option(help="Project of the runs.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the group of runs, or of the run if it is one.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on reading until training is done, or Ctrl-C.")] = False,
    include: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Read only what fits.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Leave out what fits.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be recorded.")] = False,
    mode: Annotated[Mode | None, typer.Option(help="Where the runs go.")] = None,
    interval: Annotated[float, typer.Option(min=0.01, help="--follow: seconds between two looks.")] = 5.0,
    quiet: Annotated[
        float, typer.Option(min=0, help="--follow: seconds without change after which it is over.")
    ] = 30.0,
    idle: Annotated[float, typer.Option(min=0, help="--follow: the same while models are incomplete.")] = 1800.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; rates are fractions.")] = False,
) -> None:
    """Record a Kaldi experiment: curves, stages, failed jobs, every decode with its sweep, data, lineage."""
    from speech_tracker.cli.progress import file_progress
    from speech_tracker.ingest.ingester import Source, ingester_of
    from speech_tracker.ingest.recording import Destination
    from speech_tracker.ingest.session import Pace, Session, state_path

    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder; give a model folder, a decode folder, exp/ or a recipe's")
    os.environ.setdefault("SPEECH_TRACKER_SILENT", "1")  # the report names every run
    chosen: ModeName | None = mode.value if mode is not None else None
    destination = Destination(project, name or group_name(folder), chosen, single_name=name)
    state = None if dry_run else state_path(destination.store_folder, "kaldi", folder)
    with file_progress() as progress:
        source = Source(folder, include or (), exclude or (), state, progress)
        session = Session("kaldi", ingester_of("kaldi"), source, destination, dry=dry_run)
        if follow:
            run_following(session, Pace(interval, quiet, idle))
        else:
            session.once()
    finish(session, dry_run=dry_run, as_json=as_json)


def group_name(folder: Path) -> str:
    """Return the name under which the runs of a folder are grouped: the recipe's, not that of its ``exp``."""
    parts = [part for part in folder.resolve().parts if part not in ("exp", os.sep)]
    # recipes lie in egs/<corpus>/s5
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-1].startswith("s5") else parts[-1] if parts else "kaldi"


def run_following(session: Session, pace: Pace) -> None:
    """Follow until it is over, saying on stderr why."""
    try:
        reason = session.follow(pace, report=_progress)
    except KeyboardInterrupt:
        typer.echo("stopped following; start it again to go on from here", err=True)
    else:
        typer.echo(f"stopped following: {reason}", err=True)


def _progress(found: Found, added: int) -> None:
    typer.echo(f"{len(found.runs)} runs, {added} records so far", err=True)


def finish(session: Session, *, dry_run: bool, as_json: bool) -> None:
    """Print what was found; exit code 1 when that is nothing."""
    from speech_tracker.ingest.report import nothing_found, problem_lines, report

    found = session.found
    if found is None:  # interrupted before the first look was over
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(session.document(), ensure_ascii=False, indent=2, allow_nan=False))
    if not found.runs:
        typer.echo(nothing_found(found), err=True)
        raise typer.Exit(1)
    for line in problem_lines(found.problems):
        typer.echo(line, err=True)
    if not as_json:
        typer.echo(report(found, None if dry_run else session.added))
