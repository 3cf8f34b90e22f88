"""The files of a Kaldi experiment: which folders are worth entering, and what is in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

from speech_tracker.ingest import walk as walking
from speech_tracker.ingest.walk import Patterns
from speech_tracker.integrations.kaldi.layout import FileRole, role_of

Entry: TypeAlias = walking.Entry[FileRole]
Tree: TypeAlias = walking.Tree[FileRole]

PRUNED = re.compile(
    r"^(\.git|\.backup|__pycache__|q|sdata|split\d+(utt)?|graph.*|phones|lang|wav|audio|sync|mfcc|plp|fbank)$"
)
"""Folders without results: what was submitted to the queue, graphs, features, audio. `make_mfcc` is not among them."""


def walk(root: Path, patterns: Patterns | None = None) -> Tree:
    """Return the tree below a folder, in the order of names.

    Raises:
        OSError: the root cannot be read.
    """
    return walking.walk(root, role_of, patterns, PRUNED)
