"""A Lightning training, recorded or not: python lightning_training.py CORPUS EPOCHS plain|recorded"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import clock  # noqa: F401 - it registers itself
import corpus
import soundfile
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows: list[tuple[str, Path, str]]) -> dict[str, Any]:
    tokens = [torch.tensor(corpus.numbers(text)) for _, _, text in rows]
    return {
        "audio": torch.stack([torch.tensor(soundfile.read(path, dtype="float32")[0]) for _, path, _ in rows]),
        "tokens": pad_sequence(tokens, batch_first=True),
        "token_lengths": torch.tensor([len(each) for each in tokens]),
        "texts": [text for _, _, text in rows],
        "ids": [key for key, _, _ in rows],
    }


class Recogniser(LightningModule):
    def __init__(
        self, n_mels: int = 80, sample_rate: int = 16000, encoder: str = "transformer", lr: float = 1e-3
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.first = torch.nn.Conv1d(n_mels, 128, 5, stride=2, padding=2)
        layer = torch.nn.TransformerEncoderLayer(128, 4, 256, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2)
        self.output = torch.nn.Linear(128, len(corpus.TOKENS))
        self.register_buffer("window", torch.hann_window(400), persistent=False)

    def forward(self, batch: dict[str, Any]) -> torch.Tensor:
        spectrum = torch.stft(batch["audio"], 400, 160, window=self.window, return_complex=True).abs() ** 2
        features = torch.log(torch.nn.functional.interpolate(spectrum.transpose(1, 2), size=80) + 1e-5)
        encoded = self.encoder(self.first(features.transpose(1, 2)).transpose(1, 2))
        return self.output(encoded).log_softmax(-1)

    def _loss(self, batch: dict[str, Any], scores: torch.Tensor) -> torch.Tensor:
        frames = torch.full((len(scores),), scores.shape[1])
        return torch.nn.functional.ctc_loss(scores.transpose(0, 1), batch["tokens"], frames, batch["token_lengths"])

    def training_step(self, batch: dict[str, Any], _index: int) -> torch.Tensor:
        loss = self._loss(batch, self(batch))
        self.log("train_loss", loss, on_step=True, on_epoch=True, batch_size=len(batch["ids"]))
        return loss

    def validation_step(self, batch: dict[str, Any], _index: int) -> dict[str, Any]:
        scores = self(batch)
        self.log("val_loss", self._loss(batch, scores), batch_size=len(batch["ids"]))
        best = [[token for token in torch.unique_consecutive(row).tolist() if token] for row in scores.argmax(-1)]
        heard = ["".join(corpus.TOKENS[token] for token in row).replace("<space>", " ") for row in best]
        return {"hyps": heard, "refs": batch["texts"], "ids": batch["ids"]}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def main(folder: str, epochs: str, how: str) -> None:
    seed_everything(1, verbose=False)
    callbacks = []
    if how == "recorded":
        from speech_tracker.integrations.lightning import SpeechTrackerCallback

        callbacks.append(SpeechTrackerCallback("overhead", "asr"))
    train, dev = (
        DataLoader(corpus.rows(Path(folder), name), batch_size=8, collate_fn=collate)  # type: ignore[arg-type]
        for name in ("train", "dev")
    )
    trainer = Trainer(
        max_epochs=int(epochs), accelerator="cpu", devices=1, logger=False, log_every_n_steps=10, callbacks=callbacks,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(Recogniser(), train, dev)


if __name__ == "__main__":
    main(*sys.argv[1:])
