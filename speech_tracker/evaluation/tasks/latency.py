"""How fast: real-time factor and latency, in total and at percentiles.

The total is the sum of processing seconds over the sum of audio seconds. The mean of the utterances' factors is another
number: short utterances weigh as much in it as long ones, and start-up costs make it larger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.bootstrap import ratio_interval
from speech_tracker.evaluation.interval import Interval

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of one quantity over utterances.

    Attributes:
        mean: unweighted mean.
        p50: median.
        p90: 90 % of the utterances lie at or below it; interpolated, as NumPy does by default.
        p95: likewise 95 %.
        p99: likewise 99 %.
        maximum: the largest.
    """

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Speed of a recogniser on a test set.

    Attributes:
        rtf: processing seconds per second of audio, in total; below 1 is faster than real time.
        interval: of `rtf`, over utterances; None for a single one.
        rtf_per_utterance: spread of the utterances' own factors.
        processing_s: spread of the processing time.
        response_s: spread of the time from the end of speech to the final result, where it was given.
        audio_s: seconds of audio in total.
        utterances: how many were measured.
        conditions: what was measured and on what: stages, threads, device, batch.
    """

    rtf: float
    interval: Interval | None
    rtf_per_utterance: Spread
    processing_s: Spread
    response_s: Spread | None
    audio_s: float
    utterances: int
    conditions: str

    @property
    def rtfx(self) -> float:
        """Seconds of audio per second of processing, the inverse of `rtf` (Open ASR Leaderboard); higher is faster."""
        return 1 / self.rtf if self.rtf else float("inf")

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names."""
        found = {"rtf": self.rtf, "rtfx": self.rtfx}
        for name, spread in (
            ("rtf", self.rtf_per_utterance),
            ("processing_s", self.processing_s),
            ("response_s", self.response_s),
        ):
            if spread is not None:
                found |= {f"{name}_p{p}": getattr(spread, f"p{p}") for p in PERCENTILES}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {**asdict(self), "rtfx": self.rtfx}


def latency(
    audio_s: Iterable[float],
    processing_s: Iterable[float],
    *,
    response_s: Iterable[float] | None = None,
    warm_up: int = 0,
    conditions: str = "",
) -> Latency:
    """Summarise how long utterances took.

    Args:
        audio_s: seconds of audio of each utterance.
        processing_s: seconds of processing of each utterance, in the same order. On a GPU, wait for it
            (`torch.cuda.synchronize()`) before the clock is read.
        response_s: seconds from the end of speech to the final result, for streaming.
        warm_up: utterances at the beginning to leave out: the first ones compile and allocate.
        conditions: in words: which stages, how many threads, which device. A factor without them means little.

    Raises:
        InvalidArgumentError: the columns differ in length, a time is negative or not finite, audio is empty, or nothing
            is left.
    """
    audio, processing = _seconds("audio_s", audio_s, warm_up), _seconds("processing_s", processing_s, warm_up)
    response = None if response_s is None else _seconds("response_s", response_s, warm_up)
    lengths = {len(column) for column in (audio, processing, response) if column is not None}
    if len(lengths) > 1:
        raise InvalidArgumentError(
            f"columns of different lengths: got {len(audio)} utterances of audio and {len(processing)} of processing"
            f"{'' if response is None else f' and {len(response)} of response'}, expected one value each per utterance"
        )
    if not len(audio):
        raise InvalidArgumentError(f"nothing was measured: no utterance is left after warm_up={warm_up}")
    if not (audio > 0).all():
        raise InvalidArgumentError(
            f"audio_s: got {float(audio.min())!r} for utterance {int(np.argmin(audio)) + warm_up}, expected more than 0"
        )
    rows = np.stack([processing, audio], axis=1)
    return Latency(
        rtf=float(processing.sum() / audio.sum()),
        interval=ratio_interval(rows, method="t") if len(rows) > 1 else None,
        rtf_per_utterance=_spread(processing / audio),
        processing_s=_spread(processing),
        response_s=None if response is None else _spread(response),
        audio_s=float(audio.sum()),
        utterances=len(audio),
        conditions=conditions,
    )


def _seconds(name: str, values: Iterable[float], warm_up: int) -> npt.NDArray[np.float64]:
    column = np.array(list(values), dtype=np.float64)
    lowest = -np.inf if name == "response_s" else 0.0  # a streaming recogniser may be done before the speaker is
    wrong = ~np.isfinite(column) | (column < lowest)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise InvalidArgumentError(
            f"{name}: got {float(column[place])!r} for utterance {place}, expected a finite number of seconds, 0 or more"
        )
    return column[max(0, warm_up) :]


def _spread(values: npt.NDArray[np.float64]) -> Spread:
    p50, p90, p95, p99 = (float(point) for point in np.percentile(values, PERCENTILES))
    return Spread(float(values.mean()), p50, p90, p95, p99, float(values.max()))
