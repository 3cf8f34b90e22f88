"""What the ingesters of all toolkits do alike: walk a folder, read what is new in it, describe it, remember it."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Generic

from speech_tracker.ingest.filestate import FileStates
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.reading import Parsers, Reader, ReadFile
from speech_tracker.ingest.recognise import Sign, first_sign
from speech_tracker.ingest.walk import NOTHING_THERE, Patterns, R, Tree, walk
from speech_tracker.version import __version__


class FolderIngester(ABC, Generic[R]):
    """Reads the experiments of a toolkit below a folder, again and again.

    A toolkit's class says what its files are (`role_of`), how they are read (`parsers`), by which of them a folder is
    recognised (`signs`), and makes runs of what they said (`assemble`).

    Args:
        source: what to read.
    """

    parsers: ClassVar[Parsers]
    signs: ClassVar[tuple[Sign, ...]] = ()
    pruned: ClassVar[re.Pattern[str]] = NOTHING_THERE

    def __init__(self, source: Source) -> None:
        self._root, only = self.narrowed(source.root)
        self._patterns = Patterns((*source.include, *only), source.exclude)
        self._states = FileStates(source.state, f"{__version__}/{self.parsers.version}", self.parsers.codec)
        self._progress = source.progress
        self._changes = 0
        self._others: set[tuple[str, int, int]] = set()

    def narrowed(self, root: Path) -> tuple[Path, tuple[str, ...]]:
        """Return the folder of the experiment that a part of it belongs to, and patterns that leave the rest out.

        A decode folder says little without its model. The folder itself, and no pattern, where it is no such part.
        """
        return root, ()

    @abstractmethod
    def role_of(self, name: str, folders: tuple[str, ...]) -> R | None:
        """Return what a file is, None when it is of no use.

        Args:
            name: of the file.
            folders: the names of the folders that it stands in, from the outermost of the machine to its own.
        """

    @abstractmethod
    def assemble(self, tree: Tree[R], files: list[ReadFile[R]], *, now: float, follow: bool) -> Found:
        """Return the description of everything.

        Args:
            tree: all files with a role.
            files: what those said that a pass reads, in the order of the tree.
            now: seconds since 1970.
            follow: whether the experiment goes on, so that values that may still change are marked.
        """

    @classmethod
    def recognises(cls, root: Path) -> str | None:
        """Return by what a folder is known to be this toolkit's, as a sentence; None when it is not."""
        return first_sign(root, cls.signs, cls.pruned)

    def find(self, *, follow: bool = False, now: float | None = None) -> Found:
        """Read what is new, and return the description of everything.

        Args:
            follow: see `assemble`.
            now: the moment, in seconds since 1970, for which it is said what still runs; None for this one.

        Raises:
            OSError: the folder cannot be read.
        """
        tree = walk(self._root, self.role_of, self._patterns, self.pruned)
        total = sum(self.parsers.reads(entry.role.parser) for entry in tree.entries)
        reader: Reader[R] = Reader(tree.root, self._states, self.parsers)
        if self._progress is not None:
            progress = self._progress
            reader.progress = lambda: progress(total, len(reader.changed))
        files = reader.read_all(tree)
        self._changes = len(reader.changed) + self._new_others(tree)
        found = self.assemble(tree, files, now=time.time() if now is None else now, follow=follow)
        return replace(found, partial=self._patterns.given)

    def _new_others(self, tree: Tree[R]) -> int:
        """Changes of files that are not parsed in a pass: models, texts."""
        others = {
            (entry.path, entry.stat.st_size, entry.stat.st_mtime_ns)
            for entry in tree.entries
            if not self.parsers.reads(entry.role.parser)
        }
        before, self._others = self._others, others
        return len(others - before)

    @property
    def changes(self) -> int:
        """Files that were new or different in the last `find`."""
        return self._changes

    def save(self) -> None:
        """Remember what was read, for the next process.

        Raises:
            OSError: it cannot be written.
        """
        self._states.save()
