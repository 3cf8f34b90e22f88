"""``speech-tracker sync``: bring runs to W&B that no living process brings there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from speech_tracker.errors import JournalVersionError
from speech_tracker.sync.deliver import Plan, another_server
from speech_tracker.sync.ending import ending
from speech_tracker.sync.lock import sending
from speech_tracker.sync.order import Order
from speech_tracker.sync.outstanding import Outstanding, outstanding
from speech_tracker.sync.spawn import end, spawn
from speech_tracker.sync.state import State, load_state
from speech_tracker.sync.worker import Job


@dataclass(slots=True)
class Outcome:
    """What became of one run.

    Attributes:
        run: its id.
        action: ``sent``, ``nothing`` (W&B has it all), ``busy`` (a living process sends it), ``planned`` (a dry run), or
            ``failed``.
        mode: ``online`` or ``offline``.
        rows, artifacts: how much was sent, or would be.
        pending: what is left.
        url: the run's page.
        folder: the folder for ``wandb sync``.
        refused: artifacts that the server does not take, with the reason.
        skipped: kind to number of records that cannot be sent.
        error: why it failed.
        owner: who sends it, when busy.
    """

    run: str
    action: str
    mode: str
    rows: int = 0
    artifacts: int = 0
    pending: dict[str, int] = field(default_factory=dict)
    url: str | None = None
    folder: str | None = None
    refused: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    owner: str | None = None


def chosen_mode(given: str | None) -> str:
    """Return where runs go: as asked, else as ``SPEECH_TRACKER_MODE`` or ``WANDB_MODE`` say, else online."""
    for name in (given, os.environ.get("SPEECH_TRACKER_MODE"), os.environ.get("WANDB_MODE")):
        if name in ("online", "offline"):
            return name
        if name in ("dryrun", "run"):  # W&B's older words
            return "offline" if name == "dryrun" else "online"
    return "online"


def all_runs(store: Path) -> list[Path]:
    """Return the folders of all runs of a store, by id."""
    runs = store / "runs"
    return sorted(each.parent for each in runs.glob("*/segments")) if runs.is_dir() else []


def sync_runs(
    folders: Sequence[Path],
    *,
    mode: str,
    follow: bool = False,
    dry_run: bool = False,
    timeout: float = 30.0,
    tell: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Bring runs to W&B and return what became of each.

    Args:
        folders: the runs' folders.
        mode: ``online``, or ``offline`` to make a folder for ``wandb sync``.
        follow: go on until each run has ended.
        dry_run: only say what would be sent.
        timeout: seconds to wait for the server to answer.
        tell: called with each outcome as soon as it is known.

    Raises:
        RunNotFoundError: one of them is no run's folder.
        JournalVersionError: the only one was written by a newer version; of several, the others are sent all the same.
    """
    plan = Plan(mode, follow=follow and mode == "online", timeout=timeout)
    outcomes: list[Outcome] = []
    work: list[Path] = []

    def known(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if tell is not None:
            tell(outcome)

    for folder in folders:
        try:
            outcome = _without_work(folder, plan, dry_run=dry_run)
        except JournalVersionError as error:
            if len(folders) == 1:
                raise
            outcome = Outcome(folder.name, "failed", mode, error=str(error))
        if outcome is None:
            work.append(folder)
        else:
            known(outcome)
    if work:
        _send(work, plan, known)
    return outcomes


def _without_work(folder: Path, plan: Plan, *, dry_run: bool) -> Outcome | None:
    """Return what becomes of a run for which nothing is to be sent, None when something is."""
    state = load_state(folder)
    if plan.mode == "online" and another_server(state):
        state.forget_server()
    left = _left(folder, state, plan)
    about: dict[str, Any] = {
        "run": folder.name, "mode": plan.mode, "url": state.url,
        "refused": list(state.refused.values()) if plan.mode == "online" else [],
        "folder": None if state.folder is None else state.folder.path, "skipped": state.skipped,
    }  # fmt: skip
    if left is None:
        return Outcome(action="nothing", **about)
    owner = sending(folder)
    if owner is not None:
        who = f"process {owner.get('process')} on {owner.get('host')}"
        return Outcome(action="busy", owner=who, pending=left.to_dict(), **about)
    if dry_run:
        return Outcome(action="planned", rows=left.rows, artifacts=left.artifacts, pending=left.to_dict(), **about)
    return None


def _left(folder: Path, state: State, plan: Plan) -> Outstanding | None:
    """Return what is left to send, None when W&B (or the folder) has everything, the run's end included."""
    ended = ending(folder)
    if plan.mode == "offline":
        made = state.folder
        if made is not None and made.complete and Path(made.path).is_dir():
            unread = Order(folder, [(name, 0, size) for name, size in made.position.items()]).poll()
            if not unread and ended is not None:
                return None
        return outstanding(folder, State(state.run))
    left = outstanding(folder, state)
    told = state.finished and ended is not None and state.status == ended.status
    return None if told and not left and state.last_error is None else left


def _send(folders: list[Path], plan: Plan, known: Callable[[Outcome], None]) -> None:
    worker = spawn(Job(tuple(str(folder) for folder in folders), plan), output=subprocess.PIPE)
    waiting = {folder.name: folder for folder in folders}
    last_error = ""
    try:
        assert worker.stdout is not None
        for line in worker.stdout:
            try:
                said = orjson.loads(line)
            except ValueError:  # something that a library printed
                continue
            if said.get("run") in waiting:
                outcome = _outcome(said, plan.mode)
                last_error = outcome.error or ""
                known(outcome)
                del waiting[said["run"]]
        code = worker.wait()
    except BaseException:
        for folder in folders:
            end(worker, load_state(folder).service)
        raise
    finally:
        if worker.stdout is not None:
            worker.stdout.close()
    for name, folder in waiting.items():  # after a dead network no other run is tried
        why = "not tried, since W&B does not answer" if last_error else f"the process that sends ended with {code}"
        left = outstanding(folder, load_state(folder))
        known(Outcome(name, "failed", plan.mode, pending=left.to_dict(), error=why))


def _outcome(said: dict[str, Any], mode: str) -> Outcome:
    outcome = Outcome(said["run"], "sent", mode)
    for name in ("rows", "artifacts", "pending", "url", "folder", "refused", "skipped"):
        if said.get(name) is not None:
            setattr(outcome, name, said[name])
    if said.get("busy") is not None:
        outcome.action = "busy"
        outcome.owner = f"process {said['busy'].get('process')} on {said['busy'].get('host')}"
    if said.get("error") is not None:
        outcome.action, outcome.error = "failed", said["error"]["what"]
    return outcome
