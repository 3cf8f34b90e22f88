"""Alignment in other processes, for sets so large that it pays.

The workers are fresh interpreters that talk through their pipes. They do not fork, so neither locks nor a GPU context
of the caller are copied, and they do not import the caller's main module, so no script needs a guard for them.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from speech_tracker.evaluation.align import AlignedBatch, Aligner
from speech_tracker.evaluation.align_pipe import receive, send
from speech_tracker.evaluation.align_sclite import TextError

_PROGRAM = "speech_tracker.evaluation.align_serve"
_WORTH_IT = 150_000
"""Utterances below which starting processes costs more than they save."""


def align_in_processes(
    aligner: Aligner, references: Sequence[str], hypotheses: Sequence[str], workers: int | None = None
) -> AlignedBatch:
    """Align as `Aligner.align` does, in several processes where that is faster.

    Args:
        aligner: how to align.
        references: n texts.
        hypotheses: n texts.
        workers: processes to start; 1 for none; `None` for as many as this process may use cores, at most 8, when
            there are more than 150,000 utterances.

    Raises:
        TextError: a text cannot be read.
    """
    if workers is None:
        workers = min(8, usable_cores()) if len(references) > _WORTH_IT else 1
    chunks = list(aligner.chunks(references, hypotheses)) if workers > 1 else []
    workers = min(workers, len(chunks))
    if workers < 2:
        return aligner.align(references, hypotheses)
    idle: SimpleQueue[_Worker] = SimpleQueue()

    def align(chunk: slice) -> AlignedBatch:
        worker = idle.get()
        try:
            return worker.align(references[chunk], hypotheses[chunk], chunk.start)
        finally:
            idle.put(worker)

    with contextlib.ExitStack() as stack:
        for _ in range(workers):
            idle.put(stack.enter_context(_Worker(aligner)))
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        return AlignedBatch.join(list(pool.map(align, chunks)))


def usable_cores() -> int:
    """Cores that this process may run on: what the scheduler or the container gave, not what the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    """One process. Should it not start, or die, its work is done in this process instead."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Worker:
        package_folder = str(Path(__file__).resolve().parents[2])
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package_folder, environment.get("PYTHONPATH")]))
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def align(self, references: Sequence[str], hypotheses: Sequence[str], position: int) -> AlignedBatch:
        if self._process is not None:
            try:
                answer = self._ask((self._aligner, references, hypotheses, position))
            except (OSError, EOFError, pickle.UnpicklingError):
                self.__exit__()
            else:
                if isinstance(answer, TextError):
                    raise answer
                if isinstance(answer, AlignedBatch):
                    return answer
        return self._aligner.align_chunk(references, hypotheses, position)

    def _ask(self, question: object) -> object:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        send(self._process.stdin, question)
        return receive(self._process.stdout)
