"""Training logs of GMM systems: `acc.X.J.log`, `update.X.log`, `mixup.log`, `build_tree.log`, `lda_est.log`, `mupdate.X.log`.

Source: gmmbin/gmm-acc-stats-ali.cc, gmmbin/gmm-est.cc, gmm/mle-am-diag-gmm.cc, gmm/am-diag-gmm.cc, tree/build-tree.cc,
transform/lda-estimate.cc, bin/est-mllt.cc, gmmbin/gmm-acc-stats2.cc, latbin/lattice-to-post.cc, steps/train_mmi.sh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import NUMBER, WHOLE
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.kaldi.messages import logged


@dataclass(frozen=True, slots=True)
class GaussianLikelihood:
    """``Overall avg like per frame (Gaussian only) = -103.286 over 523752 frames.`` of one accumulation job."""

    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class Accumulated:
    """``Done 868 files, 0 with errors.``: utterances accumulated and lost."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class TransitionUpdate:
    """``Transition model update: Overall 0.163499 log-like improvement per frame over 523752 frames.``."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class GaussianUpdate:
    """``GMM update: Overall 3.87739 objective function improvement per frame over 523752 frames``."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class UpdateLikelihood:
    """``GMM update: Overall avg like per frame = -103.286 over 523752 frames.``: all jobs together."""

    log_likelihood_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class VariancesFloored:
    """``0 variance elements floored in 0 Gaussians, out of 106``."""

    gaussians: int
    out_of: int


@dataclass(frozen=True, slots=True)
class GaussiansRemoved:
    """``Removed 0 Gaussians due to counts < --min-gaussian-occupancy=10``."""

    removed: int


@dataclass(frozen=True, slots=True)
class GaussiansSplit:
    """``Split 960 states with target = 2000, power = 0.2, …, split #Gauss from 960 to 2000``."""

    states: int
    target: int
    power: float
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class TreeImprovement:
    """``Including just phones that were split, improvement is 4.51908 per frame over 521991 frames.``."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class TreeLeaves:
    """``Num-leaves is now 960``."""

    leaves: int


@dataclass(frozen=True, slots=True)
class LdaSingularValues:
    """``Sum of selected singular values is 5.73521``: how well the projection separates the classes."""

    total: float


@dataclass(frozen=True, slots=True)
class MlltUpdate:
    """``Overall objective function improvement for MLLT is 0.217 over 367922 frames, logdet is 1.9``."""

    improvement_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class WeightedLikelihood:
    """``Overall weighted acoustic likelihood per frame was 0.0236727 over 39971 frames``: numerator minus denominator."""

    difference_per_frame: float
    frames: float


@dataclass(frozen=True, slots=True)
class LatticeLikelihood:
    """``Overall average log-like/frame is -7.1 over 39971 frames.  Average acoustic like/frame is -6.9``."""

    log_likelihood_per_frame: float
    frames: float
    acoustic_per_frame: float


@dataclass(frozen=True, slots=True)
class MmiObjective:
    """``Iteration 1: objf was 0.0527, MMI auxf change was 0.0113``, which steps/train_mmi.sh writes to `objf.1.log`."""

    iteration: int
    objective: float
    change: float


_FRAMES = rb" over " + NUMBER + rb" frames"

GMM = Grammar(
    (
        logged(
            GaussianLikelihood,
            b"Overall avg like per frame (Gaussian only) = ",
            rb"Overall avg like per frame \(Gaussian only\) = " + NUMBER + _FRAMES + rb"\.",
        ),
        logged(
            Accumulated,
            b"Done ",
            rb"Done " + WHOLE + rb" files[,;] " + WHOLE + rb" (?:with errors|had errors)\.",
            common=True,
        ),
        logged(
            TransitionUpdate,
            b"Transition model update: Overall ",
            rb"Transition model update: Overall " + NUMBER + rb" log-like improvement per frame" + _FRAMES,
        ),
        logged(
            GaussianUpdate,
            b"GMM update: Overall ",
            rb"GMM update: Overall " + NUMBER + rb" objective function improvement per frame" + _FRAMES,
        ),
        logged(
            UpdateLikelihood,
            b"GMM update: Overall ",
            rb"GMM update: Overall avg like per frame = " + NUMBER + _FRAMES,
        ),
        # the line begins with a number, so it is found by its middle
        Message(
            VariancesFloored,
            b"",
            WHOLE + rb" Gaussians, out of " + WHOLE,
            lead=b" variance elements floored in ",
            open_ended=True,
        ),
        logged(GaussiansRemoved, b"Removed ", rb"Removed " + WHOLE + rb" Gaussians due to counts "),
        logged(
            GaussiansSplit,
            b"Split ",
            rb"Split "
            + WHOLE
            + rb" states with target = "
            + WHOLE
            + rb", power = "
            + NUMBER
            + rb", [^#\n]*, split #Gauss from "
            + WHOLE
            + rb" to "
            + WHOLE,
            open_ended=True,
            common=True,
        ),
        logged(
            TreeImprovement,
            b"Including just phones that were split, improvement is ",
            rb"Including just phones that were split, improvement is " + NUMBER + rb" per frame" + _FRAMES,
        ),
        logged(TreeLeaves, b"Num-leaves is now ", rb"Num-leaves is now " + WHOLE, open_ended=True),
        logged(
            LdaSingularValues,
            b"Sum of selected singular values is ",
            rb"Sum of selected singular values is " + NUMBER,
            open_ended=True,
        ),
        logged(
            MlltUpdate,
            b"Overall objective function improvement for MLLT is ",
            rb"Overall objective function improvement for MLLT is " + NUMBER + _FRAMES,
        ),
        logged(
            WeightedLikelihood,
            b"Overall weighted acoustic likelihood per frame was ",
            rb"Overall weighted acoustic likelihood per frame was " + NUMBER + _FRAMES,
        ),
        logged(
            LatticeLikelihood,
            b"Overall average log-like/frame is ",
            rb"Overall average log-like/frame is "
            + NUMBER
            + _FRAMES
            + rb"\.  Average acoustic like/frame is "
            + NUMBER,
            open_ended=True,
        ),
        Message(
            MmiObjective,
            b"Iteration ",
            rb"Iteration " + WHOLE + rb": objf was " + NUMBER + rb", MMI auxf change was " + NUMBER,
            open_ended=True,
            common=True,
        ),
    )
)


def parse_gmm_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what an accumulation, update, mix-up, tree or transform log says, in file order.

    Yields:
        The dataclasses of this module; `Problem` for a line that cannot be read.
    """
    return scan(pieces, GMM)
