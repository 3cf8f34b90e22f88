"""Experiment tracking for speech research: crash-safe on disk, in Weights & Biases, with error rates to rely on.

>>> import speech_tracker
>>> with speech_tracker.init("digits", task="asr", mode="disabled") as run:
...     run.log_metrics({"train/loss": 2.5}, step=1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_tracker.version import __version__

__all__ = ["Client", "Experiment", "Run", "Speech", "__version__", "active_run", "attach", "init"]

if TYPE_CHECKING:
    from speech_tracker.client import Client, Experiment, active_run, attach, init
    from speech_tracker.run import Run
    from speech_tracker.schema import Speech

_PLACES = {
    "Client": "client", "Experiment": "client", "Run": "run", "Speech": "schema",
    "active_run": "client", "attach": "client", "init": "client",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what records when it is asked for: most of what the command line does never needs it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"speech_tracker.{_PLACES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, those that are not imported yet among them."""
    return sorted({*globals(), *__all__})
