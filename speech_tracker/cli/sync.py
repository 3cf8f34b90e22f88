"""`speech-tracker sync`: bring runs to W&B."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from speech_tracker.cli.store import JsonOption, StoreOption, chosen_store, find

if TYPE_CHECKING:
    from speech_tracker.sync.command import Outcome


def sync(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN...]", help="Ids, beginnings of ids, names, or latest.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run of the store.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends, or Ctrl-C.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    mode: Annotated[
        Literal["online", "offline"] | None,
        typer.Option(help="Send, or make a folder for `wandb sync` [default: $WANDB_MODE, else online].",
                     show_default=False),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1.0, help="How long W&B may take to answer.")] = 30.0,
    json: JsonOption = False,
    store: StoreOption = None,
) -> None:  # fmt: skip
    """Bring runs to W&B: what a dead or offline process left, each thing once. Doing it again changes nothing."""
    from speech_tracker.cli.output import note, write, write_json
    from speech_tracker.sync.command import all_runs, chosen_mode, sync_runs

    if bool(runs) == every:
        note("error: say which runs: RUN..., or --all for every run of the store")
        raise typer.Exit(2)
    folders = all_runs(chosen_store(store)) if every else list(dict.fromkeys(find(store, run) for run in runs or ()))

    def tell(outcome: Outcome) -> None:
        if outcome.error is not None:
            note(f"error: run {outcome.run} could not be sent: {outcome.error}{_left(outcome)}")
        elif not json:
            write(_line(outcome))

    outcomes = sync_runs(folders, mode=chosen_mode(mode), follow=follow, dry_run=dry_run, timeout=timeout, tell=tell)
    if json:
        write_json([asdict(outcome) for outcome in outcomes])
    raise typer.Exit(1 if any(outcome.error is not None for outcome in outcomes) else 0)


def _line(outcome: Outcome) -> str:
    what = f"{outcome.rows} rows, {outcome.artifacts} artifacts"
    where = outcome.folder if outcome.mode == "offline" else outcome.url
    said = {
        "sent": f"sent {what} to {where}"
        if outcome.mode == "online"
        else f"{what} in {where}; send it with: wandb sync {where}",
        "nothing": f"nothing to send, it is in {where}",
        "busy": f"is being sent by {outcome.owner}",
        "planned": f"would send {what}, {outcome.pending.get('records', 0)} records in all",
    }[outcome.action]
    refused = "".join(f"\n  not taken: {reason}" for reason in outcome.refused)
    skipped = "".join(f"\n  not sent: {number} of {kind}" for kind, number in sorted(outcome.skipped.items()))
    return f"{outcome.run}  {said}{refused}{skipped}"


def _left(outcome: Outcome) -> str:
    records = outcome.pending.get("records")
    left = f"; {records} records are still to be sent" if records else ""
    return f"{left}; nothing is lost, try again with: speech-tracker sync {outcome.run}"
