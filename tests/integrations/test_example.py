"""The adapter that others copy keeps the contract that it is an example of."""

from __future__ import annotations

import struct
import time
from typing import Any

from speech_tracker.integrations._example import SpeechTrackerToyCallback, ToyTrainer
from speech_tracker.testing.contract import AdapterContract, Training


class InTheMiddle:
    """The user's own code, called in each step."""

    def __init__(self, training: Training) -> None:
        self.training = training

    def on_step(self, trainer: ToyTrainer, metrics: dict[str, float]) -> None:
        if self.training.error is not None and trainer.step == 3:
            raise self.training.error
        time.sleep(self.training.pause)


class TestExample(AdapterContract):
    def tracker(self) -> Any:
        return SpeechTrackerToyCallback("toy", task="asr")

    def train(self, training: Training) -> bytes:
        callbacks = [*([self.tracker()] if training.tracked else []), InTheMiddle(training)]
        epochs = 3 if training.resume else 10000 if training.pause else 2
        weight = ToyTrainer(callbacks, epochs=epochs).fit(training.folder, resume=training.resume)
        return struct.pack("d", weight)
