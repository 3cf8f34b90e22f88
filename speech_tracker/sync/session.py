"""What a session with W&B is: the place where calls go. `client` has the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from speech_tracker.errors import SyncError
from speech_tracker.sync.calls import Alert, Define, Describe, Publish

Beat = Callable[[], None]
"""Called again and again while something lasts, by whoever waits; what it raises ends the waiting."""


class UnavailableError(SyncError):
    """W&B cannot be reached, or the session broke: trying again may help."""


class RefusedError(SyncError):
    """W&B said no (no login, no permission, a deleted run): trying again as before will not help."""


class UnsupportedError(SyncError):
    """The server does not know what was asked of it, for this thing or ever."""


@dataclass(frozen=True, slots=True)
class Target:
    """The W&B run that a session is for.

    Attributes:
        run: its id.
        project, entity, name, group, job_type, notes, tags: as in W&B; None leaves it to W&B's own settings.
        began: when it began, in seconds since the epoch.
        environment: what the journal says of the machine and the program.
        process: the living process whose system metrics are W&B's to show, None for a run of the past.
    """

    run: str
    project: str | None = None
    entity: str | None = None
    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    began: float | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    process: int | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How a session is opened.

    Attributes:
        mode: ``online``, or ``offline`` for a folder.
        begin: ``append`` goes on behind what the server has; ``rewind`` lets it forget the rows from `step` on;
            ``overwrite`` begins its history again.
        step: the first ``_step`` to be forgotten by ``rewind``.
        ends: whether the end of the session is the end of the run.
        timeout: seconds to wait for the server.
        patience: seconds without any progress at the end of the session after which it is given up.
        folder: where W&B's own folder goes, None for where its settings say.
    """

    mode: Literal["online", "offline"]
    begin: Literal["append", "rewind", "overwrite"] = "append"
    step: int = 0
    ends: bool = True
    timeout: float = 30.0
    patience: float = 180.0
    folder: Path | None = None


class Session(Protocol):
    """An open session. Every method raises `UnavailableError` when the session broke."""

    resumed: bool  # whether the server knew the run, and said how far it is
    next_step: int  # the `_step` of the next row, as the server said
    ours: bool  # whether what the server had was sent from a journal

    def about(self) -> dict[str, Any]:
        """Return what is to be remembered of the session: entity, project, url, base_url, service, folder."""

    def describe(self, call: Describe) -> None:
        """Set name, notes and tags."""

    def configure(self, values: Mapping[str, Any]) -> None:
        """Set keys of the configuration."""

    def define(self, call: Define) -> None:
        """Say how a metric is drawn."""

    def row(self, values: Mapping[str, Any], time: float, step: int) -> None:
        """Add a row to the history."""

    def media_again(self, values: Mapping[str, Any], step: int) -> None:
        """Send the files of a row again that the server has; an earlier session broke before it was done with them."""

    def summarize(self, values: Mapping[str, Any]) -> None:
        """Set keys of the summary."""

    def publish(self, call: Publish, beat: Beat) -> None:
        """Send a version of an artifact; return when the server has it.

        Raises:
            UnsupportedError: the server, or the file, does not allow it.
        """

    def alert(self, call: Alert) -> None:
        """Send a message for people."""

    def preempting(self) -> None:
        """Say that the job will be stopped and come back."""

    def check(self) -> None:
        """Raise `UnavailableError` when the session is broken in a way that nothing else tells."""

    def close(self, exit_code: int, beat: Beat) -> None:
        """Send what is left and end the session; return when the server has everything."""

    def abandon(self) -> None:
        """End the session at once, whatever it still has to do."""

    def notes(self) -> dict[str, int]:
        """Return what could not be sent as it was meant, with how often."""
