"""A small CTC recogniser: log-mel features and five convolutions over time."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from data import RATE, WORDS, Batch
from torch import nn

N_FFT, HOP = 256, 80  # 32 ms and 10 ms at 8 kHz


def block(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return a convolution over time with batch normalisation."""
    convolution = nn.Conv1d(inputs, outputs, 5, stride=stride, dilation=dilation, padding=2 * dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(outputs), nn.ReLU())


def mel_filters(n_mels: int) -> torch.Tensor:
    """Return triangular filters on the mel scale, shape (frequencies, mels)."""
    top = 2595 * torch.log10(torch.tensor(1 + RATE / 2 / 700))
    edges = 700 * (10 ** (torch.linspace(0, float(top), n_mels + 2) / 2595) - 1)
    frequencies = torch.linspace(0, RATE / 2, N_FFT // 2 + 1)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return torch.clamp(torch.minimum(rising, falling), min=0)


class DigitRecogniser(pl.LightningModule):
    """Digit strings from audio.

    Args:
        n_mels: mel channels.
        hidden: channels of the layers.
        learning_rate: of Adam, after a warm-up of 50 steps.
        spec_augment: mask a band of frequencies of each training utterance.
        sample_rate: of the audio, in Hz; for the record.
    """

    def __init__(  # what save_hyperparameters keeps need not be used again here
        self,
        n_mels: int = 40,
        hidden: int = 96,
        learning_rate: float = 4e-3,
        spec_augment: bool = True,
        sample_rate: int = RATE,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.register_buffer("filters", mel_filters(n_mels), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.front = nn.Sequential(block(n_mels, hidden, stride=2), block(hidden, hidden, stride=2))
        self.encoder = nn.ModuleList(block(hidden, hidden, dilation=dilation) for dilation in (1, 2, 3))
        self.output = nn.Linear(hidden, 1 + len(WORDS))
        self.loss = nn.CTCLoss(zero_infinity=True)

    def forward(self, audio: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log probabilities, shape (utterances, frames, tokens), and the frames of each utterance."""
        spectrum = torch.stft(audio, N_FFT, HOP, window=self.window, return_complex=True).abs() ** 2
        features = torch.log(spectrum.transpose(1, 2) @ self.filters + 1e-5)
        features = (features - features.mean((1, 2), keepdim=True)) / 4
        if self.training and self.hparams.spec_augment:
            width, low = (int(torch.randint(limit, ())) for limit in (8, features.shape[-1] - 8))
            features[..., low : low + width] = 0
        encoded = self.front(features.transpose(1, 2))
        for layer in self.encoder:
            encoded = encoded + layer(encoded)
        encoded = encoded.transpose(1, 2)
        frames = torch.clamp((lengths // HOP + 4) // 4, max=encoded.shape[1])
        return self.output(encoded).log_softmax(-1), frames

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        scores, frames = self(batch.audio, batch.lengths)
        loss = self.loss(scores.transpose(0, 1), batch.tokens, frames, batch.token_lengths)
        self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=len(batch.utterances))
        return loss

    def _heard(self, batch: Batch, stage: str) -> dict[str, Any]:
        scores, frames = self(batch.audio, batch.lengths)
        loss = self.loss(scores.transpose(0, 1), batch.tokens, frames, batch.token_lengths)
        self.log(f"{stage}/loss", loss, batch_size=len(batch.utterances))
        best = scores.argmax(-1)
        hypotheses = [greedy(row[:count].tolist()) for row, count in zip(best, frames.tolist(), strict=True)]
        return {
            "hyps": hypotheses,
            "refs": [each.text for each in batch.utterances],
            "ids": [each.utterance_id for each in batch.utterances],
            "speakers": [each.speaker for each in batch.utterances],
        }

    def validation_step(self, batch: Batch, _index: int) -> dict[str, Any]:
        """Return what was heard; the callback scores it."""
        return self._heard(batch, "valid")

    def test_step(self, batch: Batch, _index: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Return what was heard; the callback scores it."""
        return self._heard(batch, "test")

    def configure_optimizers(self) -> Any:
        """Return Adam with a warm-up and a decay."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)
        steps = max(int(self.trainer.estimated_stepping_batches), 1)

        def factor(step: int) -> float:
            return min((step + 1) / 50, 1.0, max(1.6 * (1 - step / steps), 0.02))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def greedy(tokens: list[int]) -> str:
    """Return the words of the best path: repetitions joined, blanks dropped.

    >>> greedy([0, 4, 4, 0, 4, 1, 1])
    'three three zero'
    """
    kept = [token for place, token in enumerate(tokens) if token and (place == 0 or token != tokens[place - 1])]
    return " ".join(WORDS[token - 1] for token in kept)
