"""Finding what a command in a log names: its paths are relative to the recipe, or of another machine."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from speech_tracker.integrations.kaldi.test_sets import data_path

_FARTHEST = 8
"""Levels above a folder in which the recipe's own folder is looked for."""


def find_data(named: str, near: Path) -> Path | None:
    """Return the data folder that a path in a log means, None when it is not here.

    Args:
        named: such as ``data/train`` or ``/home/someone/s5/data/train``.
        near: a folder of the same recipe.
    """
    relative = data_path(named)
    return None if relative is None else find_below_recipe(relative, near)


def find_below_recipe(relative: str, near: Path) -> Path | None:
    """Return the folder or file that a path relative to the recipe means, None when it is not here."""
    return _find(relative, str(near.absolute()))


@lru_cache(maxsize=4096)
def _find(relative: str, near: str) -> Path | None:
    folder = near
    for _ in range(_FARTHEST):
        candidate = os.path.join(folder, relative)  # noqa: PTH118 - the path of a log is text, and this is asked often
        if os.path.exists(candidate):  # noqa: PTH110 - likewise
            return Path(candidate)
        parent = os.path.dirname(folder)  # noqa: PTH120 - likewise
        if parent == folder:
            break
        folder = parent
    return None
