"""Who spoke when: diarization error rate and Jaccard error rate.

MeetEval's DER runs NIST's Perl script and downloads it where it is missing, which a node without internet cannot do. So
the times are added up here, and the sums are tested to equal those of NIST's `md-eval.pl`, version 22.

Source: NIST, "The 2009 (RT-09) rich transcription meeting recognition evaluation plan" (DER); N. Ryant et al., "The
second DIHARD diarization challenge: dataset, task, and baselines", Interspeech 2019 (JER).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.bootstrap import ratio_interval
from speech_tracker.evaluation.interval import Interval
from speech_tracker.evaluation.tasks.assignment import assign

Regions = Mapping[str, Sequence[tuple[float, float]]]
Floats = npt.NDArray[np.float64]


class Turn(Protocol):
    """A speaker turn, for example `speech_tracker.formats.rttm.RttmTurn`; times in seconds."""

    @property
    def recording_id(self) -> str:
        """Which recording."""

    @property
    def speaker_id(self) -> str:
        """Who speaks."""

    @property
    def begin_s(self) -> float:
        """From when on."""

    @property
    def duration_s(self) -> float:
        """For how long."""


@dataclass(frozen=True, slots=True)
class SpeakerTime:
    """Seconds of speaker time, which add up over recordings. Two speakers at once count twice.

    Attributes:
        scored: of the reference, where it is scored.
        missed: spoken, but by more speakers than the system has.
        false_alarm: in the system's output, but by more speakers than speak.
        confused: given to the wrong speaker.
    """

    scored: float
    missed: float
    false_alarm: float
    confused: float

    @property
    def errors(self) -> float:
        """Missed, false alarm and confused together, in seconds."""
        return self.missed + self.false_alarm + self.confused

    @property
    def der(self) -> float | None:
        """Diarization error rate as a fraction; may exceed 1; None where nothing is spoken."""
        return self.errors / self.scored if self.scored else None

    def __add__(self, other: SpeakerTime) -> SpeakerTime:
        return SpeakerTime(
            self.scored + other.scored,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
        )


@dataclass(frozen=True, slots=True)
class RecordingDiarization:
    """One recording.

    Attributes:
        recording_id: which.
        time: its speaker time.
        speakers: reference speaker → the system's speaker that stands for it, None for nobody.
        jaccard: reference speaker → Jaccard error, from 0 to 1.
        hypothesis_speakers: how many speakers the system found.
    """

    recording_id: str
    time: SpeakerTime
    speakers: Mapping[str, str | None]
    jaccard: Mapping[str, float]
    hypothesis_speakers: int


@dataclass(frozen=True, slots=True)
class Diarization:
    """Diarization of a test set.

    Attributes:
        recordings: each of them.
        time: their sum.
        interval: of the DER, over recordings; None for a single one.
        collar_s: seconds left out on each side of a reference boundary.
        overlap: whether speech of several speakers at once is scored.
        problems: recordings without reference or hypothesis.
    """

    recordings: tuple[RecordingDiarization, ...]
    time: SpeakerTime
    interval: Interval | None
    collar_s: float
    overlap: bool
    problems: tuple[str, ...]

    @property
    def der(self) -> float | None:
        """Diarization error rate of the whole set, as a fraction."""
        return self.time.der

    @property
    def jer(self) -> float | None:
        """Jaccard error rate: mean over all reference speakers, as a fraction. Neither collar nor overlap enter it."""
        errors = [error for recording in self.recordings for error in recording.jaccard.values()]
        return float(np.mean(errors)) if errors else None

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names; rates are fractions."""
        found: dict[str, float] = {}
        if self.der is not None:
            found["der"] = self.der
            for name in ("missed", "false_alarm", "confused"):
                found[f"der_{name}"] = getattr(self.time, name) / self.time.scored
        if self.interval is not None:
            found |= {"der_ci_low": self.interval.low, "der_ci_high": self.interval.high}
        if self.jer is not None:
            found["jer"] = self.jer
        wrong = [abs(len(each.speakers) - each.hypothesis_speakers) for each in self.recordings]
        if wrong:
            found["speaker_count_error"] = float(np.mean(wrong))
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            **self.metrics(),
            "collar_s": self.collar_s,
            "overlap": self.overlap,
            "time": asdict(self.time),
            "recordings": [asdict(each) for each in self.recordings],
            "problems": list(self.problems),
        }


