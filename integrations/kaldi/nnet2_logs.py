"""Logs of nnet2 (Dan's first neural networks): `train.X.J.log`, `compute_prob_{train,valid}.X.log`, `combine.log`, `shrink.X.log`.

Source: nnet2/train-nnet.cc, nnet2/nnet-update-parallel.cc, nnet2bin/nnet-compute-prob.cc, nnet2/combine-nnet-fast.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class Backprop:
    """``Did backprop on 34435 examples, average log-prob per frame is -5.15441``.

    Attributes:
        examples: weighted number of frames.
        log_probability_per_frame: of the correct state.
    """

    examples: float
    log_probability_per_frame: float


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """``Saw 4000 examples, average probability is -1.7921 and accuracy is 0.5175 with total weight 4000``.

    Attributes:
        examples: read.
        log_probability_per_frame: called "average probability" in the log.
        accuracy: as a fraction.
        weight: what the averages are weighted by.
    """

    examples: float
    log_probability_per_frame: float
    accuracy: float
    weight: float


@dataclass(frozen=True, slots=True)
class InterimDiagnostic:
    """``Saw 1000 examples, average probability is -1.8 with total weight 1000``: on the way, without accuracy."""

    examples: float
    log_probability_per_frame: float
    weight: float


@dataclass(frozen=True, slots=True)
class NetworksCombined:
    """``Combining nnets, objf per frame changed from -1.69451 to -1.59928``."""

    before: float
    after: float


NNET2 = Grammar(
    (
        logged(
            Backprop,
            b"Did backprop on ",
            rb"Did backprop on " + NUMBER + rb" examples, average log-prob per frame is " + NUMBER,
            open_ended=True,
        ),
        logged(
            Diagnostic,
            b"Saw ",
            rb"Saw "
            + NUMBER
            + rb" examples, average probability is "
            + NUMBER
            + rb" and accuracy is "
            + NUMBER
            + rb" with total weight "
            + NUMBER,
            open_ended=True,
            common=True,
        ),
        logged(
            InterimDiagnostic,
            b"Saw ",
            rb"Saw " + NUMBER + rb" examples, average probability is " + NUMBER + rb" with total weight " + NUMBER,
            open_ended=True,
            common=True,
        ),
        logged(
            NetworksCombined,
            b"Combining nnets, objf",
            rb"Combining nnets, objf per frame changed from " + NUMBER + rb" to " + NUMBER,
            open_ended=True,
        ),
        logged(
            NetworksCombined,
            b"Combining nnets, objf",
            rb"Combining nnets, objf/frame \+ regularizer changed from [^=\n]* = "
            + NUMBER
            + rb" to [^=\n]* = "
            + NUMBER,
            open_ended=True,
        ),
    )
)


def parse_nnet2_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what an nnet2 log says, in file order.

    Yields:
        The dataclasses of this module; `Problem` for a line that cannot be read.
    """
    return scan(pieces, NNET2)
