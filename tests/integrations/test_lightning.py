"""The Lightning callback in real trainings, in both packages."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import speech_tracker  # noqa: E402
from speech_tracker.integrations.lightning import SpeechTrackerCallback  # noqa: E402
from speech_tracker.testing.capture import Captured, capture  # noqa: E402
from speech_tracker.testing.contract import AdapterContract, Training  # noqa: E402
from speech_tracker.view import RunView  # noqa: E402

pytestmark = [  # Lightning warns of few workers, of missing loggers, of folders that are there
    pytest.mark.filterwarnings("ignore:::lightning"),
    pytest.mark.filterwarnings("ignore:::pytorch_lightning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


class Tones(Dataset[dict[str, Any]]):
    """Short tones of four pitches, as features with a text; deterministic."""

    def __init__(self, number: int, name: str = "") -> None:
        generator = torch.Generator().manual_seed(number)
        self.features = torch.randn(number, 8, generator=generator)
        self.labels = torch.arange(number) % 4
        self.name = name
        self.hours = number / 3600

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "features": self.features[index],
            "label": self.labels[index],
            "durations": 1.5,
            "id": f"utt{index:03d}",
            "speaker": f"s{index % 2}",
        }


WORDS = ["ab", "cab", "bad", "dab"]


def make_module(framework: Any, **hparams: Any) -> Any:
    """A recogniser of tones; built for either package, since a module has to be of the Trainer's own."""

    class Recogniser(framework.LightningModule):  # type: ignore[misc]
        def __init__(self, lr: float = 0.05, n_mels: int = 8, sample_rate: int = 16000, **more: Any) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(n_mels, 16), torch.nn.Dropout(0.1), torch.nn.Linear(16, 4)
            )
            self.before_step: Any = None

        def _loss(self, batch: Any) -> Any:
            return torch.nn.functional.cross_entropy(self.layers(batch["features"]), batch["label"])

        def training_step(self, batch: Any, index: int) -> Any:
            if self.before_step is not None:
                self.before_step(self)
            loss = self._loss(batch)
            self.log("train/loss", loss, on_step=True, on_epoch=True)
            self.log("optim/scale", 1.0)
            return loss

        def on_train_epoch_end(self) -> None:
            self.log("train_weight_norm", self.layers[0].weight.norm())

        def _evaluate(self, batch: Any, name: str) -> Any:
            self.log(f"{name}/loss", self._loss(batch))
            found = self.layers(batch["features"]).argmax(-1)
            return {
                "hyps": [WORDS[each] for each in found],
                "refs": [WORDS[each] for each in batch["label"]],
                "ids": batch["id"],
                "speakers": batch["speaker"],
            }

        def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> Any:
            return self._evaluate(batch, "val")

        def test_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> Any:
            return self._evaluate(batch, "test")

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)]

    return Recogniser(**hparams)


def loader(number: int, name: str = "", **options: Any) -> Any:
    return DataLoader(Tones(number, name), batch_size=4, **options)


def make_trainer(folder: Path, *callbacks: Any, framework: Any = lightning, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "max_epochs": 2, "accelerator": "cpu", "devices": 1, "logger": False, "log_every_n_steps": 1,
        "enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": str(folder),
    }  # fmt: skip
    return framework.Trainer(**{**settings, **options}, callbacks=list(callbacks))


def saver(folder: Path, framework: Any = lightning, **options: Any) -> Any:
    settings = {"monitor": "val/loss", "save_top_k": 1, "save_last": True}
    return framework.callbacks.ModelCheckpoint(dirpath=folder / "checkpoints", **{**settings, **options})


def weights_of(module: Any) -> bytes:
    return b"".join(value.detach().numpy().tobytes() for value in module.state_dict().values())


class TestLightning(AdapterContract):
    namespaces = __import__("re").compile(r"^(train|valid|test|optim)/\S+$")
    interrupt_raises = (SystemExit, KeyboardInterrupt)
    package = "lightning.pytorch"

    def tracker(self) -> Any:
        return SpeechTrackerCallback("tones", task="asr", log_gradient_norm=True)

    def train(self, training: Training) -> bytes:
        framework = importlib.import_module(self.package)
        torch.manual_seed(0)
        module = make_module(framework)

        def before_step(running: Any) -> None:
            if training.error is not None and running.global_step == 3:
                raise training.error
            __import__("time").sleep(training.pause)

        module.before_step = before_step
        epochs = 3 if training.resume else 10000 if training.pause else 2
        callbacks = [saver(training.folder, framework), *([self.tracker()] if training.tracked else [])]
        trainer = make_trainer(training.folder, *callbacks, framework=framework, max_epochs=epochs)
        again = training.folder / "checkpoints" / "last.ckpt"
        trainer.fit(module, loader(8), loader(8), ckpt_path=str(again) if training.resume else None)
        return weights_of(module)


@pytest.mark.skipif(importlib.util.find_spec("pytorch_lightning") is None, reason="pytorch_lightning is not installed")
class TestPytorchLightning(TestLightning):
    """The same with the other package: its Trainer takes the callback, whichever package that was made for."""

    package = "pytorch_lightning"
