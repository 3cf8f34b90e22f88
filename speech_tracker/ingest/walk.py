"""Which files of a folder are worth reading: one pass over its tree, nothing opened."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from speech_tracker.ingest.found import LocatedProblem

DEEPEST = 16
"""Levels below the folder that was asked for; experiments have up to ten."""

NOTHING_THERE = re.compile(r"^(\.git|\.backup|\.speech_tracker|__pycache__|wandb|wav|audio|sync)$")
"""Folders in which no toolkit leaves results."""


class Role(Protocol):
    """What a file is, by its name and the folders that it stands in. Each toolkit has a class of its own for it."""

    @property
    def name(self) -> str:
        """What the file is read as: remembered with it, so that a file whose role has changed is read again."""

    @property
    def parser(self) -> str:
        """Key into `Parsers`; one that is not there means that the file is opened only when it is needed."""


R = TypeVar("R", bound=Role)
RoleOf: TypeAlias = Callable[[str, tuple[str, ...]], R | None]
"""The role of a file, from its name and the names of the folders that it stands in; None where it is of no use."""


@dataclass(frozen=True, slots=True)
class FileRole:
    """A role that is nothing but its parser.

    Attributes:
        parser: key into `Parsers`.
    """

    parser: str

    @property
    def name(self) -> str:
        """What the file is read as."""
        return self.parser


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
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
    role: R
    stat: os.stat_result


@dataclass(slots=True)
class Tree(Generic[R]):
    """The files and folders below a root.

    Attributes:
        root: as the user gave it.
        entries: of all files with a role.
        folders: every folder that was entered, relative to the root.
        skipped: number of files without a role, or left out by a pattern.
        problems: folders that could not be entered.
    """

    root: Path
    entries: list[Entry[R]] = field(default_factory=list)
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


def walk(
    root: Path, role_of: RoleOf[R], patterns: Patterns | None = None, pruned: re.Pattern[str] = NOTHING_THERE
) -> Tree[R]:
    """Return the tree below a folder, in the order of names.

    Links to folders are followed, since experiments are spread over disks, but no folder is entered twice: one that is
    here itself goes by its own name, not by that of a link to it (``best -> tdnn1a``).

    Args:
        root: the folder.
        role_of: tells what a file is.
        patterns: what the user wants of it; None for everything.
        pruned: names of folders that are not entered.

    Raises:
        OSError: the root cannot be read.
    """
    tree: Tree[R] = Tree(root)
    seen: set[tuple[int, int]] = set()
    # the names of the folders above tell what a `log` is when one is given directly
    above = root.absolute().parts[1:]
    choice = _Choice(role_of, patterns or Patterns(), pruned)
    linked: deque[_Place] = deque()
    _enter(tree, _Place(root, "", above, 0), choice, seen, linked)
    if linked:
        while linked:
            _enter(tree, linked.popleft(), choice, seen, linked)
        tree.entries.sort(key=lambda entry: entry.path.split("/"))
        tree.folders.sort(key=lambda folder: folder.split("/") if folder else [])
    return tree


@dataclass(frozen=True, slots=True)
class _Choice(Generic[R]):
    role_of: RoleOf[R]
    patterns: Patterns
    pruned: re.Pattern[str]


class _Place(NamedTuple):
    """A folder to enter: itself, its path below the root, the names of the folders above it and its own, how deep."""

    folder: Path
    relative: str
    names: tuple[str, ...]
    depth: int


def _enter(tree: Tree[R], place: _Place, choice: _Choice[R], seen: set[tuple[int, int]], linked: deque[_Place]) -> None:
    """Add what is in a folder and below it; links to folders are left for later, in `linked`."""
    patterns = choice.patterns
    folder, relative, names, depth = place
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
            if depth < DEEPEST and not choice.pruned.match(each.name) and not patterns.excludes(path):
                below = _Place(Path(each.path), path, (*names, each.name), depth + 1)
                if each.is_symlink():
                    linked.append(below)
                else:
                    _enter(tree, below, choice, seen, linked)
            continue
        role = choice.role_of(each.name, names)
        if (
            role is None
            or found is None
            or not S_ISREG(found.st_mode)  # opening a pipe waits for somebody who writes to it
            or (patterns.given and (patterns.excludes(path) or not patterns.includes(path)))
        ):
            tree.skipped += 1
            continue
        tree.entries.append(Entry(path, relative, each.name, role, found))
