"""Kaldi experiments below a folder: the one place that walks, and whose result becomes runs."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

from speech_tracker.ingest.filestate import FileStates
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.kaldi.assemble import assemble
from speech_tracker.integrations.kaldi.layout import role_of
from speech_tracker.integrations.kaldi.read import CODEC, PARSED, PARSERS, Reader, read_all
from speech_tracker.integrations.kaldi.scoring import parse_score_folder, parse_score_name
from speech_tracker.integrations.kaldi.walk import Patterns, Tree, walk
from speech_tracker.version import __version__

_RECIPE = ("path.sh", "cmd.sh", "run.sh")


class KaldiIngester:
    """Reads the Kaldi experiments below a folder: a model folder, a decode folder, an `exp/` tree, a whole recipe.

    Args:
        source: what to read.
    """

    def __init__(self, source: Source) -> None:
        self._root, only = _with_model(source.root)
        self._patterns = Patterns((*source.include, *only), source.exclude)
        self._states = FileStates(source.state, f"{__version__}/{PARSERS}", CODEC)
        self._progress = source.progress
        self._changes = 0
        self._others: set[tuple[str, int, int]] = set()

    @staticmethod
    def recognises(root: Path) -> bool:
        """Return whether a folder looks like an experiment of Kaldi; opens nothing."""
        try:
            names = {each.name for each in root.iterdir()}
        except OSError:
            return False
        if any(parse_score_name(name) is not None for name in names):
            return True
        folders = [root / name for name in ("log", "exp") if name in names]
        if "exp" in names and any(name in names for name in _RECIPE):
            return True
        return any(
            (role := role_of(each.name, ("log",))) is not None and role.grammar not in ("", "job")
            for folder in folders
            for each in (folder.iterdir() if folder.is_dir() else ())
        )

    def find(self, *, follow: bool = False) -> Found:
        """Read what is new, and return the description of everything.

        Raises:
            OSError: the folder cannot be read.
        """
        tree = walk(self._root, self._patterns)
        total = sum(entry.role.kind in PARSED for entry in tree.entries)
        reader = Reader(tree.root, self._states)
        if self._progress is not None:
            progress = self._progress
            reader.progress = lambda: progress(total, len(reader.changed))
        files = read_all(tree, reader)
        self._changes = len(reader.changed) + self._new_others(tree)
        found = assemble(tree, files, now=time.time(), follow=follow)
        return replace(found, partial=self._patterns.given)

    def _new_others(self, tree: Tree) -> int:
        """Changes of files that are not parsed in a pass: models and details."""
        others = {
            (entry.path, entry.stat.st_size, entry.stat.st_mtime_ns)
            for entry in tree.entries
            if entry.role.kind not in PARSED
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


def _with_model(root: Path) -> tuple[Path, tuple[str, ...]]:
    """A decode folder belongs to the model above it: return that, and the pattern that leaves the rest out."""
    if not root.is_dir():
        return root, ()
    name = root.resolve().name
    try:
        names = [each.name for each in root.iterdir()]
    except OSError:
        return root, ()
    scored = any(parse_score_name(each) is not None or parse_score_folder(each) is not None for each in names)
    searched = bool(re.match(r"decode", name)) and any(each in names for each in ("log", "scoring_kaldi", "scoring"))
    parent = root.resolve().parent
    if not (scored or searched) or parent.name == "exp" or parent == parent.parent:
        return root, ()
    return parent, (name,)
