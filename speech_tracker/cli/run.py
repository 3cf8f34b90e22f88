"""`speech-tracker run -- COMMAND`: a recipe under our eyes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from speech_tracker.cli.ingest import Mode


def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The recipe, such as ./run.sh --stage 3.")],
    project: Annotated[str | None, typer.Option(help="Project of the runs.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the recipe's run and of the group of its models.")] = None,
    exp: Annotated[Path, typer.Option(metavar="DIR", help="Where its results appear.")] = Path("exp"),
    mode: Annotated[Mode | None, typer.Option(help="Where the runs go.")] = None,
    interval: Annotated[float, typer.Option(min=0.01, help="Seconds between two looks at the results.")] = 5.0,
) -> None:
    """Run a recipe: record its command, environment, stages and exit code, and follow what it makes in exp/.

    Its output is passed on unchanged, and its exit code is ours.
    """
    from speech_tracker.ingest.command import Recipe, run_recipe, working_name
    from speech_tracker.ingest.recording import Destination

    environment = dict(os.environ)
    os.environ.setdefault("SPEECH_TRACKER_SILENT", "1")  # the output is the recipe's; we are silent, not what it starts
    destination = Destination(project, name or working_name(), mode.value if mode is not None else None)
    try:
        code = run_recipe(Recipe(command, exp, interval=interval, environment=environment), destination)
    except OSError as error:
        typer.echo(f"error: {command[0]} cannot be started: {error.strerror or error}", err=True)
        raise typer.Exit(127 if isinstance(error, FileNotFoundError) else 126) from None
    raise typer.Exit(code)


vars(run)["context_settings"] = {"allow_interspersed_args": False}  # the recipe's options are its own
