"""Which run a training belongs to: a new one, the one that its checkpoint or its folder names, or one that is active."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker import arguments, paths
from speech_tracker.errors import StoreError
from speech_tracker.guard import shielded
from speech_tracker.run import Run

_begun: list[Run] = []


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a training comes from.

    Attributes:
        run: id of the run that its checkpoint names, or that this callback began before.
        own: the id of a run that is begun in a process which the Trainer spawns, where the main process could not know it.
        folder: the folder that is this experiment's alone, as given by the user.
        derived: the same, as found out.
        resumed: whether a checkpoint was loaded.
        checkpoint: its path, where it is known.
        fitting: whether it is a training at all, not a validation or a test on its own.
    """

    run: str | None
    own: str
    folder: str | os.PathLike[str] | None
    derived: Path | None
    resumed: bool
    checkpoint: str | None
    fitting: bool


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` of `speech_tracker.init`, those that are None left out, after a trial that leaves no trace.

    Raises:
        InvalidArgumentError, InvalidTypeError: a wrong one.
        TypeError: `init` has no such argument.
    """
    given = {key: value for key, value in options.items() if value is not None}
    speech_tracker.init(**{**given, "mode": "disabled"})
    if "mode" in given:
        arguments.one_of("mode", given["mode"], arguments.MODES)
    return given


def in_spawned_process() -> bool:
    """Return whether the Trainer runs in a process that it started itself through multiprocessing."""
    return multiprocessing.parent_process() is not None


def start(options: Mapping[str, Any], origin: Origin) -> tuple[Run, bool]:
    """Return the run of a training, and whether it is the user's own, not to be ended by a callback."""
    active = speech_tracker.active_run()
    if active is not None and active not in _begun and not set(options) - {"resume"}:
        return active, True
    for run in _begun:
        run.finish()  # what the callback of another training began has no later moment to end
    _begun.clear()
    run = speech_tracker.init(experiment_folder=origin.folder, **{"id": _run_id(options, origin), **options})
    _begun.append(run)
    if origin.run is not None and run.id and run.id != origin.run:
        run.link(origin.run, "continues" if origin.fitting else "evaluates")
    if origin.fitting and origin.folder is None and origin.derived is not None and run.folder is not None:
        with shielded(f"remembering the run in {origin.derived}"):
            paths.remember(origin.derived, run.id, run.folder.parent.parent, project=run.project)
    return run, False


def _run_id(options: Mapping[str, Any], origin: Origin) -> str | None:
    if origin.run is not None and options.get("resume") != "never":
        # a checkpoint that came from elsewhere is evaluated in a run of its own
        if origin.fitting or _is_known(options, origin.run):
            return origin.run
        return None
    if origin.folder is not None:
        return None
    if options.get("resume") != "never":
        for folder in _folders(origin):
            try:
                remembered = paths.recall(folder)
            except (OSError, StoreError):
                continue  # a damaged file, an address on the web: a new run is better than none
            if remembered is not None and _is_known(options, remembered.run):
                return remembered.run
    return origin.own if in_spawned_process() or _is_known(options, origin.own) else None


def _folders(origin: Origin) -> list[Path]:
    """Where the run of a resumed training, or of a checkpoint that does not name it, may be remembered."""
    folders = [origin.derived] if origin.derived is not None and (origin.resumed or _is_requeued()) else []
    if origin.checkpoint and not origin.fitting:
        folder = Path(origin.checkpoint).parent
        folders += [folder, folder.parent] if folder.name == "checkpoints" else [folder]
    return folders


def _is_known(options: Mapping[str, Any], run_id: str) -> bool:
    store = Path(options["store"]).expanduser() if "store" in options else paths.store_folder()
    return paths.run_folder(store, run_id).is_dir()


def _is_requeued() -> bool:
    return os.environ.get("SLURM_RESTART_COUNT", "0") not in ("", "0")
