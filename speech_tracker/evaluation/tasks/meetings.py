"""Meetings with several speakers: cpWER, tcpWER, ORC-WER and their relatives, counted by MeetEval.

Source: T. von Neumann et al., "MeetEval: a toolkit for computation of word error rates for meeting transcription
systems", CHiME workshop 2023; S. Watanabe et al., "CHiME-6 challenge", 2020 (cpWER).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.bootstrap import ratio_interval
from speech_tracker.evaluation.interval import Interval
from speech_tracker.evaluation.normalize import get_normalizer
from speech_tracker.evaluation.result import NormalizerRecord
from speech_tracker.optional import require

if TYPE_CHECKING:
    from speech_tracker.evaluation.normalize import Normalizer

MeetingMetric = Literal[
    "cpwer", "tcpwer", "orcwer", "tcorcwer", "greedy_orcwer", "greedy_tcorcwer", "mimower", "greedy_dicpwer"
]
MEETING_METRICS: tuple[MeetingMetric, ...] = (
    "cpwer", "tcpwer", "orcwer", "tcorcwer", "greedy_orcwer", "greedy_tcorcwer", "mimower", "greedy_dicpwer",
)  # fmt: skip
TIME_CONSTRAINED = frozenset({"tcpwer", "tcorcwer", "greedy_tcorcwer"})
"""Metrics that need times and a collar."""


class Segment(Protocol):
    """What somebody said, for example `speech_tracker.formats.seglst.SeglstSegment`; times in seconds."""

    @property
    def session_id(self) -> str:
        """Which meeting."""

    @property
    def speaker_id(self) -> str | None:
        """Who spoke: a speaker of the reference, a speaker or an output channel of the system."""

    @property
    def begin_s(self) -> float | None:
        """From when on."""

    @property
    def end_s(self) -> float | None:
        """Until when."""

    @property
    def words(self) -> str:
        """The words, separated by spaces."""


@dataclass(frozen=True, slots=True)
class MeetingCounts:
    """Errors of one meeting, or of several added up.

    Attributes:
        session_id: which; empty for a sum.
        errors: substitutions + deletions + insertions.
        reference_length: words of the reference.
        substitutions: words recognised as others.
        deletions: words without counterpart in the hypothesis.
        insertions: words without counterpart in the reference.
        missed_speakers: reference speakers that no hypothesis speaker stands for (cpWER and its relatives).
        false_alarm_speakers: hypothesis speakers that stand for nobody.
        reference_speakers: speakers of the reference.
    """

    session_id: str
    errors: int
    reference_length: int
    substitutions: int
    deletions: int
    insertions: int
    missed_speakers: int = 0
    false_alarm_speakers: int = 0
    reference_speakers: int = 0

    @property
    def error_rate(self) -> float | None:
        """Errors per reference word, as a fraction; None where there is no reference word."""
        return self.errors / self.reference_length if self.reference_length else None


@dataclass(frozen=True, slots=True)
class MeetingScore:
    """One error rate of a set of meetings.

    Attributes:
        metric: which one.
        counts: the sum.
        sessions: each meeting.
        interval: of the error rate, over meetings; None for a single one.
        collar_s: tolerance in seconds, for the time-constrained metrics.
        normalizer: what was done to the words before counting.
        problems: meetings without reference or hypothesis.
    """

    metric: MeetingMetric
    counts: MeetingCounts
    sessions: tuple[MeetingCounts, ...]
    interval: Interval | None
    collar_s: float | None
    normalizer: NormalizerRecord
    problems: tuple[str, ...]

    @property
    def error_rate(self) -> float | None:
        """Sum of errors per sum of reference words, as a fraction."""
        return self.counts.error_rate

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names; rates are fractions."""
        if self.error_rate is None:
            return {}
        found: dict[str, float] = {self.metric: self.error_rate}
        for name in ("substitutions", "deletions", "insertions"):
            found[f"{self.metric}_{name}"] = getattr(self.counts, name) / self.counts.reference_length
        if self.interval is not None:
            found |= {f"{self.metric}_ci_low": self.interval.low, f"{self.metric}_ci_high": self.interval.high}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            **asdict(self),
            "error_rate": self.error_rate,
            "sessions": [{**asdict(each), "error_rate": each.error_rate} for each in self.sessions],
        }


