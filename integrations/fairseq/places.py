"""Where a folder lies now that a log names: on this machine, in the tree that was copied from another, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from speech_tracker.ingest.walk import FileRole, Tree

GENERIC = frozenset(
    {"checkpoints", "checkpoint", "ckpt", "ckpts", "models", "model", "save", "save_dir", "exp", "output"}
)
"""Names of folders that tell nothing of the experiment."""


def normal(path: str) -> str:
    """Return a path as it is, but for doubled slashes and the like."""
    text = os.path.normpath(path)
    return text[1:] if text.startswith("//") else text


def place_of(path: str, log: Path, root: Path) -> Path:
    """Return where a folder is that a log names, where it would be if it is not there.

    Args:
        path: as it was printed; a relative one was relative to the folder that the program was started in.
        log: the log file, absolute.
        root: folder that is read, absolute: nothing is looked for outside of it but an absolute path.
    """
    named = Path(normal(path))
    if named.is_absolute():
        if named.is_dir():
            return named.resolve()
        for folder in _around(log, root):
            if folder.name == named.name:
                return folder.resolve()
            if (folder / named.name).is_dir():
                return (folder / named.name).resolve()
        return named
    for folder in _around(log, root):
        if (folder / named).is_dir():
            return (folder / named).resolve()
    return Path(normal(str(log.parent.resolve() / named)))


def file_of(path: str, log: Path, root: Path) -> Path | None:
    """Return where a file is that a log names, None where it is not."""
    named = Path(normal(path))
    candidates = [named] if named.is_absolute() else [folder / named for folder in _around(log, root)]
    return next((each for each in candidates if each.is_file()), None)


def _around(log: Path, root: Path) -> Iterator[Path]:
    """The folder of a log and those above it, up to the one that is read."""
    folder = log.parent
    yield folder
    while folder != root and root in folder.parents:
        folder = folder.parent
        yield folder


def name_of(place: Path, root: Path) -> str:
    """Return the name of what lies in a place: its path below `root`, else its last part that tells anything."""
    try:
        relative = place.relative_to(root)
    except ValueError:
        relative = Path(*place.parts[-2:]) if place.name in GENERIC else Path(place.name)
    return relative.as_posix() if relative.parts and relative.as_posix() not in GENERIC else root.name


def shown_place(place: Path, tree: Tree[FileRole]) -> str:
    """Return a place as the user would open it."""
    try:
        relative = place.relative_to(tree.root.absolute().resolve())
    except ValueError:
        return str(place)
    return tree.shown("" if relative == Path() else relative.as_posix())
