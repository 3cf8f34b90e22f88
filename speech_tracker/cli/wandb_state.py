"""What W&B has of a run, and what brings it the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_tracker.cli.document import Cell
from speech_tracker.errors import SpeechTrackerError

if TYPE_CHECKING:
    from speech_tracker.view import RunView

_KEPT = (
    "run",
    "entity",
    "project",
    "base_url",
    "url",
    "mode",
    "finished",
    "status",
    "last_error",
    "folder",
    "updated_at",
)


def wandb_state(view: RunView) -> dict[str, Any] | None:
    """Return what is known of the run's copy in W&B, None when nothing was ever sent.

    ``pending`` is what W&B does not have: ``{"records", "rows", "artifacts"}``, None when that cannot be told.
    """
    known = view.wandb
    if known is None:
        return None
    return {**{key: known.get(key) for key in _KEPT}, "pending": _pending(view)}


def _pending(view: RunView) -> dict[str, Any] | None:
    from speech_tracker.sync.outstanding import outstanding
    from speech_tracker.sync.state import load_state

    try:
        return outstanding(view.folder, load_state(view.folder)).to_dict()
    except (SpeechTrackerError, OSError, ValueError):
        return None


def wandb_facts(view: RunView) -> list[tuple[str, Cell]]:
    """Return what a page says of it."""
    sync = f"speech-tracker sync {view.id}"
    state = wandb_state(view)
    if state is None:
        local = any(segment.header.get("mode") == "local" for segment in view.journal.segments)
        said = "not there (recorded in mode local)" if local else "nothing sent yet"
        return [("state", Cell(said, "yellow")), ("send it", Cell(sync, "bold"))]
    rows: list[tuple[str, Cell]] = []
    if state["url"]:
        rows.append(("page", Cell(str(state["url"]), "bold")))
    pending = state["pending"]
    folder = state["folder"]
    if pending is None:
        rows.append(("state", Cell("what is left to send cannot be told", "yellow")))
    elif not any(pending.values()):
        rows.append(("state", Cell("everything is in W&B", "green")))
    else:
        left = ", ".join(f"{count:,} {name}" for name, count in pending.items() if count)
        rows += [("to be sent", Cell(left, "yellow")), ("send it", Cell(sync, "bold"))]
    if isinstance(folder, dict) and folder.get("complete") and (pending is None or any(pending.values())):
        rows.append(("or from a login node", Cell(f"wandb sync {folder['path']}", "bold")))
    error = state["last_error"]
    if isinstance(error, dict):
        rows.append(("last attempt", Cell(f"{error.get('kind')}: {error.get('what')}", "red")))
    return rows
