"""Reading a log file with a grammar: in pieces, and on from where it stopped when it has grown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.filestate import ANCHOR_BYTES, FileState, anchor
from speech_tracker.ingest.scan import Grammar, LogScanner

PIECE_BYTES = 1 << 20

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS has not fetched."""

NOT_FETCHED = "a Git LFS pointer stands here in place of the file; `git lfs pull` fetches it"


def read_log(
    path: Path,
    role: str,
    grammar: Grammar,
    before: FileState | None,
    *,
    head: Callable[[bytes], Any] | None = None,
) -> FileState:
    """Read a log, or the part of it that is new, and return its state.

    Args:
        path: the file.
        role: what it is read as.
        grammar: what to look for.
        before: its state when it was read last, None when it never was.
        head: makes a record of the first bytes of the file, or None when they hold nothing.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        stat = os.fstat(file.fileno())
        state = FileState(stat.st_size, stat.st_mtime_ns, stat.st_ino, role)
        if before is not None and before.role == role and before.inode == stat.st_ino and _goes_on(file, before, stat):
            state.offset, state.lines = before.offset, before.lines
            state.records, state.problems = list(before.records), list(before.problems)
        file.seek(state.offset)
        scanner = LogScanner(grammar, line_number=state.lines)
        first = state.offset == 0
        position = state.offset
        last = b""
        while piece := file.read(PIECE_BYTES):
            if first:
                first = False
                found = head(piece) if head is not None else None
                if found is not None:
                    state.records.append(found)
                if piece.startswith(LFS_POINTER):
                    state.problems.append(Problem(0, "", NOT_FETCHED))
                if b"\0" in piece[:4096]:
                    state.problems.append(Problem(0, "", "binary data where a log was expected"))
            for each in scanner.feed(piece):
                (state.problems if isinstance(each, Problem) else state.records).append(each)
            position += len(piece)
            last = (last + piece)[-(ANCHOR_BYTES + scanner.pending) :]
        state.tail = [each for each in scanner.finish() if not isinstance(each, Problem)]
        # a file may have grown since it was asked for its size: what was read is what counts
        state.size = max(position, state.offset)
        state.offset = position - scanner.pending
        state.lines = scanner.line_number
        complete = last[: len(last) - scanner.pending]
        if len(complete) < min(ANCHOR_BYTES, state.offset):
            complete = _bytes_before(file, state.offset)
        state.anchor = anchor(complete)
        return state


def pieces_of(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces; nothing where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError:
        return


def _goes_on(file: Any, before: FileState, stat: os.stat_result) -> bool:
    """Whether the file still begins with what was read."""
    if stat.st_size < before.offset or before.offset == 0:
        return False
    return anchor(_bytes_before(file, before.offset)) == before.anchor


def _bytes_before(file: Any, offset: int) -> bytes:
    start = max(0, offset - ANCHOR_BYTES)
    file.seek(start)
    data: bytes = file.read(offset - start)
    return data
