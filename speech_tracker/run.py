"""The one core logger: what an adapter, a recipe or a notebook calls, and what becomes a record of the journal."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, cast

from speech_tracker import arguments, lifecycle
from speech_tracker.arguments import Mode, Status
from speech_tracker.encoding import tag
from speech_tracker.guard import shielded, swallowed
from speech_tracker.journal.writer import Sink
from speech_tracker.masking import mask_text
from speech_tracker.results import ResultRecorder

logger = logging.getLogger("speech_tracker")

FINISH_TIMEOUT = 30.0
"""Seconds that `Run.finish` waits for W&B; what is not sent by then is sent by ``speech-tracker sync``."""

SIGNAL_TIMEOUT = 3.0
"""The same when the process is being killed: schedulers leave little time between SIGTERM and SIGKILL."""


class Forwarder(Protocol):
    """What brings a run's journal to W&B while the run lives (`speech_tracker.sync.live`)."""

    @property
    def url(self) -> str | None:
        """Address of the run's page, None when there is none (yet)."""

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:
        """Send what is left, for at most `timeout` seconds; return a line for the user, "" when there is nothing."""


class Run(ResultRecorder):
    """One experiment run, made by `speech_tracker.init`.

    Every ``log_…`` method checks its arguments (a wrong one raises at the call), appends one record to the journal and
    returns: what was logged then survives a ``kill -9``. Nothing else raises: a full disk, a dead network or a broken
    W&B never reaches the caller.

    On ranks other than 0 every method but `log_rank_metrics` does nothing.

    Attributes:
        id: the run's id, the same in W&B.
        name: its name for people.
        project: the project it belongs to.
        task: the task's standard name (`speech_tracker.tasks.TASKS`), or None.
        folder: the run's folder in the store, None when nothing is recorded.
        mode: ``online``, ``offline``, ``local`` or ``disabled``.
        is_main: whether this process writes the run's history (rank 0).
    """

    def __init__(
        self,
        *,
        id: str,
        name: str,
        project: str,
        task: str | None,
        folder: Path | None,
        mode: Mode,
        sink: Sink,
        rank_sink: Sink,
        is_main: bool = True,
        resumed: bool = False,
    ) -> None:
        self.id = id
        self.name = name
        self.project = project
        self.task = task
        self.folder = folder
        self.mode = mode
        self.is_main = is_main
        self.resumed = resumed
        self._sink = sink
        self._rank_sink = rank_sink
        self._process = os.getpid()
        self._status: Status = "running"
        self._signal: str | None = None
        self._forwarder: Forwarder | None = None
        self._added_tags: list[str] = []

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.name!r} in {self.project!r}, {self._status}>"

    @property
    def status(self) -> Status:
        """The status as this process knows it: ``running`` until `finish`."""
        return self._status

    @property
    def url(self) -> str | None:
        """Address of the run's W&B page, None when it has none (yet)."""
        return self._forwarder.url if self._forwarder is not None else None

    def flush(self) -> None:
        """Put everything recorded so far on the disk itself, past the kernel's cache."""
        self._sink.sync()

    def finish(self, status: Status | None = None, *, reason: str | None = None, timeout: float | None = None) -> None:
        """End the run. A second call does nothing.

        Args:
            status: ``finished`` unless a signal asked the process to end; ``failed``, ``killed``, ``preempted``.
            reason: why, for people.
            timeout: seconds to wait for W&B, `FINISH_TIMEOUT` when None. The local record needs none.

        Raises:
            InvalidArgumentError: `status` is unknown, or ``running``.
        """
        if status is not None:
            arguments.one_of("status", status, arguments.STATUSES[1:])
        if self._status != "running":
            return
        if self._process != os.getpid():  # a handle in another process: it closes its own segment, the run goes on
            self._sink.close()
            self._rank_sink.close()
            return
        final = status or cast("Status", lifecycle.signalled() or "finished")
        self._end(final, _exit_code(final), reason, FINISH_TIMEOUT if timeout is None else timeout)

    def _end(self, status: Status, exit_code: int, reason: str | None, timeout: float) -> None:
        self._status = status
        lifecycle.forget(self)
        with shielded("recording the end of the run"):
            counts = swallowed()
            # the tags again, so that whoever lists runs need not search a long journal for them
            data = {"status": status, "exit_code": exit_code, "reason": mask_text(reason) if reason else None, "swallowed": counts or None,
                    "added_tags": self._added_tags}  # fmt: skip
            self._sink.append("status", tag({key: value for key, value in data.items() if value is not None}))
            self._sink.sync()
        said = ""
        if self._forwarder is not None:
            with shielded("sending the run to W&B"):
                said = self._forwarder.finish(status=status, exit_code=exit_code, timeout=timeout)
        with shielded("closing the journal"):
            self._sink.close()
            self._rank_sink.close()
        if self.is_main and self.mode != "disabled":
            say(f"run {self.id} {status}; see it with: speech-tracker show {self.id}" + (f"\n{said}" if said else ""))

    def signalled(self, status: str, name: str, *, fatal: bool) -> None:
        """Record a signal; when `fatal`, end the run, since the process dies next."""
        self._sink.append("event", {"name": "signal", "data": {"signal": name, "status": status}})
        self._sink.sync()
        if fatal:
            self._end(cast("Status", status), _exit_code(status), name, SIGNAL_TIMEOUT)

    def process_ends(self, status: str, exit_code: int) -> None:
        """End the run because the interpreter exits."""
        if self._status == "running" and self._process == os.getpid():
            self._end(cast("Status", status), exit_code, "the process ended", FINISH_TIMEOUT)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        status, reason = _status_of(error)
        self.finish(status, reason=reason)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        from speech_tracker.client import attached

        return attached, (self.id, self.name, self.project, self.task, self.folder, self.mode)


def _status_of(error: BaseException) -> tuple[Status | None, str]:
    # a handler of signals ends the program by `sys.exit`, with any code
    if isinstance(error, SystemExit) and (error.code in (None, 0) or lifecycle.signalled()):
        return None, "sys.exit"
    if isinstance(error, KeyboardInterrupt):
        return "killed", "KeyboardInterrupt"
    return "failed", f"{type(error).__name__}: {error}"[:500]


def _exit_code(status: str) -> int:
    return {"finished": 0, "failed": 1, "killed": 137, "preempted": 143}[status]


def say(message: str) -> None:
    """Print a line for people on stderr, unless SPEECH_TRACKER_SILENT or WANDB_SILENT asks for silence.

    A stderr that cannot be written (``2>&1 | head``, a connection that is gone, a signal in the middle of another line) is
    no reason to stop a training.
    """
    if os.environ.get("SPEECH_TRACKER_SILENT") or os.environ.get("WANDB_SILENT") in ("true", "1"):
        return
    with suppress(Exception):
        print(f"speech-tracker: {message}", file=sys.stderr, flush=True)
