"""Logs of nnet3 and chain (LF-MMI): `train.X.J.log`, `compute_prob_{train,valid}.X.log`, `combine.log`.

Every value is keyed by the name of the network's output, because a multi-task network has several and a chain network
has ``output-xent`` beside ``output``. Frames are output frames: with frame subsampling by 3, a third of the input.

Source: nnet3/nnet-training.cc, nnet3/nnet-chain-training.cc, nnet3/nnet-diagnostics.cc, nnet3/nnet-chain-diagnostics.cc,
nnet3/nnet-discriminative-diagnostics.cc, nnet3/nnet-utils.cc, chainbin/nnet3-chain-combine.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class TrainObjective:
    """``Overall average objective function for 'output' is -0.516688 + -0.00764069 = -0.524329 over 512000 frames.``.

    Attributes:
        output: name of the network's output.
        objective: per frame, without the regularisation.
        regularizer: l2 and other terms, per frame; None where none is printed.
        total: objective + regularizer; None likewise.
        frames: output frames.
    """

    output: str
    objective: float
    regularizer: float | None
    total: float | None
    frames: float


@dataclass(frozen=True, slots=True)
class PhaseObjective:
    """``Average objective function for 'output' for minibatches 0-9 is -0.57137 over 64000 frames.``.

    One per `--print-interval` minibatches. They are read only where the overall line is missing, since there are
    thousands of them.
    """

    output: str
    first_minibatch: int
    last_minibatch: int
    objective: float
    regularizer: float | None
    total: float | None
    frames: float


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """``Overall log-likelihood for 'output' is -0.98 per frame, over 10000 frames.``.

    Attributes:
        quantity: ``log-likelihood``, ``log-probability`` (chain), ``objective`` (quadratic), ``accuracy`` (a fraction),
            or ``<criterion> objective`` such as ``smbr objective``.
        output: name of the network's output.
        value: per frame, without the regularisation.
        regularizer: l2 term of chain networks; None where none is printed.
        frames: output frames.
    """

    quantity: str
    output: str
    value: float
    regularizer: float | None
    frames: float


@dataclass(frozen=True, slots=True)
class MaxChange:
    """``For tdnn1.affine, per-component max-change was enforced 1.25 % of the time.``: in **percent**, as printed."""

    component: str
    percent: float


@dataclass(frozen=True, slots=True)
class GlobalMaxChange:
    """``The global max-change was enforced 0.5 % of the time.``: in **percent**, as printed."""

    percent: float


@dataclass(frozen=True, slots=True)
class ModelsCombined:
    """``Combining 12 nnets, objective function changed from -0.0412 to -0.0405``."""

    models: int
    before: float
    after: float


_SUM = rb"(?: \+ " + NUMBER + rb" = " + NUMBER + rb")?"
_PER_FRAME = rb" per frame, over " + NUMBER + rb" frames"

NNET3 = Grammar(
    (
        logged(
            TrainObjective,
            b"Overall average objective function for '",
            rb"Overall average objective function for '([^'\n]+)' is "
            + NUMBER
            + _SUM
            + rb" over "
            + NUMBER
            + rb" frames",
        ),
        *(
            logged(
                Diagnostic,
                b"Overall " + quantity + b" for '",
                rb"Overall ("
                + quantity
                + rb") for '([^'\n]+)' is "
                + NUMBER
                + rb"(?: \+ "
                + NUMBER
                + rb" = [^ \n]+)?"
                + _PER_FRAME,
            )
            for quantity in (b"log-likelihood", b"log-probability", b"objective", b"accuracy")
        ),
        *(
            logged(
                Diagnostic,
                b"Overall " + criterion + b" objective for '",
                rb"Overall ("
                + criterion
                + rb" objective) for '([^'\n]+)' is "
                + NUMBER
                + rb"(?: \+ "
                + NUMBER
                + rb")?"
                + _PER_FRAME,
            )
            for criterion in (b"smbr", b"mmi", b"mpfe")
        ),
        logged(
            MaxChange,
            b"For ",
            rb"For ([^\s,]+), per-component max-change was enforced " + NUMBER + rb" ?\\?% of the time",
            common=True,
        ),
        logged(
            GlobalMaxChange,
            b"The global max-change was enforced ",
            rb"The global max-change was enforced " + NUMBER + rb" ?\\?% of the time",
        ),
        logged(
            ModelsCombined,
            b"Combining ",
            rb"Combining " + WHOLE + rb" nnets, objective function changed from " + NUMBER + rb" to " + NUMBER,
            open_ended=True,
            common=True,
        ),
    )
)

PHASES = Grammar(
    (
        logged(
            PhaseObjective,
            b"Average objective function for '",
            # Kaldi leaves out the closing quote when the last phase is short and has no second term
            rb"Average objective function for '([^'\n ]+)'?(?: for minibatches| using \d+ minibatches in +minibatch range) "
            + WHOLE
            + rb"-"
            + WHOLE
            + rb" is "
            + NUMBER
            + _SUM
            + rb" over "
            + NUMBER
            + rb" frames",
        ),
    )
)


def parse_nnet3_log(pieces: bytes | Iterable[bytes], *, phases: bool = False) -> Iterator[Record | Problem]:
    """Yield what an nnet3 or chain log says, in file order.

    Args:
        pieces: the log, whole or in pieces.
        phases: also the objective of each `--print-interval` minibatches, for a log that stops before its summary.

    Yields:
        The dataclasses of this module; `Problem` for a line that cannot be read.
    """
    return scan(pieces, NNET3 + PHASES if phases else NNET3)
