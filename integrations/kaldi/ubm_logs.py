"""Logs of background models and i-vector extractors: `acc.X.J.log`, `update.X.log` of `exp/ubm`, `diag_ubm`, `extractor`.

Source: gmmbin/gmm-global-acc-stats.cc, fgmmbin/fgmm-global-acc-stats.cc, gmmbin/gmm-global-est.cc,
fgmmbin/fgmm-global-est.cc, ivector/ivector-extractor.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.gmm_logs import GMM
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class UbmLikelihood:
    """``Overall likelihood per frame = -64.2 over 102400 (weighted) frames.``."""

    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class UbmUpdate:
    """``Overall objective function improvement is 0.215 per frame over 102400 frames.``."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class ExtractorAuxiliary:
    """``Overall auxf/frame on training data was -61.3 per frame over 4.2e+06 frames.``."""

    auxiliary_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class ExtractorImprovement:
    """``Overall objective-function improvement per frame was 0.18``."""

    improvement_per_frame: float


UBM = (
    Grammar(
        (
            logged(
                UbmLikelihood,
                b"Overall likelihood per frame = ",
                rb"Overall likelihood per frame = " + NUMBER + rb" over " + NUMBER + rb" (?:\(weighted\) )?frames",
            ),
            logged(
                UbmUpdate,
                b"Overall objective function improvement is ",
                rb"Overall objective function improvement is " + NUMBER + rb" per frame over " + NUMBER + rb" frames",
            ),
            logged(
                ExtractorAuxiliary,
                b"Overall auxf/frame on training data was ",
                rb"Overall auxf/frame on training data was " + NUMBER + rb" per frame over " + NUMBER + rb" frames",
            ),
            logged(
                ExtractorImprovement,
                b"Overall objective-function improvement per frame was ",
                rb"Overall objective-function improvement per frame was " + NUMBER,
                open_ended=True,
            ),
        )
    )
    + GMM
)


def parse_ubm_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what a log of a background model or an i-vector extractor says, in file order.

    Yields:
        The dataclasses of this module and of `gmm_logs`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, UBM)
