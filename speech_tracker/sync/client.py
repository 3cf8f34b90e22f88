"""The real W&B: the only module that imports wandb. It runs in a process of its own, except for `JoinedSession`.

What it relies on was tried with wandb 0.31 and the core service that comes with it:

- ``log(…, step=k)`` with rising `k` gives row ``_step`` k; nothing else of ours ever passes a step.
- A resumed run knows from the server where it goes on (``starting_step``); that is how rows are sent exactly once.
- The service keeps a second copy of everything on disk for ``wandb sync``. Online we switch that off: the journal is it,
  and a full disk under WANDB_DIR then costs nothing.
- After a fatal answer (401, 403, 404, 409, 410, 413, 422, 501) the service stops sending and ``finish`` returns as if
  all were well. The only trace is its log, which is therefore read.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

from speech_tracker.journal.process import process_start
from speech_tracker.optional import require
from speech_tracker.sync.calls import Alert, Define, Describe, Publish
from speech_tracker.sync.media import has_media, metadata_for, values_for
from speech_tracker.sync.session import (
    Beat,
    Opening,
    RefusedError,
    Target,
    UnavailableError,
    UnsupportedError,
)

T = TypeVar("T")

ARTIFACT_TIMEOUT = 3600.0
"""Seconds for one artifact; a whole model may be uploaded."""

_STEERING = ("WANDB_SERVICE", "WANDB_RESUME", "WANDB_RUN_ID", "WANDB_NAME", "WANDB_NOTES", "WANDB_TAGS", "WANDB_MODE")
_FATAL = b"filestream: fatal error"
_PROGRESS = b"filestream: request sent"
_LOG_PIECE = 1024 * 1024


class WandbSession:
    """A session of our own, online or into a folder; made by `open_session`."""

    def __init__(self, wandb: Any, run: Any, opening: Opening) -> None:
        self._wandb = wandb
        self._run = run
        self._opening = opening
        self._online = opening.mode == "online"
        self._notes: Counter[str] = Counter()
        self._log = Path(run.settings.log_internal)
        self._log_read = 0
        self._fatal = ""
        self._progress = 0
        self._service = _service_process()
        self.resumed = bool(run.resumed) or opening.begin == "rewind"
        self.next_step = int(run.starting_step)
        self.ours = "speech_tracker" in run.config.keys()  # noqa: SIM118 - W&B's config is no mapping
        if not self._online and "WANDB_DATA_DIR" not in os.environ:
            # files of artifacts that were made here go into the folder, so that it is complete by itself
            os.environ["WANDB_DATA_DIR"] = run.settings.sync_dir
            self._own_data_dir = True
        else:
            self._own_data_dir = False

    def about(self) -> dict[str, Any]:
        """Return what is to be remembered of the session: entity, project, url, base_url, service, folder."""
        run = self._run
        service = _service_facts(self._service)
        if not self._online:
            return {"project": run.project, "folder": str(run.settings.sync_dir), "service": service}
        return {"entity": run.entity, "project": run.project, "url": run.url, "service": service,
                "base_url": run.settings.base_url}  # fmt: skip

    def describe(self, call: Describe) -> None:
        """Set name, notes and tags."""
        if call.name and call.name != self._run.name:
            self._run.name = call.name
        if call.notes and call.notes != self._run.notes:
            self._run.notes = call.notes
        if set(call.tags) - set(self._run.tags or ()):
            self._run.tags = tuple(dict.fromkeys([*(self._run.tags or ()), *call.tags]))

    def configure(self, values: Mapping[str, Any]) -> None:
        """Set keys of the configuration."""
        self._run.config.update(dict(values), allow_val_change=True)

    def define(self, call: Define) -> None:
        """Say how a metric is drawn."""
        self._run.define_metric(call.key, step_metric=call.axis, step_sync=False, summary=call.summary)

    def row(self, values: Mapping[str, Any], time: float, step: int) -> None:
        """Add a row to the history."""
        made = values_for(self._wandb, values, self._notes) if has_media(values) else dict(values)
        made["_timestamp"] = time
        self._run.log(made, step=step, commit=True)

    def media_again(self, values: Mapping[str, Any], step: int) -> None:
        """Send the files of a row again, under the names that the row gives."""
        for key, medium in values_for(self._wandb, values, Counter()).items():
            if hasattr(medium, "bind_to_run"):
                medium.bind_to_run(self._run, key, step)

    def summarize(self, values: Mapping[str, Any]) -> None:
        """Set keys of the summary."""
        self._run.summary.update(values_for(self._wandb, values, self._notes))

    def publish(self, call: Publish, beat: Beat) -> None:
        """Send a version of an artifact; return when the server has it (offline: when the folder has it)."""
        artifact = self._artifact(call)
        if not self._online:
            self._run.log_artifact(artifact, aliases=list(call.aliases) or None)
            return
        try:
            if call.consumed:
                bounded(lambda: self._run.use_artifact(artifact, aliases=list(call.aliases)), ARTIFACT_TIMEOUT, beat)
            else:
                logged = self._run.log_artifact(artifact, aliases=list(call.aliases) or None)
                bounded(logged.wait, ARTIFACT_TIMEOUT, beat)
        except self._wandb.errors.Error:
            raise
        except ValueError as error:  # how the client passes on what the service or the server says
            self.check()
            said = str(error).strip()
            if said == "unexpected artifact state":
                raise UnsupportedError("this server does not take artifacts") from error
            raise UnsupportedError(said) from error
        except Exception as error:
            # the artifact was taken, and the client's question about it afterwards was not understood (openwandb)
            if type(error).__name__ != "WandbApiFailedError":
                raise
            self.check()

    def _artifact(self, call: Publish) -> Any:
        artifact = self._wandb.Artifact(call.name, type=call.type, metadata=metadata_for(call.metadata))
        for name, content in call.texts:
            with artifact.new_file(name) as file:
                file.write(content)
        for path, name in call.references:
            if Path(path).is_file():  # a folder could be a whole corpus: it is named in the facts, not walked
                artifact.add_reference(Path(path).absolute().as_uri(), name=name, checksum=False)
        for path, name in call.uploads:
            # a copy is made of what may change while it is sent, or, offline, before it is
            policy = "immutable" if call.type in ("model", "evaluation") and self._online else "mutable"
            if Path(path).is_dir():
                artifact.add_dir(path, name=name, skip_cache=True, policy=policy)
            elif Path(path).is_file():
                artifact.add_file(path, name=name, skip_cache=True, policy=policy)
            elif not call.texts:
                raise UnsupportedError(f"{path} is not there any more")
        return artifact

    def alert(self, call: Alert) -> None:
        """Send a message for people."""
        level = {"info": "INFO", "warn": "WARN", "error": "ERROR"}.get(call.level, "INFO")
        self._run.alert(call.title[:63], call.text or call.title, level=level, wait_duration=0)

    def preempting(self) -> None:
        """Say that the job will be stopped and come back."""
        self._run.mark_preempting()

    def check(self) -> None:
        """Raise when W&B's service is gone, stopped, or has given up."""
        if self._service is not None:
            try:
                status = self._service.status()
            except psutil.NoSuchProcess:
                status = psutil.STATUS_DEAD
            if status in (psutil.STATUS_DEAD, psutil.STATUS_ZOMBIE):
                raise UnavailableError("W&B's own service process (wandb-core) is gone")
            if status == psutil.STATUS_STOPPED:
                raise UnavailableError("W&B's own service process (wandb-core) was stopped")
        self._read_log()
        if self._fatal:
            raise UnavailableError(f"W&B's service gave up sending: {self._fatal}")

    def _read_log(self) -> None:
        """Look for a fatal answer in what W&B's service has logged since the last time."""
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(self._log_read)
            for _ in range(64):
                data = file.read(_LOG_PIECE)
                if not data:
                    break
                self._progress += data.count(_PROGRESS)
                at = data.find(_FATAL)
                if at >= 0:
                    self._fatal = (
                        data[at + len(_FATAL) : at + 400].split(b'"}')[0].decode("utf-8", "replace").strip(": ")
                    )
                    self._fatal = self._fatal or "it does not say why"
            self._log_read = file.tell()

    def close(self, exit_code: int, beat: Beat) -> None:
        """Send what is left and end the session."""

        began, before = time.monotonic(), -1

        def watched() -> None:
            nonlocal began, before
            beat()
            self.check()
            if self._progress != before:
                began, before = time.monotonic(), self._progress
            elif time.monotonic() - began > self._opening.patience:
                raise UnavailableError(f"W&B took nothing for {self._opening.patience:.0f} s")

        bounded(lambda: self._run.finish(exit_code=exit_code), None, watched)
        self._read_log()
        self._forget_data_dir()
        if self._fatal:
            raise UnavailableError(f"W&B's service gave up sending: {self._fatal}")

    def _forget_data_dir(self) -> None:
        if self._own_data_dir:
            os.environ.pop("WANDB_DATA_DIR", None)

    def abandon(self) -> None:
        """End W&B's service at once. wandb cannot be used in this process afterwards."""
        if self._service is not None:
            with suppress(psutil.Error):
                self._service.kill()
        self._forget_data_dir()

    def notes(self) -> dict[str, int]:
        """Return what could not be sent as it was meant, with how often."""
        return dict(self._notes)


