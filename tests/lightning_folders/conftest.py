"""Folders as Lightning's loggers leave them, and ways to ingest them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speech_tracker.paths import store_folder

HEADER = "epoch,step,train_loss_epoch,train_loss_step,val_loss,val_wer"
LONG_AGO = 1_700_000_000


def lines_of_epoch(epoch, steps=100, every=50):
    """What a CSVLogger writes of one epoch: steps, the validation, the means."""
    first = epoch * steps
    rows = [f"{epoch},{first + at - 1},,{2 / (first + at):.6f},," for at in range(every, steps + 1, every)]
    last = first + steps - 1
    return [
        *rows,
        f"{epoch},{last},,,{1 / (epoch + 1):.6f},{0.5 / (epoch + 1):.6f}",
        f"{epoch},{last},{1.5 / (epoch + 1):.6f},,,",
    ]


class Version:
    """One folder of a logger, which grows as the real one does."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.metrics = self.folder / "metrics.csv"
        self.lines = [HEADER]
        (self.folder / "hparams.yaml").write_text("encoder: conformer\nlr: 0.001\nn_mels: 80\nsample_rate: 16000\n")

    def add(self, *lines):
        self.lines += lines
        return self.write()

    def write(self, text=None):
        content = "\r\n".join(self.lines) + "\r\n" if text is None else text
        self.metrics.write_bytes(content.encode())
        return self

    def age(self, seconds_since_1970=LONG_AGO):
        """Have it written long ago: what changed a moment ago is taken to be running."""
        for path in self.folder.rglob("*"):
            os.utime(path, (seconds_since_1970, seconds_since_1970))
        return self


@pytest.fixture
def version(tmp_path):
    """Makes the folder of a logger: `version(number)`."""

    def make(number=0, root=None):
        return Version((root or tmp_path / "digits ö") / "lightning_logs" / f"version_{number}")

    return make


@pytest.fixture
def epoch_lines():
    return lines_of_epoch


@pytest.fixture
def toolkit():
    """What `ingest` is asked for."""
    return "lightning"


@pytest.fixture
def journal():
    """All lines of all journals."""

    def read():
        return sorted(
            (path.name, line)
            for path in (store_folder() / "runs").rglob("*.jsonl")
            for line in path.read_text().splitlines()
        )

    return read
