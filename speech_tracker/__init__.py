"""Experiment tracking for speech research: crash-safe on disk, in Weights & Biases, with error rates to rely on.

>>> import speech_tracker
>>> with speech_tracker.init("digits", task="asr", mode="disabled") as run:
...     run.log_metrics({"train/loss": 2.5}, step=1)
"""

from speech_tracker.client import Client, Experiment, active_run, init
from speech_tracker.run import Run
from speech_tracker.schema import Speech
from speech_tracker.version import __version__

__all__ = ["Client", "Experiment", "Run", "Speech", "__version__", "active_run", "init"]
