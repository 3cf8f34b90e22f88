"""Bringing a run to W&B while it lives: what `speech_tracker.init` starts and `Run.finish` ends."""

from __future__ import annotations

from pathlib import Path


class Later:
    """Leaves the sending to ``speech-tracker sync``; nothing runs beside the training."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder

    @property
    def url(self) -> str | None:
        """None: the run has no page yet."""
        return None

    def finish(self, *, status: str, exit_code: int, timeout: float) -> str:  # noqa: ARG002 - the protocol's signature
        """Say how the run gets to W&B."""
        return f"bring it to W&B with: speech-tracker sync {self.folder.name}"


def start(run_folder: Path, *, mode: str) -> Later:  # noqa: ARG001 - the mode decides once forwarding is live
    """Return what forwards the run in `run_folder`."""
    return Later(run_folder)
