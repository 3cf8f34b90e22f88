"""A run that shares a W&B run of the user's own, or of a framework's logger: the only case inside the training's process.

W&B's run is in that process, so nobody else can write to it. A thread hands the records over, in small pieces with long
pauses, so that the training does not wait for the interpreter's lock; at the end it hurries. The W&B run is never
finished, renamed, or asked to wait: it belongs to somebody else.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.guard import report
from speech_tracker.run import say
from speech_tracker.sync.calls import Define, Describe, Publish
from speech_tracker.sync.client import WandbSession
from speech_tracker.sync.ending import ending
from speech_tracker.sync.forward import Forward, Rewound
from speech_tracker.sync.lock import Busy, Lock
from speech_tracker.sync.media import has_media, values_for
from speech_tracker.sync.outstanding import outstanding
from speech_tracker.sync.session import Beat, Opening, UnavailableError
from speech_tracker.sync.state import load_state

PIECE = 8 * 1024
"""Bytes of the journal that are handed over at a time while the run lives."""

DUTY = 100.0
"""Pause after a piece, in times of what it took: one call in a hundred may find the interpreter's lock taken."""

FRAMEWORK_AXES = {
    "lightning.pytorch.loggers.wandb": "trainer/global_step",
    "pytorch_lightning.loggers.wandb": "trainer/global_step",
    "transformers.integrations.integration_utils": "train/global_step",
}
"""Module of a framework's W&B logger → the key that it makes the axis of everything (with ``step_sync``)."""


def active_run() -> Any:
    """Return the W&B run that is active in this process, None when there is none. wandb is not imported for it."""
    run = getattr(sys.modules.get("wandb"), "run", None)
    return None if run is None or getattr(run, "disabled", False) else run


class JoinedSession(WandbSession):
    """Somebody else's run as a place for calls."""

    def __init__(self, wandb: Any, run: Any) -> None:
        self._wandb = wandb
        self._run = run
        self._notes: Counter[str] = Counter()
        self._service = None
        self._online = not run.offline
        self._opening = Opening("online" if self._online else "offline")
        self._axes = {axis for module, axis in FRAMEWORK_AXES.items() if module in sys.modules}
        self.resumed, self.next_step, self.ours = False, 0, False

    def about(self) -> dict[str, Any]:
        """Return what is to be remembered of the session."""
        run = self._run
        online = {"entity": run.entity, "url": run.url, "base_url": run.settings.base_url} if self._online else {}
        return {"project": run.project, "folder": str(run.settings.sync_dir), "service": None, **online}

    def describe(self, call: Describe) -> None:
        """Add tags; the name is its owner's."""
        super().describe(Describe(tags=call.tags))

    def define(self, call: Define) -> None:
        """Say how a metric is drawn."""
        self._run.define_metric(call.key, step_metric=call.axis, step_sync=False, summary=call.summary)

    def row(self, values: Mapping[str, Any], time: float, step: int) -> None:  # noqa: ARG002 - the owner counts the steps
        """Add a row, with the framework's own axis in it."""
        made = values_for(self._wandb, values, self._notes) if has_media(values) else dict(values)
        if "step" in values:
            made.update(dict.fromkeys(self._axes, values["step"]))
        made["_timestamp"] = time
        self._run.log(made)

    def publish(self, call: Publish, beat: Beat) -> None:  # noqa: ARG002 - nothing is waited for
        """Hand an artifact over."""
        self._run.log_artifact(self._artifact(call), aliases=list(call.aliases) or None)

    def check(self) -> None:
        """Raise when the owner has finished the run."""
        if active_run() is not self._run:
            raise UnavailableError("the W&B run that this run had joined was finished by its owner")

    def close(self, exit_code: int, beat: Beat) -> None:
        """Leave the run to its owner."""

    def abandon(self) -> None:
        """Leave the run to its owner."""


class Joined:
    """Hands a run's records to an active W&B run while the run lives.

    Args:
        folder: the run's folder.
        run: W&B's run.
    """

    def __init__(self, folder: Path, run: Any) -> None:
        self._folder = folder
        self._run = run
        self._ending = threading.Event()
        self._done = threading.Event()
        self._problem = ""
        self.rows = 0
        threading.Thread(target=self._work, name="speech-tracker-joined", daemon=True).start()

    @property
    def url(self) -> str | None:
        """Address of W&B's run."""
        url = self._run.url
        return str(url) if url else None

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:  # noqa: ARG002 - its end is its owner's to tell
        """Hand over what is left, for at most `timeout` seconds."""
        self._ending.set()
        self._done.wait(timeout)
        state = load_state(self._folder)
        left = outstanding(self._folder, state)
        if self._done.is_set() and not self._problem and not left:
            return f"everything is in W&B's run {self._run.id}, which is yours to finish"
        why = f" ({self._problem})" if self._problem else ""
        return f"W&B's run {self._run.id} does not have everything{why}: {left} left; send them with: speech-tracker sync {self._folder.name}"

    def _work(self) -> None:
        try:
            self._hand_over()
        except (UnavailableError, Busy, Rewound) as reason:
            self._problem = str(reason) or "rows that it has were superseded"
        except Exception as error:  # noqa: BLE001 - W&B's run may break in any way; the training goes on
            self._problem = f"{type(error).__name__}: {error}"
            report("handing records to the joined W&B run", error)
            say(
                f"W&B's run cannot be written ({self._problem}); send the run later with: speech-tracker sync {self._folder.name}"
            )
        finally:
            self._done.set()

    def _hand_over(self) -> None:
        lock = Lock(self._folder)
        lock.acquire(wait=10.0)
        try:
            state = load_state(self._folder)
            session = JoinedSession(sys.modules["wandb"], self._run)
            forward = Forward(self._folder, state, beat=lambda: None, piece=PIECE)
            forward.prepare()
            state.truncate = None  # nobody can take rows back from somebody else's run
            about = session.about()
            state.run, state.mode, state.connected, state.finished = str(self._run.id), "joined", True, False
            state.project, state.entity = about.get("project"), about.get("entity")
            state.url, state.base_url = about.get("url"), about.get("base_url")
            forward.begin(session, first=state.rows)
            beaten = time.monotonic()
            while not self._ending.is_set():
                began = time.monotonic()
                session.check()
                moved = forward.advance()
                self._ending.wait(max(0.05 if moved else 0.5, DUTY * (time.monotonic() - began)))
                if time.monotonic() - beaten > 30.0:
                    beaten = time.monotonic()
                    lock.beat()
            session.check()
            while forward.advance():
                pass
            forward.end()
            state.confirmed_rows = state.rows
            state.connected, state.finished, state.last_error = False, True, None
            ended = ending(self._folder)
            state.status = ended.status if ended is not None else "running"
            state.skipped = {**forward.projection.skipped, **session.notes()}
            state.pending = {"records": 0, "rows": 0, "artifacts": 0}
            state.save(self._folder)
        finally:
            lock.release()
