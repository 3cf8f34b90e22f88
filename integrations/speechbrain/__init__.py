"""SpeechBrain: one word in the YAML, a base class, or one call records the whole experiment.

Tested with SpeechBrain 1.1.2. The hooks are `Brain.__init__` (for Brains that are built after the logger) and, on the
instance, the methods that `docs/speechbrain.md` lists.

In the YAML (a drop-in for ``FileTrainLogger``, whose file is still written)::

    train_logger: !new:speech_tracker.integrations.speechbrain.SpeechTrackerLogger
        save_file: !ref <train_log>

without touching the recipe at all, on the command line::

    python train.py hparams/train.yaml --train_logger='!new:speech_tracker.integrations.speechbrain.SpeechTrackerLogger'

or in Python: derive from `TrackedBrain` in place of ``speechbrain.Brain``, or call ``track(brain)``.
"""

from speech_tracker.integrations.speechbrain.attach import TrackedBrain, track
from speech_tracker.integrations.speechbrain.logger import SpeechTrackerLogger

__all__ = ["SpeechTrackerLogger", "TrackedBrain", "track"]
