"""Keyword spotting: false alarms per hour against false rejects.

Source: Y. Wang et al., "Trainable frontend for robust and far-field keyword spotting", ICASSP 2017 (false alarms per hour
against false rejects); E. B. Wilson, "Probable inference", JASA 1927 (interval of a proportion).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.interval import normal_reach
from speech_tracker.evaluation.tasks.detection import DetectionCurve, detection_curve


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What one threshold does.

    Attributes:
        threshold: a score at or above it is a detection; infinite where nothing may be detected.
        false_rejects: keywords that were missed.
        keywords: keywords that were said.
        false_alarms: detections where no keyword was said.
        hours: of audio without keyword.
        false_reject_low: lower end of Wilson's 95 % interval of the false reject rate.
        false_reject_high: its upper end.
    """

    threshold: float
    false_rejects: int
    keywords: int
    false_alarms: int
    hours: float
    false_reject_low: float
    false_reject_high: float

    @property
    def false_reject_rate(self) -> float:
        """False rejects per keyword, as a fraction."""
        return self.false_rejects / self.keywords

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms per hour of audio without keyword."""
        return self.false_alarms / self.hours


@dataclass(frozen=True, slots=True, eq=False)
class KeywordSpotting:
    """Detection of one keyword, or of several with one threshold.

    Attributes:
        curve: misses and false alarms at every threshold.
        hours: of audio without keyword.
        reported: false alarms per hour → the operating point that keeps them, for `metrics`.
    """

    curve: DetectionCurve
    hours: float
    reported: Mapping[float, OperatingPoint]

    def at_false_alarms(self, per_hour: float) -> OperatingPoint:
        """Return the lowest threshold with at most that many false alarms per hour: the fewest false rejects.

        Raises:
            InvalidArgumentError: the number is negative.
        """
        if not per_hour >= 0:
            raise InvalidArgumentError(f"false alarms per hour: got {per_hour!r}, expected 0 or more")
        return self._point(int(np.argmax(self.curve.false_alarms <= per_hour * self.hours)))

    def at_false_rejects(self, rate: float) -> OperatingPoint:
        """Return the highest threshold that misses at most that share of the keywords: the fewest false alarms.

        Raises:
            InvalidArgumentError: the rate is not a fraction.
        """
        if not 0 <= rate <= 1:
            raise InvalidArgumentError(f"false reject rate: got {rate!r}, expected a fraction from 0 to 1")
        allowed = np.flatnonzero(self.curve.misses <= rate * self.curve.targets)
        return self._point(int(allowed[-1]) if len(allowed) else 0)

    def at_threshold(self, threshold: float) -> OperatingPoint:
        """Return what a threshold does that was set beforehand, as it must be on a test set."""
        place = int(np.searchsorted(self.curve.thresholds, threshold, side="left"))
        point = self._point(min(place, len(self.curve.thresholds) - 1))
        return OperatingPoint(**{**asdict(point), "threshold": threshold})

    def points(self) -> list[tuple[float, float]]:
        """Return the DET curve: (false alarms per hour, false reject rate), from many false alarms to none."""
        per_hour = self.curve.false_alarms / self.hours
        return list(zip(per_hour.tolist(), self.curve.miss_rate.tolist(), strict=True))

    def metrics(self) -> dict[str, float]:
        """Return the false reject rate at each of the reported false alarm rates, under standard names."""
        return {
            f"false_reject_rate_at_{_name(per_hour)}_false_alarms_per_hour": point.false_reject_rate
            for per_hour, point in self.reported.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the reported points and the curve, for JSON; an infinite threshold is None."""
        return {
            "hours": self.hours,
            "keywords": self.curve.targets,
            "points": [
                {
                    "at_most_false_alarms_per_hour": per_hour,
                    **asdict(point),
                    "threshold": point.threshold if math.isfinite(point.threshold) else None,
                    "false_reject_rate": point.false_reject_rate,
                    "false_alarms_per_hour": point.false_alarms_per_hour,
                }
                for per_hour, point in self.reported.items()
            ],
            "det": self.points(),
        }

    def _point(self, place: int) -> OperatingPoint:
        misses = int(self.curve.misses[place])
        low, high = wilson_interval(misses, self.curve.targets)
        return OperatingPoint(
            float(self.curve.thresholds[place]),
            misses,
            self.curve.targets,
            int(self.curve.false_alarms[place]),
            self.hours,
            low,
            high,
        )


def keyword_spotting(
    keyword_scores: npt.ArrayLike,
    false_alarm_scores: npt.ArrayLike,
    hours: float,
    *,
    report: Sequence[float] = (0.1, 0.5, 1.0),
) -> KeywordSpotting:
    """Score a keyword spotter.

    Args:
        keyword_scores: the detector's best score for each time that the keyword was said; -inf where it did not fire.
        false_alarm_scores: the score of each detection in audio without keyword, one per firing, after the detector's
            own smoothing and hold-off.
        hours: of that audio.
        report: false alarms per hour at which `metrics` gives the false reject rate.

    Raises:
        InvalidArgumentError: the hours are not above 0, or a score is NaN.
        ScoringError: the keyword was never said.
    """
    if not 0 < hours < math.inf:
        raise InvalidArgumentError(
            f"hours: got {hours!r}, expected the duration of the audio without keyword, above 0; seconds / 3600"
        )
    scored = KeywordSpotting(detection_curve(keyword_scores, false_alarm_scores), float(hours), {})
    return KeywordSpotting(scored.curve, scored.hours, {rate: scored.at_false_alarms(rate) for rate in report})


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion, as fractions; it is not empty at 0 or at all."""
    z = normal_reach(level)
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _name(per_hour: float) -> str:
    return f"{per_hour:g}".replace(".", "_").replace("-", "_")