def open_session(target: Target, opening: Opening, beat: Beat) -> WandbSession:
    """Open a session with W&B.

    Raises:
        UnavailableError: the server cannot be reached, or W&B's folder cannot be written.
        RefusedError: W&B said no.
        MissingExtraError: wandb is not installed.
    """
    for name in _STEERING:  # what they say is in `target` and `opening`, or concerns the training's own process
        os.environ.pop(name, None)
    wandb = require("wandb", extra="wandb", purpose="bring runs to W&B")
    # wandb would fall back to the system's temporary folder, where nobody looks for it
    place = opening.folder or Path(os.environ.get("WANDB_DIR") or Path.cwd())
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe = place / f".speech-tracker-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise UnavailableError(
            f"W&B's folder {place} cannot be written ({error.strerror or error}); set WANDB_DIR to another one"
        ) from error
    arguments: dict[str, Any] = {
        "id": target.run, "project": target.project, "entity": target.entity, "name": target.name,
        "group": target.group, "job_type": target.job_type, "notes": target.notes, "tags": list(target.tags) or None,
        "mode": opening.mode, "dir": str(place), "settings": _settings(wandb, target, opening),
    }  # fmt: skip
    if opening.begin == "rewind":
        arguments["resume_from"] = f"{arguments.pop('id')}?_step={opening.step - 1}"
    elif opening.begin == "append" and opening.mode == "online":
        arguments["resume"] = "allow"
    try:
        run = bounded(lambda: wandb.init(**arguments), opening.timeout + 60.0, beat)
    except Exception as error:
        raise _meaning(wandb, error) from error
    return WandbSession(wandb, run, opening)


