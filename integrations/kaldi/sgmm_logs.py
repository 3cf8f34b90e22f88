"""Training logs of subspace GMMs: `acc.X.J.log` and `update.X.log` of train_sgmm2.sh and its discriminative successors.

Source: sgmm2bin/sgmm2-acc-stats.cc, sgmm2bin/sgmm2-est.cc, sgmm2/estimate-am-sgmm2.cc, sgmm2bin/sgmm2-est-ebw.cc,
sgmm2bin/sgmm2-gselect.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.kaldi.gmm_logs import GMM, GaussianLikelihood
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class DataLikelihood:
    """``***Overall data likelihood is -47.9 over 1.12482e+06 frames.``: all jobs together."""

    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class ParameterImprovement:
    """``**Overall objf impr for w is 0.0123, actual 0.0119, over 1.1e+06 frames``; the name is Kaldi's (v, w, M, N, …)."""

    parameter: str
    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class TotalImprovement:
    """``*Overall auxf improvement, combining all parameters, is 0.0436``."""

    improvement_per_frame: float


@dataclass(frozen=True, slots=True)
class EbwImprovement:
    """``Overall auxf impr/frame from SGMM update is 1.01655 over 88462.9 frames.``: discriminative update."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class SubstatesSplit:
    """``Split 5684 substates to 7867``."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ModelSize:
    """``Sgmm2PdfModel: J1 = 1400, J2 = 5684, D = 40, S = 41, T = 40, I = 400``.

    Attributes:
        groups: J1, groups of states.
        states: J2, states (pdfs).
        feature_dim: D.
        phone_space_dim: S.
        speaker_space_dim: T.
        gaussians: I, Gaussians in the background model.
    """

    groups: int
    states: int
    feature_dim: int
    phone_space_dim: int
    speaker_space_dim: int
    gaussians: int


_FRAMES = rb",? over " + NUMBER + rb" frames"

SGMM = (
    Grammar(
        (
            logged(
                GaussianLikelihood,
                b"Overall like per frame (Gaussian only) = ",
                rb"Overall like per frame \(Gaussian only\) = " + NUMBER + _FRAMES,
            ),
            logged(
                DataLikelihood,
                b"***Overall data likelihood is ",
                rb"\*\*\*Overall data likelihood is " + NUMBER + _FRAMES,
            ),
            logged(
                ParameterImprovement,
                b"**Overall ",
                rb"\*\*Overall (?:objf impr|auxf impr|auxf improvement) for ([\w -]+?)(?: per frame)? (?:is|=) "
                + NUMBER
                + rb"(?:, actual [^,\n]*)?"
                + _FRAMES,
            ),
            logged(
                ParameterImprovement,
                b"Overall objective function improvement for model projections ",
                rb"Overall objective function improvement for model projections (\w+) is " + NUMBER + _FRAMES,
            ),
            logged(
                ParameterImprovement,
                b"Overall auxiliary function improvement for model projections ",
                rb"Overall auxiliary function improvement for model projections (\w+) is " + NUMBER + _FRAMES,
            ),
            logged(
                TotalImprovement,
                b"*Overall auxf improvement, combining all parameters, is ",
                rb"\*Overall auxf improvement, combining all parameters, is " + NUMBER,
                open_ended=True,
            ),
            logged(
                EbwImprovement,
                b"Overall auxf impr/frame from SGMM update is ",
                rb"Overall auxf impr/frame from SGMM update is " + NUMBER + _FRAMES,
            ),
            logged(
                SubstatesSplit, b"Split ", rb"Split " + WHOLE + rb" substates to " + WHOLE, open_ended=True, common=True
            ),
            logged(
                ModelSize,
                b"Sgmm2PdfModel: J1 = ",
                rb"Sgmm2PdfModel: J1 = "
                + WHOLE
                + rb", J2 = "
                + WHOLE
                + rb", D = "
                + WHOLE
                + rb", S = "
                + WHOLE
                + rb", T = "
                + WHOLE
                + rb", I = "
                + WHOLE,
                open_ended=True,
            ),
        )
    )
    + GMM
)


def parse_sgmm_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what an SGMM accumulation or update log says, in file order.

    Yields:
        The dataclasses of this module and of `gmm_logs`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, SGMM)
