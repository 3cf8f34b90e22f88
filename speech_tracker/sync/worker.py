"""The process that talks to W&B: beside a living training, or for ``speech-tracker sync``.

A process of its own, because then nothing that wandb or its service does can reach the training: not a second of
importing, not a lock, not an exit hook, not a hang at exit. When W&B's client breaks (its service is killed or stopped),
this process replaces itself with a fresh one, which asks the server how far it is and goes on there.

Started by `spawn`; says on its standard output, in one line of JSON for each run, what it sent.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import orjson
import psutil

from speech_tracker.errors import MissingExtraError, SpeechTrackerError, SyncError
from speech_tracker.journal.process import process_start
from speech_tracker.sync.deliver import Plan, Sent, deliver, remove_folder
from speech_tracker.sync.ending import ending
from speech_tracker.sync.forward import Rewound
from speech_tracker.sync.lock import Busy, Lock
from speech_tracker.sync.outstanding import outstanding
from speech_tracker.sync.session import RefusedError
from speech_tracker.sync.state import State, load_state

STALLED = 60.0
"""Seconds in one call of wandb's after which it is taken for stuck."""

AFTER_PARENT = 30.0
"""Seconds to finish in when the training's process is gone: nothing of ours keeps a cluster's node busy for longer."""

ATTEMPTS = 3
"""Attempts of ``speech-tracker sync`` when a session breaks after it had been opened."""

LAST_TIMEOUT = 10.0
"""Seconds for W&B to answer the last attempt of a run that has ended and had not reached it before."""

