"""`speech-tracker ingest [TOOLKIT] DIR`: what a toolkit left on disk becomes runs."""

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


class Mode(str, Enum):
    """Where the runs go."""

    online = "online"
    offline = "offline"
    local = "local"
    disabled = "disabled"


def ingest(
    what: Annotated[
        list[str], typer.Argument(metavar="[TOOLKIT] DIR", help="Its folder; without TOOLKIT, it is recognised.")
    ],
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
    """Record what a toolkit left on disk, finished or still going on; a second time adds only what is new.

    TOOLKIT is espnet, fairseq, icefall, kaldi, lightning, speechbrain or wenet. Curves, configuration, stages, failed
    jobs, every decoding with its sweep, utterances where they are there, data and lineage are recorded.
    """
    from speech_tracker.cli.progress import file_progress
    from speech_tracker.ingest.ingester import Source, ingester_of
    from speech_tracker.ingest.recording import Destination
    from speech_tracker.ingest.session import Pace, Session, state_path

    toolkit, folder = chosen_toolkit(what)
    os.environ.setdefault("SPEECH_TRACKER_SILENT", "1")  # the report names every run
    chosen: ModeName | None = mode.value if mode is not None else None
    destination = Destination(project, name or group_name(folder), chosen, single_name=name)
    state = None if dry_run else state_path(destination.store_folder, toolkit, folder)
    with file_progress() as progress:
        source = Source(folder, include or (), exclude or (), state, progress)
        session = Session(toolkit, ingester_of(toolkit), source, destination, dry=dry_run)
        if follow:
            run_following(session, Pace(interval, quiet, idle))
        else:
            session.once()
    finish(session, dry_run=dry_run, as_json=as_json)


def chosen_toolkit(what: list[str]) -> tuple[str, Path]:
    """Return the toolkit and the folder that the arguments mean; what is guessed is said on stderr.

    Raises:
        typer.BadParameter: there is no such folder, or no such toolkit.
        OSError: the folder cannot be read.
        typer.Exit: with code 1, when the folder is not recognised.
    """
    from speech_tracker.ingest.ingester import INGESTERS, TITLES, toolkits_of

    known = ", ".join(sorted(INGESTERS))
    if len(what) == 1 and what[0] in INGESTERS and not Path(what[0]).is_dir():
        raise typer.BadParameter(f"the folder is missing: speech-tracker ingest {what[0]} DIR")
    if len(what) > 2 or (len(what) == 2 and what[0] not in INGESTERS):
        raise typer.BadParameter(f"{' '.join(what)} is not [TOOLKIT] DIR with TOOLKIT one of {known}")
    folder = Path(what[-1])
    if not folder.is_dir():
        raise typer.BadParameter(
            f"{folder} is not a folder; give the folder of an experiment, or one above it, such as exp/"
        )
    if len(what) == 2:
        return what[0], folder
    os.scandir(folder).close()  # one that may not be read is not merely unknown
    found = toolkits_of(folder)
    if not found:
        typer.echo(f"{folder} is not recognised as an experiment of any of {known}; name its toolkit to try", err=True)
        raise typer.Exit(1)
    first, *others = found
    typer.echo(f"taken for {TITLES[first]}, because {found[first]}", err=True)
    for other in others:
        typer.echo(f"it could also be {TITLES[other]} ({found[other]}): speech-tracker ingest {other}", err=True)
    return first, folder


def group_name(folder: Path) -> str:
    """Return the name under which the runs of a folder are grouped: the recipe's, not that of its ``exp``."""
    parts = [part for part in folder.resolve().parts if part not in ("exp", os.sep)]
    # recipes lie in egs/<corpus>/s5
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-1].startswith("s5") else parts[-1] if parts else "exp"


def run_following(session: Session, pace: Pace) -> None:
    """Follow until it is over, saying on stderr why."""
    try:
        reason = session.follow(pace, report=_progress)
    except KeyboardInterrupt:
        typer.echo("stopped following; start it again to go on from here", err=True)
    else:
        typer.echo(f"stopped following: {reason}", err=True)


def _progress(found: Found, added: int) -> None:
    count = len(found.runs)
    typer.echo(f"{count} run{'s' if count != 1 else ''}, {added} records so far", err=True)


def finish(session: Session, *, dry_run: bool, as_json: bool) -> None:
    """Print what was found; exit code 1 when that is nothing."""
    from speech_tracker.ingest.report import nothing_found, problem_lines, report

    found = session.found
    if found is None:  # interrupted before the first look was over
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(session.document(), ensure_ascii=False, indent=2, allow_nan=False))
    for line in problem_lines(found.problems):
        typer.echo(line, err=True)
    if not found.runs:
        typer.echo(nothing_found(found), err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo(report(found, None if dry_run else session.added))
