"""Which files of a folder are worth reading: one pass over its tree, nothing opened."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speech_tracker.ingest.found import LocatedProblem
from speech_tracker.integrations.kaldi.layout import FileRole, role_of

DEEPEST = 16
"""Levels below the folder that was asked for; experiments have up to ten."""

_PRUNED = re.compile(
    r"^(\.git|\.backup|__pycache__|q|sdata|split\d+(utt)?|graph.*|phones|lang|wav|audio|sync|mfcc|plp|fbank)$"
)
"""Folders without results: what was submitted to the queue, graphs, features, audio. `make_mfcc` is not among them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that may be read.

    Attributes:
        path: relative to the root, with ``/``.
        folder: that it stands in, relative to the root, ``""`` for the root itself.
        name: its own name.
        role: what it is.
        stat: as it was in the walk.
    """

    path: str
    folder: str
    name: str
    role: FileRole
    stat: os.stat_result


@dataclass(slots=True)
class Tree:
    """The files and folders below a root.

    Attributes:
        root: as the user gave it.
        entries: of all files with a role.
        folders: every folder that was entered, relative to the root.
        skipped: number of files without a role, or left out by a pattern.
        problems: folders that could not be entered.
    """

    root: Path
    entries: list[Entry] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    skipped: int = 0
    problems: list[LocatedProblem] = field(default_factory=list)

    def shown(self, relative: str) -> str:
        """Return a path as the user would open it."""
        return str(self.root / relative) if relative else str(self.root)


def _is_text(name: str) -> bool:
    """Whether a name can be written down: bytes that are no UTF-8 come as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Patterns:
    """``--include`` and ``--exclude``: shell patterns over paths relative to the root.

    A pattern fits a path when it fits the whole path, one of the folders that the path is in, or any single name in it:
    ``tri*``, ``exp/chain/*`` and ``decode_dev*`` all do what one means.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = tuple(include)
        self._exclude = tuple(exclude)

    @property
    def given(self) -> bool:
        """Whether there is any pattern."""
        return bool(self._include or self._exclude)

    def excludes(self, path: str) -> bool:
        """Return whether a file or folder is left out, and everything below it."""
        return any(_fits(path, each) for each in self._exclude)

    def includes(self, path: str) -> bool:
        """Return whether a file is wanted."""
        return not self._include or any(_fits(path, each) for each in self._include)


def _fits(path: str, pattern: str) -> bool:
    parts = path.split("/")
    pattern = pattern.rstrip("/")
    if "/" not in pattern and any(fnmatch.fnmatchcase(part, pattern) for part in parts):
        return True
    return any(fnmatch.fnmatchcase("/".join(parts[:length]), pattern) for length in range(1, len(parts) + 1))


def walk(root: Path, patterns: Patterns | None = None) -> Tree:
    """Return the tree below a folder, in the order of names.

    Links to folders are followed, since experiments are spread over disks, but no folder is entered twice.

    Raises:
        OSError: the root cannot be read.
    """
    tree = Tree(root)
    wanted = patterns or Patterns()
    seen: set[tuple[int, int]] = set()
    # the names of the folders above tell what a `log` is when one is given directly
    above = root.absolute().parts[1:]
    _enter(tree, root, "", above, wanted, seen, 0)
    return tree


def _enter(
    tree: Tree,
    folder: Path,
    relative: str,
    names: tuple[str, ...],
    patterns: Patterns,
    seen: set[tuple[int, int]],
    depth: int,
) -> None:
    try:
        stat = folder.stat()
        listed = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError as error:
        if not relative:
            raise
        tree.problems.append(LocatedProblem(tree.shown(relative), None, f"cannot be entered: {error.strerror}"))
        return
    if (stat.st_dev, stat.st_ino) in seen:
        return
    seen.add((stat.st_dev, stat.st_ino))
    tree.folders.append(relative)
    for each in listed:
        path = f"{relative}/{each.name}" if relative else each.name
        if not _is_text(each.name):
            tree.skipped += 1
            shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            tree.problems.append(LocatedProblem(tree.shown(shown), None, "its name is not UTF-8, so it is passed over"))
            continue
        try:
            is_folder = each.is_dir()
            found = None if is_folder else each.stat()
        except OSError:  # a dangling link, or a file that was removed meanwhile
            tree.skipped += 1
            continue
        if is_folder:
            if depth < DEEPEST and not _PRUNED.match(each.name) and not patterns.excludes(path):
                _enter(tree, Path(each.path), path, (*names, each.name), patterns, seen, depth + 1)
            continue
        role = role_of(each.name, names)
        if (
            role is None
            or found is None
            or (patterns.given and (patterns.excludes(path) or not patterns.includes(path)))
        ):
            tree.skipped += 1
            continue
        tree.entries.append(Entry(path, relative, each.name, role, found))
