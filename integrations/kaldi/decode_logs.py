"""Decoding logs: `decode.J.log`, `decode_passN.J.log`, and what Kaldi's diagnostics say about the lattices.

Source: gmmbin/gmm-latgen-faster.cc, nnet3bin/nnet3-latgen-faster.cc, sgmm2bin/sgmm2-latgen-faster.cc,
online2/online-timing.cc, online2bin/online2-wav-nnet3-latgen-faster.cc, decoder/decoder-wrappers.cc,
latbin/lattice-best-path.cc, steps/diagnostic/analyze_lattice_depth_stats.py, latbin/lattice-oracle.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.kaldi.align_logs import LogLikelihood
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class DecodeTime:
    """``Time taken 70.0859s: real-time factor assuming 100 frames/sec is 0.0545611``.

    Attributes:
        seconds: wall time of the search.
        per_thread: ``per thread`` when the factor is for each of several threads, else None.
        frames_per_second: of the input features.
        rtf: processing time / audio time.
    """

    seconds: float
    per_thread: str | None
    frames_per_second: float
    rtf: float


@dataclass(frozen=True, slots=True)
class OnlineTime:
    """``Timing stats: real-time factor was 1.03212 (note: this cannot be less than one.)``: with waiting for audio."""

    rtf: float


@dataclass(frozen=True, slots=True)
class OfflineTime:
    """``Timing stats: real-time factor for offline decoding was 0.25 = 250 seconds  / 1000 seconds.``."""

    rtf: float
    seconds: float
    audio_seconds: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """``Done 217 utterances, failed for 0``."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class DecodedOnline:
    """``Decoded 90 utterances, 0 with errors.``."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class UndecodedUtterance:
    """A warning about one utterance.

    Attributes:
        what: ``Failed to decode utterance with id``, ``Outputting partial output for utterance``,
            ``Not producing output for utterance`` or ``Empty lattice for utterance``.
        utterance_id: which.
    """

    what: str
    utterance_id: str


@dataclass(frozen=True, slots=True)
class UtteranceLikelihood:
    """``Log-like per frame for utterance U1 is -8.01171 over 380 frames.``."""

    utterance_id: str
    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class BestPathCost:
    """``Overall cost per frame is 9.26877 = 0.118987 [graph] + 9.14978 [acoustic] over 128454 frames.``."""

    cost_per_frame: float
    graph_cost: float
    acoustic_cost: float
    frames: float


@dataclass(frozen=True, slots=True)
class LatticeDepth:
    """``Overall, lattice depth (10,50,90-percentile)=(1,2,7) and mean=3.1``: arcs crossing a frame."""

    percentile_10: float
    percentile_50: float
    percentile_90: float
    mean: float


@dataclass(frozen=True, slots=True)
class OracleErrors:
    """``Overall %WER 3.1 [ 310 / 10000, 60 insertions, 50 deletions, 200 substitutions ]``: the best path in the lattices."""

    errors: int
    reference_length: int
    insertions: int
    deletions: int
    substitutions: int


_WARNINGS = (
    b"Failed to decode utterance with id ",
    b"Outputting partial output for utterance ",
    b"Not producing output for utterance ",
    b"Empty lattice for utterance ",
)

DECODE = Grammar(
    (
        logged(
            DecodeTime,
            b"Time taken ",
            rb"Time taken (?:\[[^\]\n]*\] ?)?"
            + NUMBER
            + rb"s: real-time factor (per thread )?assuming "
            + NUMBER
            + rb" (?:feature )?frames/sec is "
            + NUMBER,
            open_ended=True,
            common=True,
        ),
        logged(
            OnlineTime,
            b"Timing stats: real-time factor ",
            rb"Timing stats: real-time factor was " + NUMBER + rb" \(note",
        ),
        logged(
            OfflineTime,
            b"Timing stats: real-time factor ",
            rb"Timing stats: real-time factor for offline decoding was "
            + NUMBER
            + rb" = "
            + NUMBER
            + rb" seconds +/ +"
            + NUMBER
            + rb" seconds",
        ),
        logged(
            Decoded,
            b"Done ",
            rb"Done " + WHOLE + rb" utterances, failed for " + WHOLE,
            open_ended=True,
            common=True,
        ),
        logged(
            DecodedOnline,
            b"Decoded ",
            rb"Decoded " + WHOLE + rb" utterances, " + WHOLE + rb" with errors",
            common=True,
        ),
        logged(
            LogLikelihood,
            b"Overall log-likelihood per frame ",
            rb"Overall log-likelihood per frame (?:is|=) " + NUMBER + rb" over " + NUMBER + rb" frames\.",
        ),
        logged(
            LogLikelihood,
            b"Overall likelihood per frame was ",
            rb"Overall likelihood per frame was " + NUMBER + rb"(?: per frame)? over " + NUMBER + rb" frames\.",
        ),
        *(
            logged(UndecodedUtterance, what, rb"(" + what.rstrip() + rb") ([^\s,]+)", open_ended=True)
            for what in _WARNINGS
        ),
        logged(
            BestPathCost,
            b"Overall cost per frame is ",
            rb"Overall cost per frame is "
            + NUMBER
            + rb" = "
            + NUMBER
            + rb" \[graph\] \+ "
            + NUMBER
            + rb" \[acoustic\] over "
            + NUMBER
            + rb" frames",
        ),
        Message(
            LatticeDepth,
            b"Overall, lattice depth ",
            rb"Overall, lattice depth \(10,50,90-percentile\)=\("
            + NUMBER
            + rb","
            + NUMBER
            + rb","
            + NUMBER
            + rb"\) and mean="
            + NUMBER,
            open_ended=True,
        ),
        logged(
            OracleErrors,
            b"Overall %WER ",
            rb"Overall %WER [^\s\[]+ \[ "
            + WHOLE
            + rb" / "
            + WHOLE
            + rb", "
            + WHOLE
            + rb" insertions, "
            + WHOLE
            + rb" deletions, "
            + WHOLE
            + rb" sub",
        ),
    )
)

DECODE_UTTERANCES = DECODE + Grammar(
    (
        logged(
            UtteranceLikelihood,
            b"Log-like per frame for utterance ",
            rb"Log-like per frame for utterance (\S+) is " + NUMBER + rb" over " + NUMBER + rb" frames\.",
        ),
    )
)


def parse_decode_log(pieces: bytes | Iterable[bytes], *, utterances: bool = False) -> Iterator[Record | Problem]:
    """Yield what a decoding log or a lattice diagnostic says, in file order.

    Args:
        pieces: the log, whole or in pieces.
        utterances: also the likelihood of each utterance, for a log that stops before its summary.

    Yields:
        The dataclasses of this module and `align_logs.LogLikelihood`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, DECODE_UTTERANCES if utterances else DECODE)
