"""Logs of language model training: Kaldi's rnnlm (`train.X.J.log`, `compute_prob.X.log`) and Mikolov's `rnnlm` tool.

Source: rnnlm/rnnlm-core-training.cc, scripts/rnnlm/train_rnnlm.sh (the perplexity of the dev set is exp(-exact)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class LanguageModelObjective:
    """``Overall objf is (-4.2 + -0.5) = -4.7 over 3e+05 words (weighted) in 500 minibatches; exact = (-4.2 + -0.4) = -4.6``.

    All are log-probabilities per word, natural logarithm.

    Attributes:
        numerator: of the words themselves.
        denominator: of the normalisation, approximated by sampling.
        objective: their sum.
        words: weighted.
        minibatches: how many.
        exact: the objective with the exact normalisation; with sampling in training it is not comparable.
    """

    numerator: float
    denominator: float
    objective: float
    words: float
    minibatches: int
    exact: float | None


@dataclass(frozen=True, slots=True)
class EntropyEpoch:
    """``Iter:   0  Alpha: 0.100000  TRAIN entropy: 8.2561  Words/sec: 2541.6  VALID entropy: 7.9613``: bits per word."""

    iteration: int
    learning_rate: float
    train_entropy: float
    valid_entropy: float


RNNLM = Grammar(
    (
        logged(
            LanguageModelObjective,
            b"Overall objf is (",
            rb"Overall objf is \("
            + NUMBER
            + rb" \+ "
            + NUMBER
            + rb"\) = "
            + NUMBER
            + rb" over "
            + NUMBER
            + rb" words \(weighted\) in "
            + WHOLE
            + rb" minibatches(?:; exact = \([^)\n]*\) = "
            + NUMBER
            + rb")?",
            open_ended=True,
        ),
    )
)

RNNLM_TOOL = Grammar(
    (
        # the tool redraws its line with carriage returns, so an epoch ends somewhere inside a long line
        Message(
            EntropyEpoch,
            b"",
            rb"\s*"
            + WHOLE
            + rb"\s+Alpha: "
            + NUMBER
            + rb"\s+TRAIN entropy: "
            + NUMBER
            + rb"\s+Words/sec: [\d.]+\s+VALID entropy: "
            + NUMBER,
            lead=b"Iter:",
            open_ended=True,
            common=True,
        ),
    )
)
"""Of Mikolov's tool, whose lines are found by another lead: kept apart, since each lead is a pass over the log."""


def parse_rnnlm_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield the objectives that a language model's training log says, in file order.

    Yields:
        `LanguageModelObjective`, `EntropyEpoch`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, RNNLM + RNNLM_TOOL)
