"""What nnet3's `train.py` says itself: its output, wherever it was sent, and `accuracy.report`.

Source: steps/nnet3/train_dnn.py, steps/nnet3/chain/train.py, steps/libs/nnet3/report/log_parse.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import NUMBER, WHOLE, number
from speech_tracker.ingest.scan import Grammar, Message, Record, scan


@dataclass(frozen=True, slots=True)
class TrainerIteration:
    """``Iter: 12/540   Jobs: 3   Epoch: 0.13/4.0 (3.2% complete)   lr: 0.000891   shrink: 0.98765``.

    Attributes:
        iteration: from 0.
        last_iteration: the number after the slash.
        jobs: how many trained in parallel; older versions do not say.
        epoch: passes over the data so far.
        epochs: planned.
        learning_rate: the effective rate times the number of jobs.
        shrink: factor on the parameters, where it is used.
    """

    iteration: int
    last_iteration: int
    jobs: int | None
    epoch: float
    epochs: float
    learning_rate: float
    shrink: float | None


TRAINER = Grammar(
    (
        Message(
            TrainerIteration,
            b"Iter: ",
            rb"Iter: "
            + WHOLE
            + rb"/"
            + WHOLE
            + rb"\s+(?:Jobs: "
            + WHOLE
            + rb"\s+)?Epoch: "
            + NUMBER
            + rb"/"
            + NUMBER
            + rb" \([^)\n]*\)\s+lr: "
            + NUMBER
            + rb"(?:\s+shrink: "
            + NUMBER
            + rb")?",
            lead=b"INFO ] ",
            open_ended=True,
        ),
    )
)


def parse_trainer_output(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield a `TrainerIteration` for each iteration that `train.py` announced; `Problem` for a damaged line."""
    return scan(pieces, TRAINER)


_ARGUMENTS = re.compile(r"Arguments for the experiment\s*\n(\{.*?\})[ \t]*$", re.DOTALL | re.MULTILINE)


def parse_arguments(text: str) -> dict[str, object] | None:
    """Return the arguments that `train.py` prints when it starts, or None when they are not there whole.

    Args:
        text: the output of `train.py` or of a recipe that calls it; the last training in it counts.
    """
    found: dict[str, object] | None = None
    for match in _ARGUMENTS.finditer(text):
        try:
            value = ast.literal_eval(match[1])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            found = {str(key): each for key, each in value.items()}
    return found


@dataclass(frozen=True, slots=True)
class ReportedIteration:
    """A line of `accuracy.report`: ``12  98.0  -1.07591  -1.08398  -0.00807``.

    Attributes:
        iteration: from 0.
        seconds: the longest job.
        train: objective or accuracy on training data; which of them, the file does not say.
        valid: likewise on held-out data.
    """

    iteration: int
    seconds: float
    train: float
    valid: float


@dataclass(frozen=True, slots=True)
class ReportedTotal:
    """``Total training time is 1 day, 3:34:03``, which is written when training is done."""

    seconds: int


_ROW = re.compile(rb"^(\d{1,15})\s+" + NUMBER + rb"\s+" + NUMBER + rb"\s+" + NUMBER + rb"(?:\s|$)")
_TOTAL = re.compile(rb"^Total training time is (?:(\d{1,15}) days?, )?(\d{1,15}):(\d\d):(\d\d)")


def parse_accuracy_report(data: bytes) -> Iterator[Record | Problem]:
    """Yield the rows of an `accuracy.report`: `ReportedIteration`, `ReportedTotal`, and `Problem` for a damaged row."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for line_number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r")
        if not line.strip() or line.startswith(b"%"):
            continue
        total = _TOTAL.match(line)
        if total is not None:
            days, hours, minutes, seconds = (int(part or 0) for part in total.groups())
            yield ReportedTotal(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
            continue
        row = _ROW.match(line)
        if row is not None:
            # a torn last row may have lost digits of its last number, which is the difference and not read
            yield ReportedIteration(int(row[1]), number(row[2]), number(row[3]), number(row[4]))
        elif line_number < len(lines):
            reason = "expected iteration, seconds, train and valid values, difference"
            yield Problem(line_number, shown(line.decode("utf-8", "backslashreplace")), reason)
