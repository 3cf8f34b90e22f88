"""Bringing a run to W&B while it lives: what `speech_tracker.init` starts and `Run.finish` ends.

Online, a worker (`worker`) runs beside the training and follows the journal. Offline, nothing runs while the training
does: the W&B folder is made from the whole journal at the end. Where the training's process has a W&B run of its own,
that one is joined (`joined`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from pathlib import Path

from speech_tracker.journal.process import process_start
from speech_tracker.run import Forwarder
from speech_tracker.sync.deliver import Plan
from speech_tracker.sync.outstanding import outstanding
from speech_tracker.sync.spawn import end, spawn
from speech_tracker.sync.state import State, load_state
from speech_tracker.sync.worker import Job

logger = logging.getLogger("speech_tracker")

START_TIMEOUT = 30.0
"""Seconds that the worker waits for W&B to answer; the training waits for none of them."""

NICE = 5
"""How much the worker gives way to the training."""

_GOING = ("killed", "preempted")  # what is left of the process's time belongs to others: the worker is not ended for it


def start(run_folder: Path, *, mode: str) -> Forwarder:
    """Return what brings the run in `run_folder` to W&B; returns at once, whatever W&B does.

    Args:
        run_folder: the run's folder.
        mode: ``online`` or ``offline``.

    Raises:
        OSError: the worker cannot be started.
    """
    joined = _join(run_folder)
    if joined is not None:
        return joined
    return Beside(run_folder) if mode == "online" else AtTheEnd(run_folder)


def _join(run_folder: Path) -> Forwarder | None:
    import sys

    if getattr(sys.modules.get("wandb"), "run", None) is None:
        return None
    from speech_tracker.sync.joined import Joined, active_run

    run = active_run()
    return None if run is None else Joined(run_folder, run)


class Beside:
    """A worker that sends while the training runs."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._began = time.time()
        job = Job((str(run_folder),), Plan("online", follow=True, timeout=START_TIMEOUT), _this_process(), nice=NICE)
        self._worker = spawn(job)
        threading.Thread(target=self._warn, name="speech-tracker-wandb-start", daemon=True).start()

    @property
    def url(self) -> str | None:
        """Address of the run's page, None as long as W&B has not answered."""
        return load_state(self._folder).url

    def _warn(self) -> None:
        """Say once, if W&B does not answer when the run begins, that nothing is lost and what to do."""
        until = time.monotonic() + START_TIMEOUT + 15.0
        while time.monotonic() < until:
            time.sleep(0.5)
            state = load_state(self._folder)
            if (state.updated_at or 0.0) < self._began:
                continue
            if state.connected:
                return
            if state.last_error is not None:
                refused = state.last_error["kind"] == "refused"
                logger.warning(
                    "speech-tracker: the run is not in W&B (%s); it is recorded here, whole, and the training goes on. %s "
                    "Later: speech-tracker sync %s", state.last_error["what"],
                    "" if refused else "It is sent as soon as W&B answers.", self._folder.name,
                )  # fmt: skip
                return

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:  # noqa: ARG002 - the journal says it
        """Wait for the worker to send what is left, for at most `timeout` seconds."""
        try:
            self._worker.wait(timeout)
        except subprocess.TimeoutExpired:
            if status in _GOING:
                return f"the rest is on its way to W&B; should that be cut off: speech-tracker sync {self._folder.name}"
            end(self._worker, load_state(self._folder).service)
            state = load_state(self._folder)
            state.failed("timeout", f"W&B did not take everything in {timeout:.0f} s")
            return _left(self._folder, state)
        state = load_state(self._folder)
        if self._worker.returncode == 0 and state.finished:
            refused = (
                f" ({len(state.refused)} artifacts refused: {next(iter(state.refused.values()))})"
                if state.refused
                else ""
            )
            return f"everything is in W&B{refused}: {state.url}"
        return _left(self._folder, state)


class AtTheEnd:
    """Makes the W&B folder when the run ends."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._cwd = Path.cwd()  # where W&B's own folder belongs; the training may go elsewhere

    @property
    def url(self) -> str | None:
        """None: the run has no page yet, or had one when it was sent before."""
        return load_state(self._folder).url

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:
        """Make the folder in a process of its own, in at most `timeout` seconds."""
        joined = _join(self._folder)  # a logger that began after the run did
        if joined is not None:
            return joined.finish(status=status, exit_code=exit_code, timeout=timeout)
        cwd = self._cwd if self._cwd.is_dir() else None
        worker = spawn(Job((str(self._folder),), Plan("offline"), _this_process()), cwd=cwd)
        send = f"speech-tracker sync {self._folder.name}"
        try:
            worker.wait(timeout)
        except subprocess.TimeoutExpired:
            if status in _GOING:
                return f"the folder for W&B is being made; should that be cut off, send the run with: {send}"
            end(worker, load_state(self._folder).service)
            return f"there was no time to make the folder for W&B; send the run with: {send}"
        state = load_state(self._folder)
        if worker.returncode == 0 and state.folder is not None and state.folder.complete:
            return f"send it to W&B from where there is a network: wandb sync {state.folder.path} (or: {send})"
        why = (state.last_error or {}).get("what", f"the process that makes it ended with {worker.returncode}")
        return f"the folder for W&B could not be made ({why}); the record is whole, send it with: {send}"


def _left(folder: Path, state: State) -> str:
    why = (state.last_error or {}).get("what", "it was not reached")
    return f"W&B does not have everything ({why}): {outstanding(folder, state)} still to be sent, with: speech-tracker sync {folder.name}"


def _this_process() -> tuple[int, float]:
    return os.getpid(), process_start(os.getpid()) or 0.0
