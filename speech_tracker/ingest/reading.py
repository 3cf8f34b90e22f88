"""Reading the files of a walked tree, each with its parser, and none twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.filestate import FileState, FileStates
from speech_tracker.ingest.logfile import LFS_POINTER, NOT_FETCHED, read_log
from speech_tracker.ingest.scan import Grammar
from speech_tracker.ingest.walk import Entry, R, Tree

LARGEST = 64 << 20
"""Bytes. Files other than logs are read whole, and none of them is this large."""


@dataclass(frozen=True, slots=True)
class Parsers:
    """How the files of a toolkit are read, by the `parser` of their role.

    Attributes:
        logs: grammars of files that only grow: read line by line, and on from where they stopped.
        whole: functions from the bytes of a file to its records and problems, for files that are rewritten.
        codec: for the records of both; its modules are those of the parsers.
        version: raised when a parser gives other records than before, so that what was read is read again.
        may_be_empty: parsers of files of which an empty one says something too.
        must_say: parsers of files without a record are a problem → what is missing.
        head: makes a record of the first bytes of a log, or None.
        binary: parsers of files that are no text.
    """

    logs: Mapping[str, Grammar]
    whole: Mapping[str, Callable[[bytes], Iterable[Any]]]
    codec: RecordCodec
    version: str = "1"
    may_be_empty: frozenset[str] = frozenset()
    must_say: Mapping[str, str] = field(default_factory=dict)
    head: Callable[[bytes], Any] | None = None
    binary: frozenset[str] = frozenset()

    def reads(self, parser: str) -> bool:
        """Return whether a pass reads files of that kind; the others are opened when they are needed."""
        return parser in self.logs or parser in self.whole


@dataclass(frozen=True, slots=True)
class ReadFile(Generic[R]):
    """A file and what it said.

    Attributes:
        entry: which.
        records: in file order; those of an unfinished last line at the end.
        problems: what could not be read.
    """

    entry: Entry[R]
    records: tuple[Any, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Reader(Generic[R]):
    """Reads files, and remembers what they said.

    Attributes:
        root: folder that the paths are relative to.
        states: what was read before.
        parsers: for what is read.
        progress: told after each file that had to be opened.
        changed: paths of the files that were not as remembered.
    """

    root: Path
    states: FileStates
    parsers: Parsers
    progress: Callable[[], None] | None = None
    changed: list[str] = field(default_factory=list)

    def read(self, entry: Entry[R]) -> ReadFile[R]:
        """Return what a file says, from memory where it has not changed; a file that cannot be read is a problem."""
        role = entry.role.name
        state = self.states.get(entry.path)
        if state is None or not state.is_unchanged(entry.stat, role):
            try:
                state = self._open(entry, role, state)
            except OSError as error:
                return ReadFile(entry, (), (Problem(0, "", f"cannot be read: {error.strerror or error}"),))
            self.states.put(entry.path, state)
            self.changed.append(entry.path)
            if self.progress is not None:
                self.progress()
        return ReadFile(entry, (*state.records, *state.tail), tuple(state.problems))

    def read_all(self, tree: Tree[R]) -> list[ReadFile[R]]:
        """Read every file of a tree that a pass reads, in the order of the walk; forget those that are gone."""
        files = [self.read(entry) for entry in tree.entries if self.parsers.reads(entry.role.parser)]
        self.states.keep_only({entry.path for entry in tree.entries})
        return files

    def _open(self, entry: Entry[R], role: str, before: FileState | None) -> FileState:
        path, parser = self.root / entry.path, entry.role.parser
        if parser in self.parsers.logs:
            return read_log(path, role, self.parsers.logs[parser], before, head=self.parsers.head)
        stat = entry.stat
        state = FileState(stat.st_size, stat.st_mtime_ns, stat.st_ino, role)
        if stat.st_size > LARGEST:
            state.problems.append(Problem(0, "", f"{stat.st_size} bytes are too many for a file of this name"))
            return state
        with path.open("rb", buffering=0) as file:
            data = file.read(LARGEST)
            stat = os.fstat(file.fileno())
        state.size, state.mtime_ns, state.inode = len(data), stat.st_mtime_ns, stat.st_ino
        unusable = self._unusable(data, parser)
        if unusable:
            state.problems.append(Problem(0, "", unusable))
            return state
        try:
            for each in self.parsers.whole[parser](data):
                (state.problems if isinstance(each, Problem) else state.records).append(each)
        except (ValueError, OverflowError) as error:  # such as a number of thousands of digits
            state.problems.append(Problem(0, "", f"a value in it cannot be read: {error}"))
        if parser in self.parsers.must_say and not state.records and not state.problems:
            state.problems.append(Problem(0, "", self.parsers.must_say[parser]))
        return state

    def _unusable(self, data: bytes, parser: str) -> str:
        if not data.strip() and parser not in self.parsers.may_be_empty:
            return "the file is empty"
        if data.startswith(LFS_POINTER):
            return NOT_FETCHED
        is_text = parser in self.parsers.binary or b"\0" not in data[:4096]
        return "" if is_text else "binary data where text was expected"
