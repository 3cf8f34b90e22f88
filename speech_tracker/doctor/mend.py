"""What can be put in order without touching a record: leftovers of processes that are gone, a catalog in doubt."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from speech_tracker.catalog.index import discard, open_catalog
from speech_tracker.catalog.place import catalog_file
from speech_tracker.catalog.scan import find_segments

OLD = 86400.0
"""Seconds after which a temporary file is a leftover: nobody writes one for a day."""

_TEMPORARY = re.compile(r"^\.(?:wandb|run)\.(?:json|lock)\.[A-Za-z0-9_]{8,16}$")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done, or would be.

    Attributes:
        what: what it is.
        path: the file that is meant.
        done: False when it was only looked at, or failed.
        error: why it failed.
    """

    what: str
    path: str
    done: bool
    error: str | None = None


def mend(store: Path, *, dry_run: bool = False) -> list[Step]:
    """Delete temporary files that a killed process left in runs' folders, and make the catalog again.

    Segments, evaluations and everything else that was recorded is never touched: a damaged line stays, and is skipped.

    Args:
        store: the store.
        dry_run: only say what would be done.

    Raises:
        StoreError: the store is no folder or cannot be read.
    """
    leftovers = [
        path
        for run in find_segments(store).values()
        for path in sorted(Path(run.folder).iterdir())
        if _TEMPORARY.match(path.name) and path.is_file() and time.time() - path.stat().st_mtime > OLD
    ]
    steps = [_delete(path, dry_run=dry_run) for path in leftovers]
    catalog = catalog_file(store)
    if catalog is not None:
        if not dry_run:
            discard(catalog)
            open_catalog(store).connection.close()
        steps.append(Step("make the catalog again", str(catalog), not dry_run))
    return steps


def _delete(path: Path, *, dry_run: bool) -> Step:
    what = "delete a temporary file that was left behind"
    if dry_run:
        return Step(what, str(path), done=False)
    try:
        path.unlink()
    except OSError as error:
        return Step(what, str(path), done=False, error=error.strerror or str(error))
    return Step(what, str(path), done=True)
