"""Listening tests of synthetic speech: mean opinion scores with an interval.

Ratings of one listener belong together, and so do ratings of one sentence; an interval that takes all of them as
independent is too narrow. The variance here is clustered both ways.

Intelligibility of synthetic speech is the character error rate of a recogniser on it:
``score(prompts, recognised, unit="char")``.

Source: ITU-T P.800 (opinion scores); F. Ribeiro et al., "CrowdMOS: an approach for crowdsourcing mean opinion score
studies", ICASSP 2011 (listeners and sentences as random effects); A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust
inference with multiway clustering", Journal of Business & Economic Statistics 2011 (the variance).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.distributions import student_quantile


@dataclass(frozen=True, slots=True)
class Rating:
    """What one listener thought of one recording.

    Attributes:
        score: the opinion.
        stimulus_id: the sentence; None where unknown.
        listener_id: the listener; None where unknown.
        system: which system spoke it, for `mean_opinion_scores`.
    """

    score: float
    stimulus_id: str | None = None
    listener_id: str | None = None
    system: str | None = None


@dataclass(frozen=True, slots=True)
class OpinionScore:
    """Mean opinion score of one system.

    Attributes:
        mos: mean of all ratings.
        low: lower end of the interval, on the scale of the ratings.
        high: upper end.
        level: nominal coverage.
        std: standard deviation of the ratings.
        ratings: how many.
        stimuli: how many sentences; None where unknown.
        listeners: how many listeners; None where unknown.
        warning: what a reader must know before trusting the interval, or None.
    """

    mos: float
    low: float
    high: float
    level: float
    std: float
    ratings: int
    stimuli: int | None
    listeners: int | None
    warning: str | None

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names."""
        return {"mos": self.mos, "mos_ci_low": self.low, "mos_ci_high": self.high, "mos_ratings": float(self.ratings)}

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def mean_opinion_score(
    ratings: Iterable[Rating | float], *, level: float = 0.95, scale: tuple[float, float] = (1.0, 5.0)
) -> OpinionScore:
    """Return the mean opinion score of one system.

    Args:
        ratings: with sentence and listener where these are known; plain numbers are taken as independent.
        level: nominal coverage of the interval.
        scale: lowest and highest opinion; the interval is kept within it.

    Raises:
        ScoringError: there are fewer than two ratings.
        InvalidArgumentError: a rating lies outside the scale, or the level is no coverage.
    """
    if not 0 < level < 1:
        raise InvalidArgumentError(f"level is not a coverage: got {level!r}, expected a fraction such as 0.95")
    listed = [rating if isinstance(rating, Rating) else Rating(float(rating)) for rating in ratings]
    for rating in listed:
        if not scale[0] <= rating.score <= scale[1]:
            raise InvalidArgumentError(
                f"a rating outside the scale: got {rating.score!r} (sentence {rating.stimulus_id!r}, listener "
                f"{rating.listener_id!r}), expected {scale[0]:g} to {scale[1]:g}; correct it, or pass scale="
            )
    if len(listed) < 2:
        raise ScoringError(f"an interval needs two ratings or more: got {len(listed)}")
    scores = np.array([rating.score for rating in listed])
    residuals = scores - scores.mean()
    stimuli = _numbers([rating.stimulus_id for rating in listed])
    listeners = _numbers([rating.listener_id for rating in listed])
    independent = _variance(residuals, np.arange(len(scores)))
    warnings = []
    known = [numbers for numbers in (stimuli, listeners) if numbers is not None]
    if len(known) == 2:
        both = np.unique(np.stack(known, axis=1), axis=0, return_inverse=True)[1].ravel()
        variance = sum(_variance(residuals, numbers) for numbers in known) - _variance(residuals, both)
    elif known:
        variance = _variance(residuals, known[0])
    else:
        variance = independent
        warnings.append("neither sentences nor listeners are known: the ratings were taken as independent")
    if len(known) == 1:
        missing = "listeners" if listeners is None else "sentences"
        warnings.append(f"the {missing} are not known: the interval is too narrow where they differ")
    variance = max(variance, independent)
    groups = [int(numbers.max()) + 1 for numbers in known] or [len(scores)]
    if min(groups) < 2:
        warnings.append("a single listener or sentence: the interval says nothing about others")
    degrees = max(1, min(count for count in (*groups, len(scores)) if count > 1) - 1)
    reach = student_quantile(0.5 + level / 2, degrees) * math.sqrt(variance)
    mean = float(scores.mean())
    return OpinionScore(
        mean,
        max(scale[0], mean - reach),
        min(scale[1], mean + reach),
        level,
        float(scores.std(ddof=1)),
        len(scores),
        None if stimuli is None else int(stimuli.max()) + 1,
        None if listeners is None else int(listeners.max()) + 1,
        "; ".join(warnings) or None,
    )


def mean_opinion_scores(
    ratings: Iterable[Rating], *, level: float = 0.95, scale: tuple[float, float] = (1.0, 5.0)
) -> Mapping[str, OpinionScore]:
    """Return the mean opinion score of each system, in order of appearance. Arguments as for `mean_opinion_score`.

    Raises:
        InvalidArgumentError: a rating names no system.
    """
    systems: dict[str, list[Rating]] = {}
    for rating in ratings:
        if rating.system is None:
            raise InvalidArgumentError(
                f"a rating without system: got {rating!r}, expected system=; for a single system use mean_opinion_score"
            )
        systems.setdefault(rating.system, []).append(rating)
    return {name: mean_opinion_score(listed, level=level, scale=scale) for name, listed in systems.items()}


def _variance(residuals: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> float:
    """Return the variance of the mean, the residuals of one group varying together."""
    sums = np.bincount(groups, weights=residuals)
    count = len(sums)
    if count < 2:
        return 0.0
    return float(count / (count - 1) * np.square(sums).sum() / len(residuals) ** 2)


def _numbers(values: list[str | None]) -> npt.NDArray[np.int64] | None:
    """Number the values in order of appearance; None where any is unknown."""
    seen: dict[Hashable, int] = {}
    if any(value is None for value in values):
        return None
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)
