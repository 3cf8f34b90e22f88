"""One process at a time sends a run: a lock file that works on NFS and Lustre, and does not outlive its owner."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

import orjson

from speech_tracker.journal.process import describe_process, process_start
from speech_tracker.liveness import is_alive

NAME = "wandb.lock"


class Busy(Exception):  # noqa: N818 - a state of affairs, told to the user as such
    """Another process sends this run; `owner` says which."""

    def __init__(self, owner: dict[str, Any]) -> None:
        super().__init__(f"process {owner.get('process')} on {owner.get('host')} is sending it")
        self.owner = owner


class Lock:
    """Holds the right to send a run.

    Made by linking a file of one's own to the lock's name, which is atomic everywhere. The lock of a process that is
    gone is replaced; of another host's process, when it gave no sign of life for ten minutes (`beat`).
    """

    def __init__(self, run_folder: Path) -> None:
        self._path = run_folder / NAME
        self._token = secrets.token_hex(8)
        self._held = False

    def acquire(self, wait: float = 0.0) -> None:
        """Take the lock, waiting for at most `wait` seconds.

        Raises:
            Busy: another process has it.
            OSError: the run's folder cannot be written.
        """
        deadline = time.monotonic() + wait
        while True:
            owner = self._try()
            if owner is None:
                self._held = True
                return
            if time.monotonic() >= deadline:
                raise Busy(owner)
            time.sleep(0.2)

    def _try(self) -> dict[str, Any] | None:
        """Return None when the lock is ours now, else who has it."""
        own = self._path.with_name(f".{NAME}.{self._token}")
        own.write_bytes(orjson.dumps({**describe_process(), "token": self._token}))
        try:
            try:
                os.link(own, self._path)
                return None
            except FileExistsError:
                pass
            except OSError:  # a file system without links: the exclusive creation is as good as it gets there
                return self._create(own)
            owner = read_owner(self._path)
            if owner is None:  # it was just released, or is just being written
                return {"process": None, "host": None}
            if not self._is_stale(owner):
                return owner
            own.replace(self._path)
            time.sleep(0.05)  # of several that replace at once, the last one has it
            now = read_owner(self._path)
            return None if now is not None and now.get("token") == self._token else now or {}
        finally:
            own.unlink(missing_ok=True)

    def _create(self, own: Path) -> dict[str, Any] | None:
        try:
            with self._path.open("xb") as file:
                file.write(own.read_bytes())
            return None
        except FileExistsError:
            return read_owner(self._path) or {}

    def _is_stale(self, owner: dict[str, Any]) -> bool:
        ours = owner.get("process") == os.getpid() and owner.get("host") == os.uname().nodename
        return (ours and owner.get("started") == process_start(os.getpid())) or not is_alive(owner, self._path)

    def beat(self) -> None:
        """Show that the owner is alive, to readers on other hosts; call it every half minute."""
        if self._held:
            try:
                os.utime(self._path)
            except OSError:
                pass  # only a sign of life

    def release(self) -> None:
        """Give the lock back."""
        if self._held:
            self._held = False
            owner = read_owner(self._path)
            if owner is not None and owner.get("token") == self._token:
                self._path.unlink(missing_ok=True)


def read_owner(path: Path) -> dict[str, Any] | None:
    """Return who holds the lock at `path`, None when nobody does."""
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sending(run_folder: Path) -> dict[str, Any] | None:
    """Return which living process is sending a run, None when none is."""
    path = run_folder / NAME
    owner = read_owner(path)
    return owner if owner is not None and is_alive(owner, path) else None
