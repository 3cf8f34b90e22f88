"""Speaker verification: equal error rate and minimum detection cost.

Source: NIST 2016 speaker recognition evaluation plan (detection cost); N. Brümmer and E. de Villiers, "The BOSARIS
toolkit", 2013 (EER on the convex hull is theirs; here it is interpolated between the two nearest thresholds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.tasks.detection import DetectionCurve, detection_curve


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """Speaker verification on a list of trials.

    Attributes:
        eer: equal error rate, as a fraction.
        eer_threshold: score at which misses and false alarms are equally frequent.
        min_dcf: minimum detection cost, normalised by that of a system that looks at no score.
        p_target: prior probability of a target, for `min_dcf`.
        curve: misses and false alarms at every threshold.
    """

    eer: float
    eer_threshold: float
    min_dcf: float
    p_target: float
    curve: DetectionCurve

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names."""
        return {"eer": self.eer, "min_dcf": self.min_dcf}


def verification(
    target_scores: npt.ArrayLike,
    nontarget_scores: npt.ArrayLike,
    *,
    p_target: float = 0.01,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 1.0,
) -> Verification:
    """Score trials of speaker verification.

    Args:
        target_scores: score of each trial of the same speaker.
        nontarget_scores: score of each trial of different speakers.
        p_target: prior probability of a target: 0.01 and 0.05 are usual.
        cost_miss: cost of a miss.
        cost_false_alarm: cost of a false alarm.

    Raises:
        InvalidArgumentError: the prior is not between 0 and 1, or a score is NaN.
        ScoringError: there are no targets or no non-targets.
    """
    if not 0 < p_target < 1:
        raise InvalidArgumentError(f"p_target: got {p_target!r}, expected a probability between 0 and 1, such as 0.01")
    curve = detection_curve(target_scores, nontarget_scores)
    if not curve.nontargets:
        raise ScoringError("no non-target score: a false alarm rate needs at least one; check the labels")
    miss, alarm = curve.miss_rate, curve.false_alarm_rate
    crossing = int(np.argmax(miss >= alarm))
    eer, threshold = float(miss[crossing]), float(curve.thresholds[crossing])
    if crossing and miss[crossing] > alarm[crossing]:
        before, after = alarm[crossing - 1] - miss[crossing - 1], miss[crossing] - alarm[crossing]
        share = float(before / (before + after))
        eer = float(miss[crossing - 1] + share * (miss[crossing] - miss[crossing - 1]))
        if np.isfinite(threshold):
            threshold = float(curve.thresholds[crossing - 1] + share * (threshold - curve.thresholds[crossing - 1]))
    cost = cost_miss * p_target * miss + cost_false_alarm * (1 - p_target) * alarm
    default = min(cost_miss * p_target, cost_false_alarm * (1 - p_target))
    return Verification(eer, threshold, float(cost.min() / default), p_target, curve)