def diarization(
    reference: Iterable[Turn],
    hypothesis: Iterable[Turn],
    *,
    collar: float = 0.0,
    overlap: bool = True,
    regions: Regions | None = None,
) -> Diarization:
    """Score who spoke when.

    Args:
        reference: turns of all recordings.
        hypothesis: turns of the system; speakers may have any names.
        collar: seconds left out before and after each reference boundary (`md-eval -c`): 0.25 in older papers, 0 in
            DIHARD and CHiME.
        overlap: False leaves out where several reference speakers speak at once (`md-eval -1`).
        regions: recording → (begin, end) in seconds to be scored (a UEM file). A recording that is not named is scored
            from the first to the last reference boundary, as `md-eval` does: false alarms outside are not counted.

    Raises:
        InvalidArgumentError: the collar is negative.
        ScoringError: there is no reference turn.
    """
    if collar < 0:
        raise InvalidArgumentError(f"collar: got {collar!r}, expected 0 seconds or more; 0.25 and 0 are usual")
    said, heard = _by_recording(reference), _by_recording(hypothesis)
    if not said:
        raise ScoringError("no reference turn: nothing can be scored; check that the reference holds SPEAKER lines")
    problems = [f"{key}: no hypothesis, everything is missed" for key in said if key not in heard]
    problems += [f"{key}: no reference, left out" for key in heard if key not in said]
    recordings = tuple(
        _score_recording(key, turns, heard.get(key, []), collar, overlap, (regions or {}).get(key))
        for key, turns in said.items()
    )
    time = SpeakerTime(0.0, 0.0, 0.0, 0.0)
    for recording in recordings:
        time += recording.time
    rows = np.array([(each.time.errors, each.time.scored) for each in recordings])
    interval = ratio_interval(rows, blocks="recording") if len(rows) > 1 and time.scored else None
    return Diarization(recordings, time, interval, collar, overlap, tuple(problems))


def _by_recording(turns: Iterable[Turn]) -> dict[str, list[Turn]]:
    found: dict[str, list[Turn]] = {}
    for turn in turns:
        found.setdefault(turn.recording_id, []).append(turn)
    return found


def _score_recording(
    key: str,
    said: Sequence[Turn],
    heard: Sequence[Turn],
    collar: float,
    overlap: bool,
    regions: Sequence[tuple[float, float]] | None,
) -> RecordingDiarization:
    edges = [edge for turn in said for edge in (turn.begin_s, turn.begin_s + turn.duration_s)]
    if regions is None:
        regions = [(min(edges), max(edges))]
    times = [edge for region in regions for edge in region] + edges
    times += [edge for turn in heard for edge in (turn.begin_s, turn.begin_s + turn.duration_s)]
    if collar:
        times += [edge + side for edge in edges for side in (-collar, collar)]
    grid = np.unique(np.array(times, dtype=np.float64))
    length = np.diff(grid)
    inside = _covered(grid, regions) > 0
    reference, reference_names = _activity(grid, said)
    hypothesis, hypothesis_names = _activity(grid, heard)
    evaluated = length * inside
    together = (reference * evaluated) @ hypothesis.T.astype(np.float64)
    pairs = assign(together)
    scored = inside.copy()
    if collar:
        scored &= _covered(grid, [(edge - collar, edge + collar) for edge in edges]) == 0
    if not overlap:
        scored &= _covered(grid, [(turn.begin_s, turn.begin_s + turn.duration_s) for turn in said]) < 2
    weight = length * scored
    said_by, heard_by = reference.sum(axis=0), hypothesis.sum(axis=0)
    right = np.zeros(len(length), dtype=np.int64)
    for row, column in pairs:
        right += reference[row] & hypothesis[column]
    return RecordingDiarization(
        key,
        SpeakerTime(
            scored=float(weight @ said_by),
            missed=float(weight @ np.maximum(said_by - heard_by, 0)),
            false_alarm=float(weight @ np.maximum(heard_by - said_by, 0)),
            confused=float(weight @ (np.minimum(said_by, heard_by) - right)),
        ),
        dict.fromkeys(reference_names) | {reference_names[r]: hypothesis_names[h] for r, h in pairs},
        _jaccard_errors(reference, hypothesis, evaluated, together, reference_names),
        len(hypothesis_names),
    )


def _jaccard_errors(
    reference: npt.NDArray[np.int64],
    hypothesis: npt.NDArray[np.int64],
    weight: Floats,
    together: Floats,
    names: Sequence[str],
) -> dict[str, float]:
    """Return 1 - intersection / union for each reference speaker, with the assignment that makes their sum smallest."""
    union = (reference @ weight)[:, None] + (hypothesis @ weight)[None, :] - together
    similarity = np.divide(together, union, out=np.zeros_like(together), where=union > 0)
    errors = {name: 1.0 for name, time in zip(names, reference @ weight, strict=True) if time > 0}
    for row, column in assign(similarity):
        errors[names[row]] = 1.0 - float(similarity[row, column])
    return errors


def _covered(grid: Floats, spans: Iterable[tuple[float, float]]) -> npt.NDArray[np.int64]:
    """Return how many of the spans cover each interval between grid points."""
    change = np.zeros(len(grid), dtype=np.int64)
    for begin, end in spans:
        if end > begin:
            change[np.searchsorted(grid, begin)] += 1
            change[np.searchsorted(grid, end)] -= 1
    covered: npt.NDArray[np.int64] = np.cumsum(change)[:-1]
    return covered


def _activity(grid: Floats, turns: Sequence[Turn]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return whether each speaker is active in each interval, shape (speakers, intervals), and the speakers' names."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for turn in turns:
        spans.setdefault(turn.speaker_id, []).append((turn.begin_s, turn.begin_s + turn.duration_s))
    rows = [(_covered(grid, each) > 0).astype(np.int64) for each in spans.values()]
    return np.stack(rows) if rows else np.zeros((0, len(grid) - 1), dtype=np.int64), list(spans)
