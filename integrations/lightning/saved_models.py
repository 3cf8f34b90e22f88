"""Checkpoints in a folder, by their names: which is the most recent, and which are only pointers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech_tracker.ingest.found import FoundTable
from speech_tracker.ingest.logfile import LFS_POINTER
from speech_tracker.ingest.walk import Entry, FileRole, Tree
from speech_tracker.integrations.lightning.checkpoint_names import CheckpointName, parse_checkpoint_name
from speech_tracker.integrations.lightning.homes import Home


def checkpoints_of(home: Home) -> list[tuple[Entry[FileRole], CheckpointName]]:
    """Return the checkpoints of a training, each with what its name says."""
    pairs = ((entry, parse_checkpoint_name(entry.name)) for entry in home.checkpoints)
    return [(entry, name) for entry, name in pairs if name is not None]


def is_pointer(path: Path, entry: Entry[FileRole]) -> bool:
    """Return whether a file is a Git LFS pointer in the place of a checkpoint."""
    if entry.stat.st_size > 1024:
        return False
    try:
        return path.read_bytes().startswith(LFS_POINTER)
    except OSError:
        return False


def final_model(fetched: Sequence[tuple[Entry[FileRole], CheckpointName]], tree: Tree[FileRole]) -> tuple[str, ...]:
    """Return the path of the most recent state: ``last.ckpt``, else the furthest by its name; empty without any."""
    ranked = sorted(fetched, key=lambda pair: (pair[1].is_last, pair[1].epoch or 0, pair[1].step or 0, pair[0].path))
    return (tree.shown(ranked[-1][0].path),) if ranked else ()


def table_of(names: Sequence[tuple[Entry[FileRole], CheckpointName]], home: str) -> tuple[FoundTable, ...]:
    """Return the table of all checkpoints, none where there are none."""
    if not names:
        return ()
    rows = tuple(
        (
            entry.path.removeprefix(home).lstrip("/"), name.epoch, name.step, entry.stat.st_size,
            " ".join(f"{key}={value:g}" for key, value in name.metrics) or None,
        )
        for entry, name in names
    )  # fmt: skip
    return (FoundTable("checkpoints", ("file", "epoch", "step", "bytes", "metrics"), rows),)