def _settings(wandb: Any, target: Target, opening: Opening) -> Any:
    environment = target.environment
    command = [str(part) for part in environment.get("command", ())]
    if command:
        sys.argv = command  # W&B shows the command line of the process that it is used in: let it be the training's
    live = target.process is not None
    git = environment.get("git") or {}
    chosen: dict[str, Any] = {
        "console": "off", "silent": True, "init_timeout": opening.timeout, "save_code": False,
        "disable_git": True, "git_commit": git.get("commit"), "git_remote_url": git.get("remote"),
        "x_update_finish_state": opening.ends, "x_skip_transaction_log": opening.mode == "online",
        "x_disable_stats": not live, "x_disable_meta": not live, "x_save_requirements": live,
    }  # fmt: skip
    if live:
        chosen["x_stats_pid"] = target.process
    else:
        chosen["host"] = environment.get("host")
    if target.began is not None:
        chosen["x_start_time"] = target.began
    if command:
        chosen["program"] = command[0]
    return wandb.Settings(**{name: value for name, value in chosen.items() if value is not None})


def _meaning(wandb: Any, error: Exception) -> Exception:
    """Return what an error of ``wandb.init`` means for us."""
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, (UnavailableError, TimeoutError)):
        return UnavailableError(said)
    if isinstance(error, (wandb.errors.AuthenticationError, wandb.errors.UsageError)):
        if "API key" in said or "login" in said:
            return RefusedError(f"no login at W&B ({said}); run `wandb login`, or set WANDB_API_KEY")
        return RefusedError(said)
    if any(
        code in said for code in ("401", "403", "404", "409", "410", "permission", "denied", "was previously created")
    ):
        return RefusedError(said)
    return UnavailableError(said)


def _service_process() -> psutil.Process | None:
    """Return W&B's service process, if it is a child of this one."""
    with suppress(psutil.Error):
        for child in psutil.Process().children():
            # one that was killed before this process replaced itself may not have been waited for yet
            if "wandb-core" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                return child
    return None


def _service_facts(service: psutil.Process | None) -> dict[str, Any] | None:
    if service is None:
        return None
    return {"process": service.pid, "host": os.uname().nodename, "started": process_start(service.pid)}


def bounded(call: Callable[[], T], limit: float | None, beat: Beat) -> T:
    """Run `call`, which may never return, in a thread; call `beat` while it lasts.

    Raises:
        UnavailableError: it did not return in `limit` seconds; the thread is left behind.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            failed.append(error)

    thread = threading.Thread(target=work, name="speech-tracker-wandb", daemon=True)
    thread.start()
    began = time.monotonic()
    while thread.is_alive():
        thread.join(0.1)
        beat()
        if limit is not None and time.monotonic() - began > limit:
            raise UnavailableError(f"W&B did not answer in {limit:.0f} s")
    if failed:
        raise failed[0]
    return done[0]
