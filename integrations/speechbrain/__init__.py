"""SpeechBrain: one word in the YAML, a base class, or one call records the whole experiment.

In the YAML (a drop-in for ``FileTrainLogger``, whose file is still written)::

    train_logger: !new:speech_tracker.integrations.speechbrain.SpeechTrackerLogger
        save_file: !ref <train_log>

without touching the recipe at all, on the command line::

    python train.py hparams/train.yaml --train_logger='!new:speech_tracker.integrations.speechbrain.SpeechTrackerLogger'

or in Python: derive from `TrackedBrain` in place of ``speechbrain.Brain``, or call ``track(brain)``.

Which versions were tested, what is recorded and which methods are followed: `docs/speechbrain.md`. SpeechBrain is
imported when one of the names is asked for, so that its folders can be read where it is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech_tracker.integrations.speechbrain.attach import TrackedBrain, track
    from speech_tracker.integrations.speechbrain.logger import SpeechTrackerLogger

__all__ = ["SpeechTrackerLogger", "TrackedBrain", "track"]

_PLACES = {"SpeechTrackerLogger": "logger", "TrackedBrain": "attach", "track": "attach"}


def __getattr__(name: str) -> Any:
    """Import SpeechBrain with the name that is asked for.

    Raises:
        MissingExtraError: SpeechBrain is not installed, or cannot be imported.
    """
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from speech_tracker.optional import require

    require("speechbrain", extra="speechbrain", purpose="record a SpeechBrain training")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
