"""Experiment tracking for speech research: crash-safe on disk, in Weights & Biases, with error rates to rely on.

>>> import speech_tracker
>>> with speech_tracker.init("digits", task="asr", mode="disabled") as run:
...     run.log_metrics({"train/loss": 2.5}, step=1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_tracker.client import Client, Experiment, active_run, attach, init
from speech_tracker.run import Run
from speech_tracker.version import __version__

__all__ = ["Client", "Experiment", "Run", "Speech", "__version__", "active_run", "attach", "init"]

if TYPE_CHECKING:
    from speech_tracker.schema import Speech


def __getattr__(name: str) -> Any:
    """Import the vocabulary's classes when they are asked for: most runs never need them."""
    if name == "Speech":
        from speech_tracker.schema import Speech

        return Speech
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
