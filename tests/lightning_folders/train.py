"""A real training of seconds: python train.py FOLDER [live]

Both of Lightning's own loggers write; with `live` the callback records as well, into the store of the environment.
"""

from __future__ import annotations

import sys

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from speech_tracker.integrations.lightning import SpeechTrackerCallback


class Tiny(LightningModule):
    def __init__(self, lr: float = 0.05, n_mels: int = 8, sample_rate: int = 16000) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(n_mels, 4)

    def _loss(self, batch):
        return cross_entropy(self.layer(batch[0]), batch[1])

    def training_step(self, batch, index):
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("train_acc", 0.5 + index / 16, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self):
        self.log("weight_norm", self.layer.weight.norm())

    def validation_step(self, batch, index, dataloader_idx=0):
        self.log("val_loss", self._loss(batch), on_step=True, on_epoch=True)
        self.log("val_wer", 0.5 / (1 + self.current_epoch))

    def test_step(self, batch, index):
        self.log("test_wer", 0.25)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


def loader(number: int) -> DataLoader:
    features = torch.randn(number, 8, generator=torch.Generator().manual_seed(number))
    return DataLoader(TensorDataset(features, torch.arange(number) % 4), batch_size=4)


def main(folder: str, *live: str) -> None:
    torch.manual_seed(0)
    callbacks = [LearningRateMonitor(), ModelCheckpoint(monitor="val_wer/dataloader_idx_0", save_last=True)]
    if live:
        callbacks.append(SpeechTrackerCallback("tones", "asr", mode="local"))
    loggers = [CSVLogger(f"{folder}/csv", flush_logs_every_n_steps=2), TensorBoardLogger(f"{folder}/board")]
    trainer = Trainer(
        max_epochs=3, accelerator="cpu", devices=1, logger=loggers, callbacks=callbacks, log_every_n_steps=2,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = Tiny()
    trainer.fit(model, loader(20), [loader(8), loader(12)])
    trainer.test(model, loader(8), verbose=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
