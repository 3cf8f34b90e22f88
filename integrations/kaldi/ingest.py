"""Kaldi experiments below a folder: the one place that walks, and whose result becomes runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.kaldi.assemble import assemble
from speech_tracker.integrations.kaldi.layout import FileRole, role_of
from speech_tracker.integrations.kaldi.read import PARSERS, ReadFile
from speech_tracker.integrations.kaldi.scoring import parse_score_folder, parse_score_name
from speech_tracker.integrations.kaldi.walk import PRUNED, Tree

_RECIPE = ("path.sh", "cmd.sh", "run.sh")


class KaldiIngester(FolderIngester[FileRole]):
    """Reads the Kaldi experiments below a folder: a model folder, a decode folder, an `exp/` tree, a whole recipe.

    Args:
        source: what to read.
    """

    parsers = PARSERS
    pruned = PRUNED

    def __init__(self, source: Source) -> None:
        root, only = _with_model(source.root)
        super().__init__(replace(source, root=root, include=(*source.include, *only)))

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is."""
        return role_of(name, folders)

    def assemble(self, tree: Tree, files: list[ReadFile], *, now: float, follow: bool) -> Found:
        """Return the description of everything."""
        return assemble(tree, files, now=now, follow=follow)

    @classmethod
    def recognises(cls, root: Path) -> str | None:
        """Return by what a folder is known to be an experiment of Kaldi; opens nothing."""
        try:
            names = {each.name for each in root.iterdir()}
        except OSError:
            return None
        scored = next((name for name in sorted(names) if parse_score_name(name) is not None), None)
        if scored is not None:
            return f"{root / scored} is a scoring file"
        folders = [root / name for name in ("log", "exp") if name in names]
        logs = (each for folder in folders if folder.is_dir() for each in sorted(folder.iterdir()))
        for each in logs:
            role = role_of(each.name, ("log",))
            if role is not None and role.grammar not in ("", "job"):
                return f"{each} is a log of its programs"
        script = next((name for name in _RECIPE if name in names), None)
        return f"{root / script} stands beside exp" if script is not None and "exp" in names else None


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
