"""Kaldi experiments below a folder: the one place that walks, and whose result becomes runs."""

from __future__ import annotations

import re
from pathlib import Path

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.recognise import Sign
from speech_tracker.integrations.kaldi.assemble import assemble
from speech_tracker.integrations.kaldi.layout import FileRole, role_of
from speech_tracker.integrations.kaldi.read import PARSERS, ReadFile
from speech_tracker.integrations.kaldi.scoring import parse_score_folder, parse_score_name
from speech_tracker.integrations.kaldi.walk import PRUNED, Tree

_PROGRAMS = "acc|align|ali|fmllr|mono|update|train|progress|combine|compute_prob_(train|valid)|decode|make_\\w+"
SIGNS = (
    Sign(r"/(wer|cer)_\d+(_-?[\d.]+)?$", "is a scoring file", rb"%WER"),
    Sign(rf"/log/({_PROGRAMS})(\.\w+)*\.log$", "is a log of its programs", rb"^# |\n(LOG|WARNING|VLOG) ?\("),
    Sign(r"/make_\w+/.*\.log$", "is a log of its programs", rb"^# |\n(LOG|WARNING|VLOG) ?\("),
    Sign(r"/scoring(_kaldi)?/(best_wer|penalty_[\d.]+/\d+\.txt)$", "is a scoring file"),
    Sign(r"/(best_wer|final\.mdl|num_pdfs)$", "is one of its files"),
    Sign(r"/path\.sh$", "says where Kaldi is", rb"KALDI_ROOT"),
)
"""What only Kaldi's programs and scripts write; a scoring file of a recipe is told by what is in it."""


class KaldiIngester(FolderIngester[FileRole]):
    """Reads the Kaldi experiments below a folder: a model folder, a decode folder, an `exp/` tree, a whole recipe.

    Args:
        source: what to read.
    """

    parsers = PARSERS
    signs = SIGNS
    pruned = PRUNED

    def narrowed(self, root: Path) -> tuple[Path, tuple[str, ...]]:
        """Return the folder of the model that decodes belong to."""
        return _with_model(root)

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is."""
        return role_of(name, folders)

    def assemble(self, tree: Tree, files: list[ReadFile], *, now: float, follow: bool) -> Found:
        """Return the description of everything."""
        return assemble(tree, files, now=now, follow=follow)


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
    if not (scored or searched) or parent.name == "exp" or not _is_model(parent):
        return root, ()
    return parent, (name,)


def _is_model(folder: Path) -> bool:
    """Whether a folder above a decode folder is its model's, and not just any place that it was copied to."""
    if "exp" in folder.parts[:-1]:
        return True
    signs = ("log", "num_jobs", "tree", "cmvn_opts", "final.mdl", "final.nnet")
    return any((folder / name).exists() for name in signs)
