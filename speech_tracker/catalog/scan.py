"""Which runs are in a store, and how large and how old their segments are: all that is looked at on every question."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from speech_tracker.errors import StoreError, explain

_SEGMENT = re.compile(r"^(\d{4,})-rank(\d+)\.jsonl$")


@dataclass(slots=True)
class FoundRun:
    """A run's folder and its segments.

    Attributes:
        run: the folder's name.
        folder: its path.
        segments: (name, size in bytes, modification time in ns, path), in order.
        error: why they cannot be listed.
    """

    run: str
    folder: str
    segments: list[tuple[str, int, int, str]] = field(default_factory=list)
    error: str | None = None

    def marks(self) -> dict[str, tuple[int, int]]:
        """Return name → (size, modification time), by which a change is noticed."""
        return {name: (size, mtime) for name, size, mtime, _ in self.segments}


def find_segments(store: Path) -> dict[str, FoundRun]:
    """Return every run of `store` by its folder's name; none when the store is not there yet.

    Raises:
        StoreError: it is no folder, or cannot be read.
    """
    return {run.name: found for run in _folders(store) if (found := _segments(run)) is not None}


def _folders(store: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(store / "runs") as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        if store.exists() and not store.is_dir():
            raise not_a_folder(store) from None
        return []
    except NotADirectoryError as error:
        raise not_a_folder(store) from error
    except OSError as error:
        raise StoreError(
            explain(f"the store cannot be read ({error.strerror})", got=str(store), expected="a folder that you can read",
                    remedy="ask its owner, or set SPEECH_TRACKER_DIR to another one")
        ) from error  # fmt: skip


def _segments(folder: os.DirEntry[str]) -> FoundRun | None:
    """Return what is in the folder, None when it is not a run's."""
    found = FoundRun(folder.name, folder.path)
    rows = []
    place = f"{folder.path}/segments"
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                name = _SEGMENT.match(entry.name)
                if name is not None:
                    status = entry.stat()
                    key = (int(name[1]), int(name[2]))
                    rows.append((key, entry.name[:-6], status.st_size, status.st_mtime_ns, entry.path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        found.error = f"{place} cannot be read: {error.strerror or error}"
        return found
    rows.sort()
    found.segments = [row[1:] for row in rows]
    return found


def not_a_folder(store: Path) -> StoreError:
    """Return the error for a store that is a file."""
    return StoreError(
        explain("the store is not a folder", got=str(store), expected="a folder",
                remedy="set SPEECH_TRACKER_DIR to a folder")
    )  # fmt: skip
