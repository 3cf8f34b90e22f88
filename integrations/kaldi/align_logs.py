"""Alignment logs: `align.X.J.log` of every GMM recipe, `align.J.log` of alignment folders.

Source: gmmbin/gmm-align-compiled.cc, sgmm2bin/sgmm2-align-compiled.cc, nnet2bin/nnet-align-compiled.cc,
bin/align-equal-compiled.cc, decoder/decoder-wrappers.cc, bin/compile-train-graphs.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """``Overall log-likelihood per frame is -104.054 over 523752 frames.``: alignment and decoding alike."""

    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class Retried:
    """``Retried 493 out of 868 utterances.``: these did not reach the end with the narrow beam."""

    retried: int
    utterances: int


@dataclass(frozen=True, slots=True)
class Aligned:
    """``Done 868, errors on 0``: utterances aligned and lost."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class AlignedEqually:
    """``Success: done 868 utterances.``: the flat start of a monophone system."""

    done: int


@dataclass(frozen=True, slots=True)
class NotAligned:
    """``Did not successfully decode file Male-1_33, len = 412``: an utterance that has no alignment."""

    utterance_id: str
    frames: int


ALIGN = Grammar(
    (
        logged(
            LogLikelihood,
            b"Overall log-likelihood per frame ",
            rb"Overall log-likelihood per frame (?:is|=) " + NUMBER + rb" over " + NUMBER + rb" frames\.",
        ),
        logged(Retried, b"Retried ", rb"Retried " + WHOLE + rb" out of " + WHOLE + rb" utterances\."),
        logged(Aligned, b"Done ", rb"Done " + WHOLE + rb", errors on " + WHOLE, open_ended=True, common=True),
        logged(AlignedEqually, b"Success: done ", rb"Success: done " + WHOLE + rb" utterances\."),
        logged(
            NotAligned,
            b"Did not successfully decode file ",
            rb"Did not successfully decode file (\S+?),? len = " + WHOLE,
            open_ended=True,
        ),
    )
)


def parse_align_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what an alignment log says, in file order.

    Yields:
        `LogLikelihood`, `Retried`, `Aligned`, `AlignedEqually`, `NotAligned`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, ALIGN)
