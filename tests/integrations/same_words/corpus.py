"""The one corpus that all toolkits train on: Kaldi's data folders, and what else a toolkit wants made of them.

``python corpus.py`` in the folder that holds ``data/`` of ``espnet_tiny/make_data.py``.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import soundfile

SETS = ("train_sp", "dev", "test")
LETTERS = " DILMOS"
"""Tokens from 1 on; 0 is the blank."""


class Utterance(NamedTuple):
    """A row of a data folder."""

    utterance: str
    seconds: float
    audio: str
    speaker: str
    text: str


def read(name: str) -> list[Utterance]:
    """Return the utterances of a data folder."""
    tables = {
        table: dict(line.split(" ", 1) for line in Path("data", name, table).read_text().splitlines())
        for table in ("wav.scp", "text", "utt2spk")
    }
    return [
        Utterance(key, soundfile.info(path).duration, path, tables["utt2spk"][key], tables["text"][key])
        for key, path in sorted(tables["wav.scp"].items())
    ]


def main() -> None:
    """Write the durations, and the manifests of SpeechBrain; the test set is called as that of the Kaldi tree."""
    Path("data/test").symlink_to("test_low")
    for name in SETS:
        rows = read(name)
        Path("data", name, "utt2dur").write_text("".join(f"{row.utterance} {row.seconds:.2f}\n" for row in rows))
        with Path("data", f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["ID", "duration", "wav", "spk_id", "wrd"])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