SLOWEST = 300.0
"""Longest pause in seconds between two attempts beside a living training."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do.

    Attributes:
        folders: the runs' folders.
        plan: how.
        parent: (process, start) of the training that this worker serves, None for ``speech-tracker sync``.
        attempt: attempts so far at the first of `folders`.
        nice: how much to give way to other processes.
    """

    folders: tuple[str, ...]
    plan: Plan
    parent: tuple[int, float] | None = None
    attempt: int = 0
    nice: int = 0

    def encode(self) -> str:
        """Return the job as an argument of a command line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def decode(cls, text: str) -> Job:
        """Return what `encode` was given."""
        content = orjson.loads(text)
        parent = content["parent"]
        return cls(
            tuple(content["folders"]), Plan(**content["plan"]), None if parent is None else (parent[0], parent[1]),
            content["attempt"], content["nice"],
        )  # fmt: skip


class Worker:
    """Does a `Job`."""

    def __init__(self, job: Job, start: Callable[[Job], list[str]]) -> None:
        self.job = job
        self._start = start
        self._lock: Lock | None = None
        self._last_beat = time.monotonic()
        self._deadline: float | None = None
        self._failed = False
        self._unreachable = False

    def run(self) -> int:
        """Do the job and return the exit code: 0 when everything was sent, 1 when something was not."""
        if self.job.nice:
            with suppress(OSError):
                os.nice(self.job.nice)
        threading.Thread(target=self._watch, name="speech-tracker-watch", daemon=True).start()
        for index, folder in enumerate(self.job.folders):
            if index:
                self.job = replace(self.job, folders=self.job.folders[index:], attempt=0)
            self._one(Path(folder))
            if self._unreachable:
                break
        return 1 if self._failed else 0

    # ---- one run ------------------------------------------------------------------------------------------------

    def _one(self, folder: Path) -> None:
        lock = Lock(folder)
        try:
            lock.acquire(wait=2 * AFTER_PARENT if self.job.parent is not None else 5.0)
        except Busy as busy:
            self._say(folder, busy=busy.owner)
            return
        except OSError as error:
            self._failed = True
            self._say(folder, error={"kind": "store", "what": f"{folder} cannot be written: {error.strerror or error}"})
            return
        self._lock = lock
        try:
            self._attempt(folder)
        finally:
            lock.release()
            self._lock = None

    def _attempt(self, folder: Path) -> None:
        state = load_state(folder)
        _end_leftovers(state)
        state.connected = False  # of an earlier worker, which is gone
        began = time.monotonic()
        try:
            # imported here: this import is what makes the process heavy, and refusing needs none of it
            from speech_tracker.sync.client import open_session

            sent = deliver(folder, state, self._plan(folder), open_session, self._beat)
        except Rewound:
            self._again(self.job.attempt)
        except (RefusedError, MissingExtraError) as error:
            self._give_up(folder, state, "refused", str(error))
        except (SyncError, OSError) as error:
            lasted = time.monotonic() - began > 60.0  # a session that worked for a while counts as a fresh start
            broke = state.connected
            state.failed("unavailable", str(error))
            self._retry(folder, state, 1 if lasted else self.job.attempt + 1, broke=broke)
        except SpeechTrackerError as error:  # a journal of a newer version
            self._give_up(folder, state, "journal", str(error))
        except Exception as error:  # noqa: BLE001 - whatever wandb raises: it is tried again, and then told
            state.failed("unavailable", f"{type(error).__name__}: {error}")
            self._retry(folder, state, self.job.attempt + 1, broke=True)
        else:
            self._say(folder, state=state, sent=sent)

    def _plan(self, folder: Path) -> Plan:
        if self.job.parent is not None and self.job.attempt and ending(folder) is not None:
            return replace(self.job.plan, timeout=min(self.job.plan.timeout, LAST_TIMEOUT))
        return self.job.plan

    def _retry(self, folder: Path, state: State, attempt: int, *, broke: bool) -> None:
        """Try again in a fresh process, or give up."""
        state.pending = outstanding(folder, state).to_dict()
        with suppress(OSError):
            state.save(folder)
        over = ending(folder) is not None
        # a run that has ended, or that nobody waits for, gets another try only when a session broke that had worked
        if (over or self.job.parent is None) and not (broke and attempt < ATTEMPTS):
            error = state.last_error or {}
            state.connected = broke
            self._give_up(folder, state, str(error.get("kind")), str(error.get("what")))
            return
        self._wait(folder, min(2.0 ** min(attempt - 1, 10), SLOWEST) if self.job.parent is not None else 1.0)
        self._again(attempt)

    def _wait(self, folder: Path, seconds: float) -> None:
        """Wait, but not longer than until the run ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.5)
            self._beat()
            if self.job.parent is not None and ending(folder) is not None:
                return

    def _again(self, attempt: int) -> NoReturn:
        self._beat()
        end_services()
        sys.stdout.flush()
        job = replace(self.job, attempt=attempt)
        command = self._start(job)
        os.execv(command[0], command)

    def _give_up(self, folder: Path, state: State, kind: str, what: str) -> None:
        self._failed = True
        self._unreachable = kind == "unavailable" and not state.connected
        state.failed(kind, what)
        with suppress(SpeechTrackerError):  # a journal that cannot be read cannot be counted either
            state.pending = outstanding(folder, state).to_dict()
        if state.unfinished_folder:
            remove_folder(Path(state.unfinished_folder), state.run)
            state.unfinished_folder = None
        with suppress(OSError):
            state.save(folder)
        self._say(folder, state=state, error=state.last_error)

    def _say(self, folder: Path, *, state: State | None = None, sent: Sent | None = None, **more: Any) -> None:
        line: dict[str, Any] = {"run": folder.name, **more}
        if sent is not None:
            ended = None if sent.ended is None else sent.ended.status
            line.update(rows=sent.rows, artifacts=sent.artifacts, ended=ended, notes=sent.notes)
        if state is not None:
            line.update(url=state.url, pending=state.pending, refused=list(state.refused.values()) if self.job.plan.mode == "online" else [], skipped=state.skipped,
                        folder=None if state.folder is None else state.folder.path)  # fmt: skip
        with suppress(OSError, ValueError):
            print(orjson.dumps(line).decode(), flush=True)

    # ---- not for ever -------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        self._last_beat = time.monotonic()

    def _watch(self) -> None:
        """Run beside the work: show that we live, and end what hangs."""
        last_touch = 0.0
        while True:
            time.sleep(0.5)
            now = time.monotonic()
            if self._lock is not None and now - last_touch > 30.0:
                last_touch = now
                self._lock.beat()
            if self._deadline is None and self._orphaned():
                self._deadline = now + AFTER_PARENT
            if self._deadline is not None and now > self._deadline:
                self._stop("the training's process is gone, and W&B did not take the rest in time")
            if now - self._last_beat > STALLED:
                self._last_beat = now
                end_services()
                if self.job.attempt + 1 >= ATTEMPTS and self.job.parent is None:
                    self._stop("W&B's client hangs")
                self._again(self.job.attempt + 1)

    def _orphaned(self) -> bool:
        return self.job.parent is not None and process_start(self.job.parent[0]) != self.job.parent[1]

    def _stop(self, why: str) -> NoReturn:
        end_services()
        folder = Path(self.job.folders[0])
        with suppress(Exception):
            state = load_state(folder)
            state.failed("unavailable", why)
            state.pending = outstanding(folder, state).to_dict()
            state.save(folder)
            self._say(folder, state=state, error=state.last_error)
        if self._lock is not None:
            self._lock.release()
        os._exit(1)


def end_services() -> None:
    """End W&B's service processes that are children of this one."""
    with suppress(psutil.Error):
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if "wandb-core" in child.name():
                    child.kill()
                    child.wait(5)


def _end_leftovers(state: State) -> None:
    """End W&B's service of an earlier worker that was killed: it would send beside us."""
    if state.unfinished_folder:
        remove_folder(Path(state.unfinished_folder), state.run)
        state.unfinished_folder = None
    service = state.service
    state.service = None
    if not service or service.get("host") != os.uname().nodename:
        return
    with suppress(psutil.Error, KeyError):
        process = psutil.Process(service["process"])
        if "wandb-core" in process.name() and process_start(process.pid) == service.get("started"):
            process.kill()
            process.wait(5)
