"""How fast a training goes: updates and seconds of audio per second, without the time spent on validation."""

from __future__ import annotations

import time
from typing import Any


class Pace:
    """Counts between two moments of logging.

    Seconds of audio may come as tensors: they are added where they are, so that no step waits for the device, and taken
    as a number once, when logged. The sum is the only tensor that is kept, and it is ours.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._step = 0
        self._paused = 0.0
        self._audio: Any = None

    def start(self, step: int) -> None:
        """Count from here."""
        self._began = time.perf_counter()
        self._step = step
        self._paused = 0.0
        self._audio = None

    def pause(self, seconds: float) -> None:
        """Leave out so many seconds: a validation in between."""
        self._paused += seconds

    def add(self, audio_seconds: Any) -> None:
        """Count a batch's seconds of audio; None where it does not tell them."""
        if audio_seconds is not None:
            self._audio = audio_seconds if self._audio is None else self._audio + audio_seconds

    def rates(self, step: int) -> dict[str, float]:
        """Return the rates since `start` or the last call, and begin anew."""
        seconds = time.perf_counter() - self._began - self._paused
        found = {}
        if seconds > 0 and step > self._step:
            found["train/updates_per_second"] = (step - self._step) / seconds
            if self._audio is not None:
                found["train/audio_seconds_per_second"] = float(self._audio) / seconds
        self.start(step)
        return found
