"""Lightning: one callback records the whole experiment.

Tested with ``lightning`` 2.4.0 and 2.6.6 and with ``pytorch_lightning`` 2.6.6; hooks are documented at
https://lightning.ai/docs/pytorch/stable/common/trainer.html#callbacks. The line to add::

    from speech_tracker.integrations.lightning import SpeechTrackerCallback

    trainer = Trainer(callbacks=[SpeechTrackerCallback("librispeech", task="asr")])

Recorded are hyperparameters, data loaders, metrics of training, validation and test, learning rates, speed, checkpoints,
error rates of what the steps return, how the training ended, and where it was resumed; see `docs/lightning.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech_tracker.integrations.lightning.callback import SpeechTrackerCallback

__all__ = ["SpeechTrackerCallback"]


def __getattr__(name: str) -> Any:
    """Import the callback when it is asked for: the folders of Lightning are read where Lightning is not installed."""
    if name == "SpeechTrackerCallback":
        from speech_tracker.integrations.lightning.callback import SpeechTrackerCallback

        return SpeechTrackerCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
