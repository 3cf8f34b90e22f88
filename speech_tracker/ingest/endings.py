"""How a Python training ended that did not end well: an exception, a cancelled job, a signal, too little memory.

Formats: CPython's tracebacks, messages of ``slurmstepd`` and ``srun`` (Slurm), of the shell about a job that was killed,
of ``torchrun`` and of PyTorch about memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from speech_tracker.ingest.scan import Grammar, Message


@dataclass(frozen=True, slots=True)
class TracebackBegins:
    """``Traceback (most recent call last):``.

    Attributes:
        line_number: from 1.
    """

    line_number: int


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """The last line of a traceback.

    Attributes:
        line_number: from 1.
        error: class and message, such as ``RuntimeError: CUDA error``.
    """

    line_number: int
    error: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The scheduler or a user stopped the job.

    Attributes:
        line_number: from 1.
        message: what was said.
    """

    line_number: int
    message: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a training is over.

    Attributes:
        status: ``failed`` of its own, or ``killed`` from outside.
        reason: for people.
        line_number: where it says so, from 1.
    """

    status: Literal["failed", "killed"]
    reason: str
    line_number: int


_BUILT_IN = (
    b"ArithmeticError", b"AssertionError", b"AttributeError", b"BrokenPipeError", b"BufferError", b"ConnectionError",
    b"ConnectionResetError", b"EOFError", b"Exception", b"FileExistsError", b"FileNotFoundError", b"FloatingPointError",
    b"ImportError", b"IndexError", b"IsADirectoryError", b"KeyError", b"KeyboardInterrupt", b"LookupError", b"MemoryError",
    b"ModuleNotFoundError", b"NameError", b"NotADirectoryError", b"NotImplementedError", b"OSError", b"IOError",
    b"OverflowError", b"PermissionError", b"RecursionError", b"RuntimeError", b"StopIteration", b"SyntaxError",
    b"SystemError", b"SystemExit", b"TimeoutError", b"TypeError", b"UnboundLocalError", b"UnicodeDecodeError",
    b"UnicodeEncodeError", b"ValueError", b"ZeroDivisionError",
)  # fmt: skip
_OF_LIBRARIES = (b"torch.", b"subprocess.", b"omegaconf.", b"hydra.", b"json.", b"yaml.", b"pickle.", b"numpy.", b"zipfile.",
                 b"botocore.", b"requests.", b"urllib3.", b"multiprocessing.", b"concurrent.", b"huggingface_hub.",
                 b"speechbrain.", b"espnet2.", b"fairseq.", b"lhotse.", b"k2.", b"h5py.", b"soundfile.",
                 b"hyperpyyaml.", b"ruamel.", b"configargparse.", b"typeguard.")  # fmt: skip
_NAME = rb"((?:[A-Za-z_]\w*\.)*[A-Za-z_]*(?:Error|Exception|Interrupt|Exit|StopIteration|Failure)(?::[^\r\n]*)?)\r?$"

ENDINGS = Grammar(
    (
        Message(TracebackBegins, b"Traceback (most recent call last):", rb"Traceback \(most recent call last\):"),
        *(Message(ErrorLine, name, _NAME, open_ended=True, common=True) for name in (*_BUILT_IN, *_OF_LIBRARIES)),
        *(
            Message(Cancelled, marker, b"(" + marker.replace(b"*", rb"\*") + rb"[^\r\n]*)", open_ended=True)
            for marker in (
                b"slurmstepd: error: *** ",
                b"slurmstepd: error: Detected ",
                b"srun: Job step aborted",
                b"srun: error: *** ",
                b"srun: Force Terminated",
            )
        ),
        *(
            Message(Cancelled, word, b"(" + word + rb"(?: \(core dumped\))?)\r?$", open_ended=True, common=True)
            for word in (b"Killed", b"Terminated", b"Segmentation fault", b"Bus error", b"Aborted")
        ),
    )
)
"""To be added to the grammar of a log: ``MY_GRAMMAR + ENDINGS``."""

RECORDS = (TracebackBegins, ErrorLine, Cancelled)


def ending_after(records: Iterable[Any], line_number: int) -> Ending | None:
    """Return how a log ends, None when it does not say that something went wrong.

    Args:
        records: of the log, those of `ENDINGS` among them.
        line_number: of the last line that shows that the training went on: an exception before it was caught, or
            belongs to an earlier attempt that was written to the same log.
    """
    cancelled: Cancelled | None = None
    error: ErrorLine | TracebackBegins | None = None
    for record in records:
        if not isinstance(record, RECORDS) or record.line_number <= line_number:
            continue
        if isinstance(record, Cancelled):
            cancelled = cancelled or record
        # what is raised while an exception is handled comes after it: the last line is what ended the program
        elif isinstance(record, ErrorLine) or error is None:
            error = record
    if cancelled is not None and "Detected" not in cancelled.message:
        return Ending("killed", cancelled.message, cancelled.line_number)
    if isinstance(error, ErrorLine):
        status: Literal["failed", "killed"] = "killed" if error.error.startswith("KeyboardInterrupt") else "failed"
        return Ending(status, error.error, error.line_number)
    if error is not None:
        return Ending("failed", "a traceback that is cut off", error.line_number)
    if cancelled is not None:
        return Ending("killed", cancelled.message, cancelled.line_number)
    return None
