"""By what a folder is recognised as a toolkit's: the first file that has one of its signs."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 6
MOST_FILES = 20_000
"""A guess must not take minutes on a large tree; what is decisive stands near the top."""

HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Sign:
    """A file that only one toolkit writes.

    Attributes:
        path: regular expression that is searched in its path, with ``/`` before the first part.
        why: what such a file is, to go on the sentence "because FILE …".
        content: regular expression that must be found in its first bytes too; `b""` where the name says enough.
    """

    path: str
    why: str
    content: bytes = b""


def first_sign(root: Path, signs: Sequence[Sign], pruned: re.Pattern[str]) -> str | None:
    """Return a sentence with the first file that has a sign, None when there is none.

    Folders are searched level by level, so that a few files are looked at, not a tree.
    """
    compiled = [(re.compile(sign.path), re.compile(sign.content), sign) for sign in signs]
    for path in _files(root, pruned):
        shown = "/" + path.relative_to(root).as_posix()
        for where, what, sign in compiled:
            # the folder itself may be what a path is known by
            named = where.search(shown) or where.search(f"/{root.absolute().name}{shown}")
            if named and (not sign.content or what.search(_head(path))):
                return f"{path} {sign.why}"
    return None


def _files(root: Path, pruned: re.Pattern[str]) -> Iterator[Path]:
    level, seen = deque([(root, 0)]), 0
    while level:
        folder, depth = level.popleft()
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError:
            continue
        for each in entries:
            try:
                is_folder, is_file = each.is_dir(), each.is_file()
            except OSError:
                continue
            if is_folder:
                if depth < DEEPEST and not pruned.match(each.name):
                    level.append((Path(each.path), depth + 1))
                continue
            if not is_file:  # opening a pipe waits for somebody who writes to it
                continue
            seen += 1
            if seen > MOST_FILES:
                return
            yield Path(each.path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
