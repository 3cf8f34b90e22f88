"""The command line: `speech-tracker <verb>`, each verb in the file of its own name.

A verb's file is imported only when the verb is called (or when `--help` lists them all), and imports what is heavy
inside the function, so that `speech-tracker list` starts fast on a login node.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import typer

from speech_tracker.cli.quick import QuickCommand, QuickGroup
from speech_tracker.errors import SpeechTrackerError

VERBS: dict[str, str] = {
    "list": "speech_tracker.cli.list:list_runs",
    "show": "speech_tracker.cli.show:show",
    "history": "speech_tracker.cli.history:history",
    "tail": "speech_tracker.cli.tail:tail",
    "sync": "speech_tracker.cli.sync:sync",
    "doctor": "speech_tracker.cli.doctor:doctor",
    "reindex": "speech_tracker.cli.reindex:reindex",
    "score": "speech_tracker.cli.score:score",
    "significance": "speech_tracker.cli.significance:significance",
    "verify-scoring": "speech_tracker.cli.verify_scoring:verify_scoring",
    "ingest": "speech_tracker.cli.ingest:ingest",
    "run": "speech_tracker.cli.run:run",
}
"""Verb → `module:attribute`, the attribute being a function or a `typer.Typer` of sub-verbs."""


def _load(verb: str, target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    found: Any = getattr(importlib.import_module(module_name), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name=verb, cls=QuickCommand, context_settings=getattr(found, "context_settings", None))(found)
        found = single
    command = typer.main.get_command(found)
    command.name = verb
    return command


class _LazyVerbs(QuickGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        return [*VERBS]  # not `list`: importing the verb of that name puts its module here

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the base class's signature
        target = VERBS.get(cmd_name)
        return None if target is None else _load(cmd_name, target)

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (
            BrokenPipeError
        ) as error:  # `list | head`: the reader went away, which is no error; typer would exit with 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        return result


app = typer.Typer(
    cls=_LazyVerbs,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _speech_tracker() -> None:
    """Record, compare and score speech experiments: locally, at once, and in Weights & Biases."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Exit codes: 0 done, 1 a finding (invalid data, nothing usable, a regression), 2 wrong use or bad input, with one
    message on stderr and never a traceback, 130 interrupted.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="speech-tracker", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except SpeechTrackerError as error:
        typer.echo(f"error: {error}", err=True)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(
            f"error: {where}{error.strerror or error}; correct the path, or make it readable and writable", err=True
        )
        return 2
    except Exception as error:
        # typer carries its own copy of click, whose exceptions have no public name: they are known by `show`
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return 2
    return code if isinstance(code, int) else 0


def main_and_exit() -> None:
    """Entry point of the `speech-tracker` command."""
    sys.exit(main())
