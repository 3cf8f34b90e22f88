"""Logs of nnet1 (Karel's recipe): `iterNN.tr.log`, `iterNN.cv.log`, `iter00.initial.log`, `train_nnet.log`, `rbm.N.log`.

The last `AverageLoss` of a log is the one that counts: a multi-task network prints one per task and the overall one last.

Source: nnet/nnet-loss.cc, nnetbin/nnet-train-frmshuff.cc, nnetbin/rbm-train-cd1-frmshuff.cc,
steps/nnet/train_scheduler.sh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class AverageLoss:
    """``AvgLoss: 1.61697 (Xent), [AvgXent: 1.61697, AvgTargetEnt: 0]``; lower is better.

    Attributes:
        loss: per frame.
        criterion: ``Xent``, ``Mse`` or ``MultiTaskLoss``.
    """

    loss: float
    criterion: str


@dataclass(frozen=True, slots=True)
class FrameAccuracy:
    """``FRAME_ACCURACY >> 55.5472% <<``: in **percent**, as printed."""

    percent: float


@dataclass(frozen=True, slots=True)
class CrossValidationStart:
    """``CROSSVAL PRERUN AVG.LOSS 7.4946 (Xent),``: before the first iteration."""

    loss: float


@dataclass(frozen=True, slots=True)
class ScheduledIteration:
    """``ITERATION 05: TRAIN AVG.LOSS 0.9069, (lrate0.004), CROSSVAL AVG.LOSS 2.0296, nnet accepted (nnet_iter05)``.

    Attributes:
        iteration: from 1.
        train_loss: per frame.
        learning_rate: of this iteration.
        valid_loss: per frame.
        verdict: ``accepted`` or ``rejected`` (then training went on from the best network so far).
    """

    iteration: int
    train_loss: float
    learning_rate: float
    valid_loss: float
    verdict: str


@dataclass(frozen=True, slots=True)
class PretrainingProgress:
    """``ProgressLoss[last 5h of 40h]: 53.2609 (Mse)`` of RBM pre-training."""

    hours: float
    loss: float
    criterion: str


NNET1 = Grammar(
    (
        logged(AverageLoss, b"AvgLoss: ", rb"AvgLoss: " + NUMBER + rb" \((\w+)\)"),
        Message(AverageLoss, b"AvgLoss: ", rb"AvgLoss: " + NUMBER + rb" \((\w+)\)"),
        Message(AverageLoss, b"Loss (OVERALL), AvgLoss: ", rb"Loss \(OVERALL\), AvgLoss: " + NUMBER + rb" \((\w+)\)"),
        logged(AverageLoss, b"Loss (OVERALL), AvgLoss: ", rb"Loss \(OVERALL\), AvgLoss: " + NUMBER + rb" \((\w+)\)"),
        Message(FrameAccuracy, b"FRAME_ACCURACY >> ", rb"FRAME_ACCURACY >> " + NUMBER + rb"% <<"),
        Message(CrossValidationStart, b"CROSSVAL PRERUN AVG.LOSS ", rb"CROSSVAL PRERUN AVG\.LOSS " + NUMBER + rb" "),
        Message(
            ScheduledIteration,
            b"ITERATION ",
            rb"ITERATION "
            + WHOLE
            + rb": TRAIN AVG\.LOSS "
            + NUMBER
            + rb", \(lrate"
            + NUMBER
            + rb"\), CROSSVAL AVG\.LOSS "
            + NUMBER
            + rb", nnet (accepted|rejected) \(",
            # a line that is still being written, or that says "skipping..." after a restart, is no damage
            common=True,
        ),
        logged(
            PretrainingProgress,
            b"ProgressLoss[last ",
            rb"ProgressLoss\[last \d+h of " + NUMBER + rb"h\]: " + NUMBER + rb" \((\w+)\)",
        ),
    )
)


def parse_nnet1_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what an nnet1 log says, in file order.

    Yields:
        The dataclasses of this module; `Problem` for a line that cannot be read.
    """
    return scan(pieces, NNET1)
