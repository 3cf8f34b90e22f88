"""The store and its catalog: where they are, whether there is room, whether they can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from speech_tracker.doctor.finding import Finding
from speech_tracker.filesystem import is_shared, kind_of

LITTLE_SPACE = 1 << 30
"""Bytes of free space below which a store is in danger."""

FEW_INODES = 10_000
"""Free inodes below which a store is in danger; clusters give each user a number of them."""


def store_health(store: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Return what there is to know of the store's folder, and the findings.

    ``{"path", "exists", "file_system", "shared", "free_bytes", "free_inodes", "writable"}``, None for what is unknown. To
    see whether it can be written, a file is made in it and deleted.
    """
    kind = kind_of(store)
    facts: dict[str, Any] = {
        "path": str(store), "exists": store.exists(), "file_system": kind, "shared": is_shared(kind),
        "free_bytes": None, "free_inodes": None, "writable": None,
    }  # fmt: skip
    remedy = "set SPEECH_TRACKER_DIR to a folder that you can write"
    found: list[Finding] = []
    if store.exists() and not store.is_dir():
        found.append(Finding("problem", "store", f"the store {store} is not a folder", remedy, path=str(store)))
        return facts, found
    nearest = next(each for each in (store, *store.parents) if each.exists())
    room = os.statvfs(nearest)
    facts["free_bytes"] = room.f_bavail * room.f_frsize
    facts["free_inodes"] = room.f_favail if room.f_files else None  # some file systems do not count them
    error = _write_error(nearest)
    facts["writable"] = error is None
    if error is not None:
        found.append(Finding("problem", "store", f"{nearest} cannot be written: {error}", remedy, path=str(nearest)))
    if facts["free_bytes"] < LITTLE_SPACE:
        left = facts["free_bytes"] // 2**20
        found.append(Finding("problem", "store", f"only {left} MiB are free in {nearest}", "make room, or " + remedy))
    if facts["free_inodes"] is not None and facts["free_inodes"] < FEW_INODES:
        what = f"only {facts['free_inodes']} inodes are free in {nearest}"
        found.append(Finding("problem", "store", what, "delete small files, or " + remedy))
    if not facts["exists"]:
        found.append(Finding("note", "store", f"there is no store in {store} yet", "the first run makes it"))
    return facts, found


def _write_error(folder: Path) -> str | None:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".speech-tracker-doctor-"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def catalog_health(path: Path | None, reason: str | None) -> tuple[dict[str, Any], list[Finding]]:
    """Return where the catalog is, and a note when it could not be kept in a file.

    Args:
        path: its file, None when it is in memory.
        reason: why it is in memory.
    """
    facts = {"path": None if path is None else str(path), "reason": reason}
    if path is not None:
        return facts, []
    what = f"the catalog cannot be kept ({reason}): every question reads the ends of all journals"
    return facts, [Finding("note", "catalog", what, "set SPEECH_TRACKER_CACHE to a folder on a local disk")]
