"""Writes manifests and recordings for a training on audio, 8 kHz: ``python make_audio.py FOLDER``."""

import sys
import wave
from pathlib import Path

import numpy as np

RATE = 8000

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir()
    random = np.random.default_rng(5)
    for subset, size in (("train", 12), ("valid", 4)):
        rows = [str(folder.absolute())]
        for number in range(size):
            samples = np.sin(np.arange(5000 + 100 * number) * random.uniform(0.1, 1.0)) + 0.1 * random.normal(
                size=5000 + 100 * number
            )
            path = folder / f"{subset}-{number}.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes((8000 * samples).astype("<i2").tobytes())
            rows.append(f"{path.name}\t{len(samples)}")
        (folder / f"{subset}.tsv").write_text("".join(f"{row}\n" for row in rows))
