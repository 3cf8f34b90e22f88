"""Lines that WeNet prints in training; recipes keep them where their user sent them.

Source: wenet/utils/executor.py, wenet/utils/train_utils.py and wenet/bin/train.py of WeNet 1.0 to 3.1. Real lines::

    I0623 22:06:29.409864 139680259150208 executor.py:114] TRAIN Batch 0/100 loss 333.560608 loss_att 117.518654
        loss_ctc 837.658508 lr 0.00000140 rank 0
    I0623 22:07:43.703352 139680259150208 train.py:275] Epoch 0 CV info cv_loss 138.58200433149423
    2024-01-02 10:00:00,123 DEBUG TRAIN | steps/sec 1.234| Batch 0/100 loss 12.3 acc 0.1 lr 2.00e-05 grad_norm 9.5 rank 0
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.ingest.numerals import NUMBER, WHOLE, number
from speech_tracker.ingest.scan import Grammar, Message
from speech_tracker.integrations.wenet.headers import time_of


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """``TRAIN Batch 0/100 loss 333.560608 loss_att 117.5 loss_ctc 837.6 lr 0.00000140 rank 0``.

    Attributes:
        line_number: from 1.
        time: see `headers.time_of`.
        rank: of the process.
        epoch: from 0.
        batch: within the epoch; WeNet 3 counts from 1, earlier versions from 0.
        counts_from_one: whether this is a line of WeNet 3.
        values: losses, accuracies, ``lr`` and ``grad_norm``.
    """

    line_number: int
    time: float | None
    rank: int
    epoch: int
    batch: int
    counts_from_one: bool
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class CvBatch:
    """``CV Batch 0/0 loss 67.9 … history loss 63.995577 rank 0``: a part of the validation, so no value of a curve.

    Attributes:
        line_number: from 1.
        epoch: from 0.
        history_loss: mean so far.
    """

    line_number: int
    epoch: int
    history_loss: float | None


@dataclass(frozen=True, slots=True)
class EpochBegins:
    """``Epoch 0 TRAIN info lr 2e-07``; WeNet 3: ``Epoch 0 Step 0 TRAIN info lr 2.00e-07 rank 0``.

    Attributes:
        line_number: from 1.
        time: see `headers.time_of`.
        rank: of the process.
        epoch: from 0.
        step: updates so far; None where it does not say.
        learning_rate: of the first group.
    """

    line_number: int
    time: float | None
    rank: int
    epoch: int
    step: int | None
    learning_rate: float


@dataclass(frozen=True, slots=True)
class CvResult:
    """``Epoch 0 CV info cv_loss 138.58``; WeNet 3: ``Epoch 0 Step 47 CV info lr 9.4e-06 cv_loss 1.2 rank 0 acc 0.3``.

    Attributes:
        line_number: from 1.
        time: see `headers.time_of`.
        rank: of the process.
        epoch: from 0.
        step: updates so far; None where it does not say.
        loss: over the whole set.
        accuracy: of the attention decoder, a fraction; None where it does not say.
    """

    line_number: int
    time: float | None
    rank: int
    epoch: int
    step: int | None
    loss: float
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """``Checkpoint: save to checkpoint exp/conformer/0.pt``."""

    line_number: int
    time: float | None
    path: str


@dataclass(frozen=True, slots=True)
class CheckpointLoaded:
    """``Checkpoint: loading from checkpoint exp/conformer/3.pt``."""

    line_number: int
    time: float | None
    path: str


@dataclass(frozen=True, slots=True)
class Accumulation:
    """``using accumulate grad, new batch size is 16 times larger than before``."""

    batches: int


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """``the number of model params: 46,248,546``."""

    count: int


_VALUE = re.compile(rb"([A-Za-z_][\w/]*) " + NUMBER + rb"(?=\s|$)")
_RANK = re.compile(rb" rank (\d+)")


def _rank(text: bytes) -> int:
    match = _RANK.search(text)
    return int(match[1]) if match is not None else 0


def _train_batch(match: re.Match[bytes], line_number: int) -> TrainBatch:
    rest = match[4]
    values = tuple(
        (found[1].decode("ascii", "replace"), number(found[2]))
        for found in _VALUE.finditer(rest)
        if found[1] != b"rank"
    )
    if not values or values[0][0] != "loss":
        raise ValueError("no loss")
    return TrainBatch(
        line_number, time_of(match), _rank(rest), int(match[2]), int(match[3]), match[1] is not None, values
    )


def _cv_batch(match: re.Match[bytes], line_number: int) -> CvBatch:
    found = re.search(rb"history loss " + NUMBER, match[2])
    return CvBatch(line_number, int(match[1]), number(found[1]) if found is not None else None)


def _optional(text: bytes | None) -> int | None:
    return int(text) if text is not None else None


def _epoch_begins(match: re.Match[bytes], line_number: int) -> EpochBegins:
    rank = _rank(match.string[match.start() : match.end() + 200].partition(b"\n")[0])
    return EpochBegins(line_number, time_of(match), rank, int(match[1]), _optional(match[2]), number(match[3]))


def _cv_result(match: re.Match[bytes], line_number: int) -> CvResult:
    rest = match[4]
    accuracy = re.search(rb" acc " + NUMBER, rest)
    return CvResult(
        line_number, time_of(match), _rank(rest), int(match[1]), _optional(match[2]), number(match[3]),
        number(accuracy[1]) if accuracy is not None else None,
    )  # fmt: skip


def _path(match: re.Match[bytes]) -> str:
    return match[1].decode("utf-8", "backslashreplace").strip()


def _saved(match: re.Match[bytes], line_number: int) -> CheckpointSaved:
    return CheckpointSaved(line_number, time_of(match), _path(match))


def _loaded(match: re.Match[bytes], line_number: int) -> CheckpointLoaded:
    return CheckpointLoaded(line_number, time_of(match), _path(match))


def _after_header(lead: bytes) -> tuple[Message, ...]:
    """The messages behind ``executor.py:114] `` of absl, or behind ``DEBUG `` of Python's logging."""
    epoch = rb"Epoch (\d+)(?: Step (-?\d+))? "
    return (
        Message(TrainBatch, b"TRAIN ", rb"TRAIN (\| (?:steps/sec [\d.]+\| )?)?Batch (\d+)/(\d+) ([^\r\n]*)", lead,
                open_ended=True, common=False, build=_train_batch),
        Message(CvBatch, b"CV ", rb"CV (?:\| (?:steps/sec [\d.]+\| )?)?Batch (\d+)/\d+ ([^\r\n]*)", lead, open_ended=True,
                common=True, build=_cv_batch),
        Message(EpochBegins, b"Epoch ", epoch + rb"TRAIN info lr \[?" + NUMBER + rb"(?=[\s\],]|$)", lead, open_ended=True,
                build=_epoch_begins),
        Message(CvResult, b"Epoch ", epoch + rb"CV info (?:lr [^\r\n]*?)?cv_loss " + NUMBER + rb"(?=\s|$)([^\r\n]*)", lead,
                open_ended=True, build=_cv_result),
        Message(CheckpointSaved, b"Checkpoint: save to checkpoint ", rb"Checkpoint: save to checkpoint ([^\r\n]+)", lead,
                open_ended=True, build=_saved),
        Message(CheckpointLoaded, b"Checkpoint: loading from checkpoint ",
                rb"Checkpoint: loading from checkpoint (\S+)(?: for [CG]PU)?", lead, open_ended=True, build=_loaded),
        Message(Accumulation, b"using accumulate grad, new batch size is ",
                rb"using accumulate grad, new batch size is " + WHOLE + rb" times", lead),
    )  # fmt: skip


TRAIN = Grammar(
    (
        *(message for lead in (b"] ", b"DEBUG ", b"INFO ") for message in _after_header(lead)),
        Message(ParameterCount, b"the number of model params: ", rb"the number of model params: ([\d,]+)", open_ended=True,
                build=lambda match: ParameterCount(int(match[1].replace(b",", b"")))),
    )
)  # fmt: skip
