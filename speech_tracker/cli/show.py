"""`speech-tracker show RUN`: everything that is known of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_tracker.cli.store import JsonOption, RunArgument, StoreOption, find

if TYPE_CHECKING:
    from pathlib import Path

    from speech_tracker.view import RunView


def show(
    run: RunArgument = "latest",
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Show every metric, setting, checkpoint and event, not the main ones.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Show a run: how it went, what came out of it, where everything lies, and what to do next."""
    folder = find(store, run)
    if json:
        from speech_tracker.cli.output import write_json
        from speech_tracker.view import RunView

        write_json(to_dict(RunView.read(folder)))
        return
    print_run(folder, everything=everything)


def print_run(folder: Path, *, everything: bool = False) -> None:
    """Print the page of the run in `folder`.

    Args:
        folder: the run's folder.
        everything: leave nothing out.

    Raises:
        RunNotFoundError: it is not the folder of a run.
        JournalVersionError: it was written in a newer format.
    """
    from speech_tracker.cli.document import print_page
    from speech_tracker.cli.overview import overview
    from speech_tracker.view import RunView

    print_page(overview(RunView.read(folder), everything=everything))


def to_dict(view: RunView) -> dict[str, Any]:
    """Return a run as ``show --json`` gives it: times called ``…_at`` in ISO 8601 and UTC, ``time`` in seconds."""
    from speech_tracker.cli.moments import utc
    from speech_tracker.cli.wandb_state import wandb_state

    identity = dict(view.identity)
    experiment_folder = identity.pop("folder", None)
    return {
        **identity,
        "status": view.status,
        "status_reason": view.status_reason,
        "created_at": utc(view.created_at),
        "updated_at": utc(view.updated_at),
        "folder": str(view.folder),
        "experiment_folder": experiment_folder,
        "config": view.config,
        "speech": view.speech,
        "environment": view.environment,
        "metrics": view.metrics,
        "evaluations": view.evaluations,
        "checkpoints": view.checkpoints,
        "datasets": view.datasets,
        "artifacts": _records(view, "artifact"),
        "media": _records(view, "figure", "audio", "table"),
        "values": {record.data["name"]: record.data["value"] for record in view.records("json")},
        "links": view.links,
        "events": view.events,
        "alerts": _records(view, "alert"),
        "segments": view.segments(),
        "problems": view.problems,
        "wandb": wandb_state(view),
    }


def _records(view: RunView, *kinds: str) -> list[dict[str, Any]]:
    return [{"kind": record.kind, **record.data, "time": record.time} for record in view.records(*kinds)]
