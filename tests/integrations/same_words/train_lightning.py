"""The Lightning training: ``python train_lightning.py`` beside ``data/``."""

from __future__ import annotations

from typing import Any

import corpus
import soundfile
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from speech_tracker.integrations.lightning import SpeechTrackerCallback

NUMBERS = {letter: number for number, letter in enumerate(corpus.LETTERS, start=1)}


class Data(Dataset):
    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = corpus.read(name)
        self.hours = sum(row.seconds for row in self.rows) / 3600
        self.speakers = len({row.speaker for row in self.rows})

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> corpus.Utterance:
        return self.rows[index]


def collate(rows: list[corpus.Utterance]) -> dict[str, Any]:
    audio = [torch.tensor(soundfile.read(row.audio, dtype="float32")[0]) for row in rows]
    tokens = [torch.tensor([NUMBERS[letter] for letter in row.text]) for row in rows]
    return {
        "audio": pad_sequence(audio, batch_first=True),
        "tokens": pad_sequence(tokens, batch_first=True),
        "token_lengths": torch.tensor([len(each) for each in tokens]),
        "rows": rows,
    }


class Recogniser(LightningModule):
    def __init__(
        self,
        encoder: str = "transformer",
        encoder_layers: int = 1,
        token_type: str = "char",
        vocabulary_size: int = len(NUMBERS) + 1,
        features: str = "fbank",
        sample_rate: int = 16000,
        n_mels: int = 80,
        n_fft: int = 400,
        window_ms: float = 25.0,
        hop_ms: float = 10.0,
        spec_augment: bool = True,
        speed_perturbation: tuple[float, ...] = (0.9, 1.0, 1.1),
        learning_rate: float = 0.003,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.first = torch.nn.Linear(n_mels, 16)
        self.encoder = torch.nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.output = torch.nn.Linear(16, vocabulary_size)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, batch: dict[str, Any]) -> torch.Tensor:
        spectrum = torch.stft(batch["audio"], 400, 160, window=self.window, return_complex=True).abs() ** 2
        features = torch.log(torch.nn.functional.interpolate(spectrum.transpose(1, 2), size=80) + 1e-5)
        if self.training and self.hparams.spec_augment:
            features[..., :4] = 0
        return self.output(self.encoder(self.first(features))).log_softmax(-1)

    def _loss(self, batch: dict[str, Any], scores: torch.Tensor) -> torch.Tensor:
        frames = torch.full((len(scores),), scores.shape[1])
        return torch.nn.functional.ctc_loss(scores.transpose(0, 1), batch["tokens"], frames, batch["token_lengths"])

    def training_step(self, batch: dict[str, Any], _index: int) -> torch.Tensor:
        loss = self._loss(batch, self(batch))
        self.log("train_loss", loss, on_step=True, on_epoch=True, batch_size=len(batch["rows"]))
        return loss

    def _heard(self, batch: dict[str, Any], stage: str) -> dict[str, Any]:
        scores = self(batch)
        self.log(f"{stage}_loss", self._loss(batch, scores), batch_size=len(batch["rows"]))
        best = [torch.unique_consecutive(row).tolist() for row in scores.argmax(-1)]
        return {
            "hyps": ["".join(corpus.LETTERS[token - 1] for token in row if token) for row in best],
            "refs": [row.text for row in batch["rows"]],
            "ids": [row.utterance for row in batch["rows"]],
            "speakers": [row.speaker for row in batch["rows"]],
        }

    def validation_step(self, batch: dict[str, Any], _index: int) -> dict[str, Any]:
        return self._heard(batch, "val")

    def test_step(self, batch: dict[str, Any], _index: int) -> dict[str, Any]:
        return self._heard(batch, "test")

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)


def main() -> None:
    seed_everything(3, verbose=False)
    train, dev, test = (DataLoader(Data(name), batch_size=4, collate_fn=collate) for name in corpus.SETS)
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", devices=1, logger=False, log_every_n_steps=1, gradient_clip_val=5.0,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[
            ModelCheckpoint(dirpath="exp/lightning", monitor="val_loss"),
            SpeechTrackerCallback("words", "asr", "lightning", languages="en", log_gradient_norm=True),
        ],
    )  # fmt: skip
    model = Recogniser()
    trainer.fit(model, train, dev)
    trainer.test(model, test, verbose=False)


if __name__ == "__main__":
    main()
