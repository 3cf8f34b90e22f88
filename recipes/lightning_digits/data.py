"""Strings of spoken digits, made by joining recordings of single digits of one speaker."""

from __future__ import annotations

import re
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

RATE = 8000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST = range(5)  # by custom of the Free Spoken Digit Dataset, recordings 0 to 4 are the test split
VALID = range(5, 8)

_NAME = re.compile(r"^(\d)_([^_]+)_(\d+)\.wav$")


@dataclass(frozen=True)
class Recording:
    """One digit, spoken once."""

    digit: int
    speaker: str
    index: int
    samples: np.ndarray


def read_recordings(folder: Path) -> list[Recording]:
    """Return the recordings of a folder with files ``{digit}_{speaker}_{index}.wav``, 8 kHz, mono, 16 bit."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        name = _NAME.match(path.name)
        if name is None:
            continue
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise SystemExit(f"{path}: expected {RATE} Hz, mono, 16 bit; convert it, for example with sox")
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        found.append(Recording(int(name[1]), name[2], int(name[3]), samples))
    if not found:
        raise SystemExit(f"{folder} holds no file named like 3_jackson_12.wav ({{digit}}_{{speaker}}_{{index}}.wav)")
    return found


@dataclass(frozen=True)
class Utterance:
    """A string of digits."""

    utterance_id: str
    speaker: str
    digits: tuple[int, ...]
    samples: np.ndarray

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(WORDS[digit] for digit in self.digits)


class DigitStrings(Dataset[Utterance]):
    """Strings of two to five digits, each of one speaker, every speaker equally often; always the same for one seed.

    Args:
        recordings: what they are made of.
        name: of the set, for the ids and for tracking.
        size: how many strings.
        seed: of the choice.
        noise_db: least and greatest signal-to-noise ratio of the white noise that is added; None for none.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        name: str,
        size: int,
        *,
        seed: int,
        noise_db: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        random, hiss = (
            np.random.default_rng(seed),
            np.random.default_rng(seed + 1),
        )  # the same strings with and without noise
        speakers = sorted({each.speaker for each in recordings})
        of = {(speaker, digit): [each for each in recordings if (each.speaker, each.digit) == (speaker, digit)]
              for speaker in speakers for digit in range(10)}  # fmt: skip
        self.utterances = []
        for number in range(size):
            speaker = speakers[number % len(speakers)]
            digits = tuple(int(digit) for digit in random.integers(0, 10, random.integers(2, 6)))
            parts = [np.zeros(random.integers(200, 1200), np.float32)]
            for digit in digits:
                choices = of[speaker, digit]
                parts += [
                    choices[random.integers(len(choices))].samples,
                    np.zeros(random.integers(200, 1200), np.float32),
                ]
            samples = np.concatenate(parts)
            if noise_db is not None:
                level = np.sqrt(np.mean(samples**2)) * 10 ** (-hiss.uniform(*noise_db) / 20)
                samples = samples + hiss.normal(0, level, len(samples)).astype(np.float32)
            self.utterances.append(Utterance(f"{speaker}-{name}-{number:04d}", speaker, digits, samples))

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Utterance:
        return self.utterances[index]


class Batch:
    """Utterances side by side.

    Attributes:
        audio: shape (utterances, samples), padded with zeros.
        lengths: samples of each utterance.
        tokens: all digits one after another, plus one, since zero is CTC's blank.
        token_lengths: digits of each utterance.
        utterances: the utterances themselves.
    """

    def __init__(self, utterances: list[Utterance]) -> None:
        self.utterances = utterances
        self.lengths = torch.tensor([len(each.samples) for each in utterances])
        self.audio = torch.zeros(len(utterances), int(self.lengths.max()))
        for row, each in zip(self.audio, utterances, strict=True):
            row[: len(each.samples)] = torch.from_numpy(each.samples)
        self.tokens = torch.tensor([digit + 1 for each in utterances for digit in each.digits])
        self.token_lengths = torch.tensor([len(each.digits) for each in utterances])

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio, without the padding."""
        return float(self.lengths.sum()) / RATE

    def to(self, device: torch.device, **_: object) -> Batch:
        """Move the tensors to a device, as Lightning asks of a batch."""
        for name in ("audio", "lengths", "tokens", "token_lengths"):
            setattr(self, name, getattr(self, name).to(device))
        return self
