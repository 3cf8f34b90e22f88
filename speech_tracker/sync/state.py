"""What W&B has of a run: the file ``wandb.json`` of the run's folder. No credential is ever in it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from speech_tracker.encoding import decode, encode, tag
from speech_tracker.paths import write_atomically
from speech_tracker.sync.order import Slice

VERSION = 1


@dataclass(slots=True)
class Folder:
    """The W&B folder that was made of a run for a later ``wandb sync``.

    Attributes:
        path: where it lies.
        complete: whether everything of `position` is in it; an incomplete one is a leftover.
        position: bytes of each segment that are in it.
        rows, artifacts: how much is in it.
    """

    path: str
    complete: bool = False
    position: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    artifacts: int = 0


@dataclass(slots=True)
class State:
    """What is known of a run's copy in W&B.

    Attributes:
        run, entity, project: W&B's names of it.
        base_url: the server.
        url: the run's page.
        mode: how it was sent last: ``online``, ``offline`` or ``joined``.
        connected: whether a session is open (trust it only while the process that wrote it lives).
        finished: whether the run's end was sent, after everything before it.
        status: the status that was sent.
        slices: the order of what was read (`order`).
        rows: rows that were handed to W&B's client. The server may have fewer: it is asked when a session opens.
        confirmed_rows: rows that a session that ended well had sent.
        truncate: the first row that a rewind superseded after it was sent; W&B is to forget it and those after it.
        rewinds: places of the rewinds that the rows respect.
        keeps_superseded: whether the server cannot take rows back, so that rewinds change nothing there.
        no_rewind: whether the server refused to rewind, so that the history is overwritten instead.
        offset: rows of somebody else's that W&B's run had before ours.
        rules: version of the projection that the rows were made by.
        done: identities of artifacts and alerts that W&B has.
        refused: identity to reason, of those that the server does not take.
        skipped: kind to number of records that cannot be sent.
        pending: what was left when the last session ended: ``{"records", "rows", "artifacts"}``.
        last_error: ``{"time", "kind", "what"}`` of the last attempt, None when it went well.
        service: process of W&B's own service, while a session is open.
        folder: the W&B folder for ``wandb sync``, None when none was made.
        unfinished_folder: one that is being made, or was when the process that made it was killed.
        updated_at: seconds since the epoch.
        version: of this file's format.
    """

    run: str
    project: str | None = None
    entity: str | None = None
    base_url: str | None = None
    url: str | None = None
    mode: str | None = None
    connected: bool = False
    finished: bool = False
    status: str | None = None
    slices: list[Slice] = field(default_factory=list)
    rows: int = 0
    confirmed_rows: int = 0
    truncate: int | None = None
    rewinds: list[str] = field(default_factory=list)
    keeps_superseded: bool = False
    no_rewind: bool = False
    offset: int = 0
    rules: int = 0
    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    last_error: dict[str, Any] | None = None
    service: dict[str, Any] | None = None
    folder: Folder | None = None
    unfinished_folder: str | None = None
    updated_at: float | None = None
    version: int = VERSION

    def save(self, run_folder: Path) -> None:
        """Write the file, atomically.

        Raises:
            OSError: it cannot be written.
        """
        self.updated_at = time.time()
        content = asdict(self)
        content["position"] = {name: end for name, _, end in self.slices}
        write_atomically(state_file(run_folder), encode(tag(content)) + b"\n")

    def failed(self, kind: str, what: str) -> None:
        """Take note of why an attempt failed."""
        self.connected = False
        self.service = None
        self.last_error = {"time": time.time(), "kind": kind, "what": what[:1000]}

    def forget_server(self) -> None:
        """Begin again: the run is to be sent to another server than before."""
        fresh = State(self.run, folder=self.folder, unfinished_folder=self.unfinished_folder)
        for each in fields(State):
            setattr(self, each.name, getattr(fresh, each.name))


def state_file(run_folder: Path) -> Path:
    """Return the path of a run's state."""
    return run_folder / "wandb.json"


def load_state(run_folder: Path) -> State:
    """Return what `run_folder` says; a fresh state when it says nothing, or nothing that can be read."""
    try:
        content = decode(state_file(run_folder).read_bytes())
        known = {each.name for each in fields(State)}
        values = {key: value for key, value in content.items() if key in known}
        values["slices"] = [(str(name), int(begin), int(end)) for name, begin, end in values.get("slices", ())]
        values["folder"] = Folder(**values["folder"]) if values.get("folder") else None
        return State(**values)
    except FileNotFoundError:
        pass
    except (ValueError, TypeError, AttributeError):  # damaged: W&B itself is asked how far it got
        pass
    return State(run_folder.name)
