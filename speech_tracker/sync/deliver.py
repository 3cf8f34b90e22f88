"""One attempt to bring a run to W&B: open a session, send what is to be sent, end it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from speech_tracker.errors import SyncError
from speech_tracker.sync.ending import Ending, ending, writing_process
from speech_tracker.sync.forward import Forward, Rewound
from speech_tracker.sync.server import Remote, ask
from speech_tracker.sync.session import Beat, Opening, RefusedError, Session, Target, UnavailableError
from speech_tracker.sync.state import Folder, State

OTHERS_EVERY = 30.0
"""Seconds between looks at the segments of other processes than the main one, growing with the run's age (`order`)."""

Open = Callable[[Target, Opening, Beat], Session]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        mode: ``online``, or ``offline`` for a W&B folder.
        follow: go on until the run ends.
        timeout: seconds to wait for the server when a session is opened; at its end, four times as long without any
            progress.
    """

    mode: str
    follow: bool = False
    timeout: float = 30.0


@dataclass(slots=True)
class Sent:
    """What one attempt sent."""

    rows: int = 0
    artifacts: int = 0
    ended: Ending | None = None
    notes: dict[str, int] = field(default_factory=dict)


def deliver(folder: Path, state: State, plan: Plan, open_session: Open, beat: Beat) -> Sent:
    """Bring the run in `folder` to W&B as far as possible; `state` says afterwards how far that was.

    Raises:
        UnavailableError, RefusedError: it was not possible.
        Rewound: rows must be taken back; call it again in a fresh process.
        OSError: the run's folder cannot be read or written.
    """
    return _online(folder, state, plan, open_session, beat) if plan.mode == "online" else _folder(
        folder, state, plan, open_session, beat
    )  # fmt: skip


# ---- online ---------------------------------------------------------------------------------------------------------


def _online(folder: Path, state: State, plan: Plan, open_session: Open, beat: Beat) -> Sent:
    if another_server(state):
        state.forget_server()
    forward = Forward(folder, state, beat=beat)
    forward.prepare()
    over = ending(folder)
    target = forward.target(process=writing_process(folder) if over is None else None)
    session = _session(forward, state, target, plan, open_session, beat, ends=over is not None or plan.follow)
    try:
        first = _first_row(session, state)
        _remember(folder, state, session)
        forward.begin(session, first=first, offset=state.offset)
        ended = _follow(folder, forward, session, beat) if plan.follow else _catch_up(folder, forward, session)
        forward.end()
        session.close(ended.exit_code if ended is not None else 0, beat)
    except BaseException:
        session.abandon()
        raise
    state.connected, state.service, state.last_error, state.truncate = False, None, None, None
    state.confirmed_rows = state.rows
    state.finished, state.status = ended is not None, ended.status if ended is not None else "running"
    state.skipped = {**forward.projection.skipped, **session.notes()}
    state.pending = {"records": 0, "rows": 0, "artifacts": 0}
    state.save(folder)
    return Sent(forward.sent_rows, forward.artifacts, ended, session.notes())


def another_server(state: State) -> bool:
    """Return whether the environment names another server than the one that the run was sent to."""
    named = os.environ.get("WANDB_BASE_URL", "").rstrip("/")
    return bool(named and state.base_url and named != state.base_url.rstrip("/"))


def _session(
    forward: Forward, state: State, target: Target, plan: Plan, open_session: Open, beat: Beat, *, ends: bool
) -> Session:
    """Open the session; one that takes rows back first where rows were superseded after they had been sent."""

    def opening(begin: Literal["append", "rewind", "overwrite"], step: int) -> Opening:
        return Opening("online", begin, step, ends=ends, timeout=plan.timeout, patience=4 * plan.timeout)

    if state.truncate is None:
        return open_session(target, opening("append", 0), beat)
    remote = ask(state.run, entity=target.entity, project=target.project, base_url=state.base_url)
    if remote is None:
        raise UnavailableError("W&B does not answer; rows that were superseded are to be taken back there first")
    if not remote.tells:
        forward.keep_superseded()
        return open_session(target, opening("append", 0), beat)
    step = state.truncate + state.offset
    if 0 < step < remote.rows and not state.no_rewind:
        try:
            return open_session(target, opening("rewind", step), beat)
        except (RefusedError, UnavailableError) as error:
            if "rewind" not in str(error) or state.offset:
                raise
            state.no_rewind = True
            state.save(forward.folder)
            raise Rewound from error  # W&B's service would not open the same run twice
    if remote.rows <= step:  # the server never got that far
        return open_session(target, opening("append", 0), beat)
    state.truncate = 0  # and stays so until all is sent: what was only partly overwritten is overwritten again
    return open_session(target, opening("overwrite", 0), beat)


def _first_row(session: Session, state: State) -> int:
    """Return the first row that W&B lacks."""
    if state.truncate == 0 and not session.resumed:
        state.rows = state.confirmed_rows = 0
        return 0
    if state.mode == "joined":  # what was handed to the user's own W&B run is W&B's; the rest goes behind it
        state.offset = _next_step(session, state) - state.rows
        return state.rows
    if session.resumed:
        if not state.rows and not session.ours:
            state.offset = session.next_step  # the run was somebody else's before; ours go behind it
        first = session.next_step - state.offset
        if state.truncate is not None:
            state.rows, state.truncate = min(first, state.truncate), None
            state.confirmed_rows = min(state.confirmed_rows, state.rows)
        return max(first, 0)
    remote = _ask(session, state)  # not every server tells a client that resumes
    if remote is None:
        return state.confirmed_rows
    return min(max(remote.rows - state.offset, 0), state.rows) if state.rows else remote.rows


def _next_step(session: Session, state: State) -> int:
    if session.resumed:
        return session.next_step
    remote = _ask(session, state)
    return state.rows if remote is None else remote.rows


def _ask(session: Session, state: State) -> Remote | None:
    about = session.about()
    return ask(state.run, entity=about.get("entity"), project=about.get("project"), base_url=about.get("base_url"))


def _remember(folder: Path, state: State, session: Session) -> None:
    about = session.about()
    state.entity, state.project, state.url = about["entity"], about["project"], about["url"]
    state.base_url, state.service = about["base_url"], about["service"]
    state.mode, state.connected, state.finished, state.last_error = "online", True, False, None
    state.save(folder)


def _catch_up(folder: Path, forward: Forward, session: Session) -> Ending | None:
    ended = ending(folder)
    while forward.advance():
        session.check()
    return ended


def _follow(folder: Path, forward: Forward, session: Session, beat: Beat) -> Ending:
    began = last_others = time.monotonic()
    while True:
        ended = ending(folder)
        started = time.monotonic()
        look = ended is not None or started - last_others > max(OTHERS_EVERY, 0.02 * (started - began))
        moved = forward.advance(others=look)
        if look and not moved:
            last_others = started
        session.check()
        beat()
        if moved and ended is not None:
            continue  # all speed at the end
        if ended is not None:
            return ended
        _pause(max(1.0, 3.0 * (time.monotonic() - started)), beat)  # while it runs, the processor is the training's


def _pause(seconds: float, beat: Beat) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(0.25, left))
        beat()


# ---- a folder for `wandb sync` --------------------------------------------------------------------------------------


def _folder(folder: Path, state: State, plan: Plan, open_session: Open, beat: Beat) -> Sent:
    ended = ending(folder)
    forward = Forward(folder, State(state.run, project=state.project, entity=state.entity), beat=beat, keep=False)
    forward.prepare()
    before = state.folder
    place = Path(before.path).parent.parent if before is not None and Path(before.path).is_dir() else None
    session = open_session(forward.target(process=None), Opening("offline", timeout=plan.timeout, folder=place), beat)
    try:
        made = Folder(str(session.about()["folder"]))
        state.unfinished_folder, state.service = made.path, session.about()["service"]
        state.save(folder)
        forward.begin(session, first=0)
        while forward.advance():
            session.check()
        forward.end()
        session.close(ended.exit_code if ended is not None else 0, beat)
    except BaseException:
        session.abandon()
        raise
    made.complete, made.position = True, forward.position
    made.rows, made.artifacts = forward.rows, forward.artifacts
    state.folder, state.unfinished_folder, state.service, state.last_error = made, None, None, None
    state.mode = state.mode if state.rows else "offline"
    if before is not None and before.path != made.path:
        remove_folder(Path(before.path), state.run)
    state.save(folder)
    return Sent(forward.rows, forward.artifacts, ended, session.notes())


def remove_folder(path: Path, run: str) -> None:
    """Remove a W&B folder that was made from a journal, and nothing that does not look like one of this run."""
    looks = path.name.startswith("offline-run-") and f"-{run}" in path.name and not path.is_symlink()
    if looks and (path / f"run-{run}.wandb").is_file():
        shutil.rmtree(path, ignore_errors=True)


__all__ = ["Open", "Plan", "Rewound", "Sent", "SyncError", "deliver", "remove_folder"]
