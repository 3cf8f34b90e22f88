"""Speaker adaptation logs: `fmllr.X.J.log`, `fmllr_passN.J.log`, `spk_vecs.X.J.log`, `vecs_passN.J.log`.

Source: gmmbin/gmm-est-fmllr.cc, gmmbin/gmm-est-fmllr-gpost.cc, gmmbin/gmm-est-fmllr-raw.cc,
gmmbin/gmm-est-basis-fmllr.cc, gmmbin/gmm-est-lvtln-trans.cc, sgmm2bin/sgmm2-est-spkvecs.cc, sgmm2bin/sgmm2-est-fmllr.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class AdaptationImprovement:
    """``Overall fMLLR auxf impr per frame is 5.14604 over 26588 frames.``: all speakers of one job."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class SpeakerImprovement:
    """``For speaker FAEM0, auxf-impr from fMLLR is 1.13864, over 2159 frames.``."""

    speaker_id: str
    kind: str
    improvement_per_frame: float
    frames: float


FMLLR = Grammar(
    (
        *(
            logged(
                AdaptationImprovement,
                b"Overall " + (kind or b"auxf"),
                rb"Overall " + kind + rb"auxf[ -]impr per frame is " + NUMBER + rb" over " + NUMBER + rb" frames",
            )
            for kind in (b"fMLLR ", b"raw-fMLLR ", b"LVTLN ", b"")
        ),
        logged(
            SpeakerImprovement,
            b"For speaker ",
            rb"For speaker (\S+), auxf-impr from ([\w -]+?) is " + NUMBER + rb",? over " + NUMBER + rb" frames",
        ),
    )
)


def parse_fmllr_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield the improvements that a speaker adaptation log says, in file order.

    Yields:
        `AdaptationImprovement`, `SpeakerImprovement`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, FMLLR)