def meeting_error_rate(
    reference: Iterable[Segment],
    hypothesis: Iterable[Segment],
    metric: MeetingMetric = "cpwer",
    *,
    collar: float | None = None,
    normalizer: str | Normalizer | Callable[[str], str] = "none",
) -> MeetingScore:
    """Score the transcripts of meetings.

    Args:
        reference: segments of all meetings, each with its speaker.
        hypothesis: segments of the system, each with its speaker or output channel.
        metric: ``cpwer`` (best permutation of whole speakers: who said what), ``tcpwer`` (the same, words matched only
            where they were said), ``orcwer`` (best assignment of reference segments to output channels: what was said;
            exact, and slow with many channels), ``tcorcwer``, their ``greedy_…`` approximations for long meetings,
            ``mimower``, ``greedy_dicpwer``.
        collar: seconds that a word may be off, for the ``tc…`` metrics: 5 in CHiME-8.
        normalizer: applied to both sides; see `get_normalizer`.

    Raises:
        MissingExtraError: MeetEval is not installed.
        InvalidArgumentError: there is no such metric, or its collar is missing.
        ScoringError: there is no reference segment, or MeetEval cannot score the segments (times that are missing).
    """
    if metric not in MEETING_METRICS:
        raise InvalidArgumentError(f"unknown metric: got {metric!r}, expected one of {', '.join(MEETING_METRICS)}")
    if (collar is None) == (metric in TIME_CONSTRAINED):
        wanted = "a number of seconds (5 in CHiME-8)" if metric in TIME_CONSTRAINED else "none: it knows no times"
        raise InvalidArgumentError(f"collar of {metric}: got {collar!r}, expected {wanted}")
    meeteval = require("meeteval", extra="meeting", purpose="score meetings")
    require("meeteval.wer", extra="meeting", purpose="score meetings")
    found = get_normalizer(normalizer)
    said = _rows(reference, found)
    heard = _rows(hypothesis, found)
    if not said:
        raise ScoringError("no reference segment: nothing can be scored; check that the reference holds segments")
    sessions = list(dict.fromkeys(row["session_id"] for row in said))
    known = {row["session_id"] for row in heard}
    problems = [f"{session}: no hypothesis, everything is deleted" for session in sessions if session not in known]
    extra = sorted(known - set(sessions))
    problems += [f"{session}: no reference, left out" for session in extra]
    heard = [row for row in heard if row["session_id"] not in extra]
    times = {"start_time": 0.0, "end_time": 0.0} if any("start_time" in row for row in said) else {}
    heard += [
        {"session_id": session, "speaker": "", "words": "", **times} for session in sessions if session not in known
    ]
    options = {} if collar is None else {"collar": collar}
    with _quiet(meeteval):
        try:
            results = getattr(meeteval.wer, metric)(meeteval.io.SegLST(said), meeteval.io.SegLST(heard), **options)
        except Exception as error:  # whatever MeetEval has against the segments, it is the segments
            raise ScoringError(
                f"MeetEval cannot compute {metric} of these segments: {type(error).__name__}: {error}; expected a "
                "speaker and words in each, and times for the time-constrained metrics"
            ) from error
    counted = tuple(_counts(session, results[session]) for session in sessions)
    total = _sum(counted)
    rows = np.array([(each.errors, each.reference_length) for each in counted])
    interval = ratio_interval(rows, blocks="session_id") if len(rows) > 1 and total.reference_length else None
    return MeetingScore(
        metric,
        total,
        counted,
        interval,
        collar,
        NormalizerRecord(found.name, found.version, found.digest),
        tuple(problems),
    )


def _rows(segments: Iterable[Segment], normalizer: Callable[[str], str]) -> list[dict[str, Any]]:
    rows = []
    for segment in segments:
        row: dict[str, Any] = {
            "session_id": segment.session_id,
            "speaker": segment.speaker_id or "",
            "words": normalizer(segment.words),
        }
        if segment.begin_s is not None and segment.end_s is not None:
            row |= {"start_time": segment.begin_s, "end_time": segment.end_s}
        rows.append(row)
    return rows


def _counts(session: str, result: Any) -> MeetingCounts:
    return MeetingCounts(
        session,
        int(result.errors),
        int(result.length),
        int(result.substitutions),
        int(result.deletions),
        int(result.insertions),
        int(getattr(result, "missed_speaker", 0)),
        int(getattr(result, "falarm_speaker", 0)),
        int(getattr(result, "scored_speaker", 0)),
    )


def _sum(counted: Iterable[MeetingCounts]) -> MeetingCounts:
    names = [name for name in MeetingCounts.__slots__ if name != "session_id"]
    totals = dict.fromkeys(names, 0)
    for each in counted:
        for name in names:
            totals[name] += getattr(each, name)
    return replace(MeetingCounts("", 0, 0, 0, 0, 0), **totals)  # type: ignore[arg-type]  # all of them are counts


@contextlib.contextmanager
def _quiet(meeteval: Any) -> Iterator[None]:
    """Keep MeetEval's remarks on self-overlap, one per meeting, off the terminal of a training."""
    loggers = [logging.getLogger(name) for name in ("error_rate", "preprocess", meeteval.__name__)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
