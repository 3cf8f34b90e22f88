"""Writes a speech-to-text data folder of Fairseq's with made-up features: ``python make_data.py FOLDER``."""

import sys
from pathlib import Path

import numpy as np

WORDS = ["north", "east", "south", "west"]


def make(folder: Path, subset: str, size: int) -> None:
    random = np.random.default_rng(size)
    rows = ["id\taudio\tn_frames\ttgt_text\tspeaker"]
    for number in range(size):
        words = [WORDS[place] for place in random.integers(0, 4, 2)]
        frames = np.concatenate([np.tile(np.eye(40)[6 * WORDS.index(word)], (16, 1)) for word in words])
        path = folder / f"{subset}-{number}.npy"
        np.save(path, (frames + 0.1 * random.normal(size=frames.shape)).astype("float32"))
        rows.append(f"{subset}-{number}\t{path.name}\t{len(frames)}\t{' '.join(words)}\tspeaker{number % 2}")
    (folder / f"{subset}.tsv").write_text("".join(f"{row}\n" for row in rows))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir()
    for subset, size in (("train", 16), ("dev", 4), ("other", 4)):
        make(folder, subset, size)
    (folder / "dict.txt").write_text("".join(f"{word} 1\n" for word in WORDS))
    (folder / "config.yaml").write_text(
        f"vocab_filename: dict.txt\naudio_root: {folder.absolute()}\ninput_feat_per_channel: 40\ninput_channels: 1\n"
    )
