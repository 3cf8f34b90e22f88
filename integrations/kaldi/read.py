"""Reading the files of a walked tree, each with its parser, and none twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.filestate import FileState, FileStates
from speech_tracker.ingest.logfile import read_log
from speech_tracker.ingest.scan import Grammar
from speech_tracker.integrations.kaldi import (
    align_logs,
    decode_logs,
    fmllr_logs,
    gmm_logs,
    job_headers,
    model_facts,
    nnet1_logs,
    nnet2_logs,
    nnet3_logs,
    progress_logs,
    rnnlm_logs,
    sclite_reports,
    scoring,
    sgmm_logs,
    trainer_output,
    ubm_logs,
    wer_details,
)
from speech_tracker.integrations.kaldi.job_headers import JOB
from speech_tracker.integrations.kaldi.walk import Entry, Tree

PARSERS = "1"
"""Raised when a parser gives other records than before: what older versions read is then read again."""

LARGEST = 64 << 20
"""Bytes. Files other than logs are read whole, and none of them is this large."""

_NETWORK = nnet3_logs.NNET3 + nnet2_logs.NNET2 + rnnlm_logs.RNNLM
GRAMMARS: dict[str, Grammar] = {
    "job": JOB,
    "align": align_logs.ALIGN + JOB,
    "gmm": sgmm_logs.SGMM + ubm_logs.UBM + align_logs.ALIGN + JOB,
    "fmllr": fmllr_logs.FMLLR + JOB,
    "network": _NETWORK + JOB,
    "rnnlm": rnnlm_logs.RNNLM_TOOL + JOB,
    "progress": progress_logs.PROGRESS + JOB,
    "nnet1": nnet1_logs.NNET1 + JOB,
    "decode": decode_logs.DECODE + JOB,
    "trainer": trainer_output.TRAINER + _NETWORK + JOB,
}
"""Grammar of each kind of log, by the names that `layout` uses."""

CODEC = RecordCodec(
    (
        align_logs,
        decode_logs,
        fmllr_logs,
        gmm_logs,
        job_headers,
        model_facts,
        nnet1_logs,
        nnet2_logs,
        nnet3_logs,
        progress_logs,
        rnnlm_logs,
        sclite_reports,
        scoring,
        sgmm_logs,
        trainer_output,
        ubm_logs,
        wer_details,
    )
)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file and what it said.

    Attributes:
        entry: which.
        records: in file order; those of an unfinished last line at the end.
        problems: what could not be read.
    """

    entry: Entry
    records: tuple[Any, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Reader:
    """Reads files, and remembers what they said.

    Attributes:
        root: folder that the paths are relative to.
        states: what was read before.
        progress: told after each file that had to be opened.
        changed: paths of the files that were not as remembered.
    """

    root: Path
    states: FileStates
    progress: Callable[[], None] | None = None
    changed: list[str] = field(default_factory=list)

    def read(self, entry: Entry) -> ReadFile:
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

    def _open(self, entry: Entry, role: str, before: FileState | None) -> FileState:
        path = self.root / entry.path
        if entry.role.kind in ("log", "trainer"):
            grammar = GRAMMARS[entry.role.grammar or "trainer"]
            return read_log(path, role, grammar, before, head=job_headers.parse_job_header)
        stat = entry.stat
        state = FileState(stat.st_size, stat.st_mtime_ns, stat.st_ino, role)
        if stat.st_size > LARGEST:
            state.problems.append(Problem(0, "", f"{stat.st_size} bytes are too many for a file of this name"))
            return state
        with path.open("rb", buffering=0) as file:
            data = file.read(LARGEST)
            stat = os.fstat(file.fileno())
        state.size, state.mtime_ns, state.inode = len(data), stat.st_mtime_ns, stat.st_ino
        if not data.strip() and entry.role.kind != "options":  # no option is an option
            state.problems.append(Problem(0, "", "the file is empty"))
            return state
        if b"\0" in data[:4096]:
            state.problems.append(Problem(0, "", "binary data where text was expected"))
            return state
        for each in _WHOLE[entry.role.kind](data):
            (state.problems if isinstance(each, Problem) else state.records).append(each)
        if entry.role.kind in ("score", "sys") and not state.records and not state.problems:
            state.problems.append(Problem(0, "", "no error rate is in it"))
        return state


def _number(data: bytes) -> Iterable[Any]:
    value = wer_details.parse_single_number(data)
    return (Problem(1, "", "expected one number"),) if value is None else (wer_details.SingleNumber(value),)


_WHOLE: dict[str, Callable[[bytes], Iterable[Any]]] = {
    "score": scoring.parse_score_file,
    "best": scoring.parse_score_file,
    "number": _number,
    "bootstrap": wer_details.parse_bootstrap,
    "report": trainer_output.parse_accuracy_report,
    "sys": sclite_reports.parse_sclite_summary,
    "dtl": lambda data: (sclite_reports.parse_sclite_details(data),),
    "options": lambda data: (model_facts.parse_options(data),),
    "xconfig": model_facts.parse_xconfig,
}

PARSED = frozenset({"log", "trainer", *_WHOLE})
"""Kinds of files that a pass reads; the others are opened when they are needed."""


def read_all(tree: Tree, reader: Reader) -> list[ReadFile]:
    """Read every file of a tree that a pass reads, in the order of the walk."""
    files = [reader.read(entry) for entry in tree.entries if entry.role.kind in PARSED]
    reader.states.keep_only({entry.path for entry in tree.entries})
    return files
