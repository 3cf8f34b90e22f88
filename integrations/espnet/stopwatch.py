"""How long an inference module works on its utterances."""

from __future__ import annotations

import functools
import time
from typing import Any

_WORKERS = (
    "AudioCoding", "Classification", "DiarizeSpeech", "GenerateText", "SeparateSpeech", "SeparateSpeechStreaming",
    "SingingGenerate", "Speech2Embedding", "Speech2Language", "Speech2Speech", "Speech2Text", "Speech2TextGreedySearch",
    "Speech2TextStreaming", "Speech2Understand", "SpeechAntiSpoof", "Text2Speech", "Text2Text", "k2Speech2Text",
)  # fmt: skip
"""Classes of ESPnet's inference modules that are called once for each utterance or batch."""


class Stopwatch:
    """Adds up the seconds that an inference module spends on its utterances, without loading models and data.

    Args:
        module: the module; of the classes that it has for the work, every call is timed.
    """

    def __init__(self, module: Any) -> None:
        self.calls = 0
        self._seconds = 0.0
        for name in _WORKERS:
            if hasattr(module, name):
                self._time(getattr(module, name))

    @property
    def seconds(self) -> float | None:
        """Seconds so far, None when nothing was timed."""
        return self._seconds if self.calls else None

    def _time(self, owner: Any) -> None:
        original = owner.__call__

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.calls += 1
                self._seconds += time.perf_counter() - began

        owner.__call__ = timed
