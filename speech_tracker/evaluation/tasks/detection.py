"""Detection at every threshold: how many targets are missed against how many false alarms are raised.

Source: A. Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DetectionCurve:
    """Misses and false alarms at every threshold that changes them, from the lowest threshold to the highest.

    A score at or above the threshold is a detection.

    Attributes:
        thresholds: shape (points,); the last is infinite: nothing is detected.
        misses: targets with a score below the threshold.
        false_alarms: non-targets with a score at or above it.
        targets: how many targets there are.
        nontargets: how many non-targets there are.
    """

    thresholds: Floats
    misses: npt.NDArray[np.int64]
    false_alarms: npt.NDArray[np.int64]
    targets: int
    nontargets: int

    @property
    def miss_rate(self) -> Floats:
        """Share of the targets that are missed (false reject rate)."""
        rate: Floats = self.misses / self.targets
        return rate

    @property
    def false_alarm_rate(self) -> Floats:
        """Share of the non-targets that raise an alarm; NaN without non-targets."""
        rate: Floats = self.false_alarms / self.nontargets if self.nontargets else np.full(len(self.misses), np.nan)
        return rate


def detection_curve(targets: npt.ArrayLike, nontargets: npt.ArrayLike) -> DetectionCurve:
    """Return misses and false alarms at every threshold.

    Args:
        targets: score of each target, higher meaning more likely a target; -inf where nothing was detected.
        nontargets: score of each non-target.

    Raises:
        ScoringError: there is no target.
        InvalidArgumentError: a score is NaN.
    """
    right, wrong = _scores("targets", targets), _scores("nontargets", nontargets)
    if not len(right):
        raise ScoringError("no target score: a miss rate needs at least one target; check the labels")
    thresholds = np.append(np.unique(np.concatenate([right, wrong])), np.inf)
    thresholds = thresholds[thresholds > -np.inf]
    return DetectionCurve(
        thresholds,
        np.searchsorted(np.sort(right), thresholds, side="left").astype(np.int64),
        (len(wrong) - np.searchsorted(np.sort(wrong), thresholds, side="left")).astype(np.int64),
        len(right),
        len(wrong),
    )


def _scores(name: str, values: npt.ArrayLike) -> Floats:
    scores = np.asarray(values, dtype=np.float64).ravel()
    if np.isnan(scores).any():
        raise InvalidArgumentError(
            f"{name}: got {int(np.isnan(scores).sum())} scores that are NaN, expected numbers; -inf stands for 'not "
            "detected'"
        )
    return scores
