"""Writes Kaldi-style data folders with tones for words: ``python make_data.py`` in the folder that is to hold ``data/``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

PITCH = {"DO": 260, "MI": 330, "SOL": 390}


def make(name: str, size: int, speaker: str) -> None:
    folder = Path("data") / name
    (folder / "wav").mkdir(parents=True)
    random = np.random.default_rng(size)
    rows: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    speakers: dict[str, list[str]] = {}
    for number in range(size):
        owner = f"{speaker}{number % 2}"
        key = f"{owner}-{name}{number:03d}"
        words = [list(PITCH)[place] for place in random.integers(0, 3, 2)]
        waves = [np.sin(2 * np.pi * PITCH[word] * np.arange(6400) / 16000) for word in words]
        path = (folder / "wav" / f"{key}.wav").absolute()
        soundfile.write(path, 0.3 * np.concatenate(waves) + 0.01 * random.normal(size=12800), 16000)
        rows["wav.scp"].append(f"{key} {path}")
        rows["text"].append(f"{key} {' '.join(words)}")
        rows["utt2spk"].append(f"{key} {owner}")
        speakers.setdefault(owner, []).append(key)
    rows["spk2utt"] = [f"{owner} {' '.join(keys)}" for owner, keys in speakers.items()]
    for file, lines in rows.items():
        (folder / file).write_text("".join(f"{line}\n" for line in sorted(lines)))


if __name__ == "__main__":
    for each in (("train_sp", 12, "s"), ("dev", 4, "v"), ("test_low", 4, "t")):
        make(*each)
    letters = sorted(set("".join(PITCH)))
    Path("data/tokens.txt").write_text("\n".join(["<blank>", "<unk>", "<space>", *letters, "<sos/eos>"]) + "\n")
