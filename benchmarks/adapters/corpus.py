"""The corpus that is trained on: tones for words, as Kaldi's data folders and as SpeechBrain's manifests.

python corpus.py FOLDER TRAINING_UTTERANCES
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import soundfile

PITCH = {"DO": 260, "MI": 330, "SOL": 390}
TOKENS = ("<blank>", "<unk>", "<space>", "D", "I", "L", "M", "O", "S", "<sos/eos>")
SECONDS = 2.0


def numbers(text: str) -> list[int]:
    """Return the tokens of a text."""
    return [TOKENS.index("<space>" if letter == " " else letter) for letter in text]


def rows(folder: Path, name: str) -> list[tuple[str, Path, str]]:
    """Return (utterance, audio, text) of a data set."""
    texts = dict(line.split(" ", 1) for line in (folder / name / "text").read_text().splitlines())
    return [(key, folder / name / "wav" / f"{key}.wav", text) for key, text in sorted(texts.items())]


def make(folder: Path, name: str, size: int) -> None:
    """Write one data set."""
    (folder / name / "wav").mkdir(parents=True)
    random = np.random.default_rng(size)
    tables: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    manifest = []
    for number in range(size):
        key = f"s{number % 4}-{name}{number:04d}"
        words = [list(PITCH)[place] for place in random.integers(0, 3, 4)]
        each = np.arange(int(16000 * SECONDS / len(words))) / 16000
        audio = np.concatenate([np.sin(2 * np.pi * PITCH[word] * each) for word in words])
        path = (folder / name / "wav" / f"{key}.wav").absolute()
        soundfile.write(path, 0.3 * audio + 0.01 * random.normal(size=len(audio)), 16000)
        text = " ".join(words)
        for table, value in (("wav.scp", path), ("text", text), ("utt2spk", key[:2])):
            tables[table].append(f"{key} {value}")
        manifest.append([key, SECONDS, path, key[:2], text])
    for table, lines in tables.items():
        (folder / name / table).write_text("".join(f"{line}\n" for line in sorted(lines)))
    with (folder / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["ID", "duration", "wav", "spk_id", "wrd"], *manifest])


def main(folder: str, size: str) -> None:
    """Write the corpus, and the features that Fairseq wants instead of audio."""
    place = Path(folder)
    make(place, "train", int(size))
    make(place, "dev", 8)
    (place / "tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS))
    random = np.random.default_rng(1)
    (place / "dict.txt").write_text("".join(f"{word} 1\n" for word in PITCH))
    (place / "config.yaml").write_text(
        f"vocab_filename: dict.txt\naudio_root: {place.absolute()}\ninput_feat_per_channel: 80\ninput_channels: 1\n"
    )
    for name in ("train", "dev"):
        lines = ["id\taudio\tn_frames\ttgt_text\tspeaker"]
        for key, _, text in rows(place, name):
            np.save(place / f"{key}.npy", random.normal(size=(200, 80)).astype("float32"))
            lines.append(f"{key}\t{key}.npy\t200\t{text}\t{key[:2]}")
        (place / f"{name}.tsv").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
