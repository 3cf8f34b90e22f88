"""What was read of each file, so that a second pass reads only what is new.

A file is known by its size, modification time and inode. One that has grown is read on from the last complete line, if
what stood before that point still stands there; one that was replaced, rotated or overwritten is read anew.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.codec import RecordCodec

FORMAT = 1
ANCHOR_BYTES = 256
"""How much before the stopping point is compared to tell a grown file from an overwritten one."""


@dataclass(slots=True)
class FileState:
    """What is known of one file.

    Attributes:
        size: bytes when it was read.
        mtime_ns: of the last change.
        inode: a new one means that the file was replaced.
        role: what it was read as.
        offset: behind the last complete line; 0 for files that are always read whole.
        lines: complete lines before the offset.
        anchor: checksum of the bytes before the offset.
        records: of the lines before the offset, or of the whole file.
        problems: likewise.
        tail: records of the unfinished last line.
    """

    size: int
    mtime_ns: int
    inode: int
    role: str
    offset: int = 0
    lines: int = 0
    anchor: int = 0
    records: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tail: list[Any] = field(default_factory=list)

    def is_unchanged(self, stat: os.stat_result, role: str) -> bool:
        """Return whether the file is as it was when it was read as that."""
        return (
            self.size == stat.st_size
            and self.mtime_ns == stat.st_mtime_ns
            and self.inode == stat.st_ino
            and self.role == role
        )


def anchor(before: bytes) -> int:
    """Return the checksum of the last `ANCHOR_BYTES` bytes."""
    return zlib.crc32(before[-ANCHOR_BYTES:])


class FileStates:
    """The states of all files below a folder, kept in one file.

    Args:
        path: where they are kept; None to keep them in memory only.
        version: of the parsers; states of another version are not used.
        codec: for the records.
    """

    def __init__(self, path: Path | None, version: str, codec: RecordCodec) -> None:
        self._path = path
        self._version = version
        self._codec = codec
        self._changed = False
        self._raw: dict[str, list[Any]] = {}
        self._states: dict[str, FileState] = {}
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            content = orjson.loads(path.read_bytes())
            if content["format"] == FORMAT and content["version"] == self._version:
                self._raw = dict(content["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return  # no state, or none of ours: everything is read again, which is slower and never wrong

    def get(self, name: str) -> FileState | None:
        """Return what is known of a file, None when nothing is."""
        state = self._states.get(name)
        if state is None and name in self._raw:
            try:
                state = self._decoded(self._raw[name])
            except (KeyError, TypeError, ValueError, IndexError):
                return None
            self._states[name] = state
        return state

    def put(self, name: str, state: FileState) -> None:
        """Remember a file."""
        self._states[name] = state
        self._changed = True

    def keep_only(self, names: set[str]) -> None:
        """Forget the files that are gone."""
        for known in (self._raw, self._states):
            for name in [each for each in known if each not in names]:
                del known[name]
                self._changed = True

    def save(self) -> None:
        """Write the states, if there is anything new.

        Raises:
            OSError: the file cannot be written.
        """
        if self._path is None or not self._changed:
            return
        from speech_tracker.paths import write_atomically

        files = {**self._raw, **{name: self._encoded(state) for name, state in self._states.items()}}
        content = {"format": FORMAT, "version": self._version, "files": files}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, orjson.dumps(content))
        self._changed = False

    def _encoded(self, state: FileState) -> list[Any]:
        return [
            state.size,
            state.mtime_ns,
            state.inode,
            state.role,
            state.offset,
            state.lines,
            state.anchor,
            [self._codec.encode(each) for each in state.records],
            [[each.line_number, each.text, each.reason] for each in state.problems],
            [self._codec.encode(each) for each in state.tail],
        ]

    def _decoded(self, values: list[Any]) -> FileState:
        size, mtime_ns, inode, role, offset, lines, anchored, records, problems, tail = values
        return FileState(
            size,
            mtime_ns,
            inode,
            role,
            offset,
            lines,
            anchored,
            [self._codec.decode(each) for each in records],
            [Problem(*each) for each in problems],
            [self._codec.decode(each) for each in tail],
        )
