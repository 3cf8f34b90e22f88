"""Write spoken digit strings as a data folder of Fairseq's speech_to_text: filterbanks, manifests, dictionary.

python prepare.py OUTPUT                          # speech made by espeak-ng
python prepare.py OUTPUT --data recordings        # files named {digit}_{speaker}_{index}.wav
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torchaudio.compliance.kaldi import fbank

sys.path.insert(0, str(Path(__file__).parents[1] / "lightning_digits"))

from data import RATE, TEST, VALID, WORDS, DigitStrings, Recording, read_recordings

MELS = 40


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="experiment folder; the data go to its data/")
    parser.add_argument("--data", type=Path, help="folder of recordings; without it speech is synthesized")
    parser.add_argument("--strings", type=int, default=6000, help="digit strings to train on")
    parser.add_argument("--small", action="store_true", help="a few seconds, to see that it works")
    return parser.parse_args()


def main() -> None:
    """Write the data folder, unless it is there."""
    arguments = parse_arguments()
    folder: Path = arguments.output / "data"
    if (folder / "config_asr.yaml").is_file():
        return
    source = arguments.data
    if source is None:
        from synthesize import synthesize

        source = synthesize(arguments.output / "speech", per_digit=10 if arguments.small else 20)
    recordings = read_recordings(source)
    torch.manual_seed(1)
    strings, size = (48, 12) if arguments.small else (arguments.strings, 120)
    training = [each for each in recordings if each.index not in (*TEST, *VALID)]
    tested = [each for each in recordings if each.index in TEST]
    for name, data in {
        "train": DigitStrings(training, "train", strings, seed=1, noise_db=(10.0, 50.0)),
        "dev": DigitStrings([each for each in recordings if each.index in VALID], "dev", size, seed=2),
        "test_clean": DigitStrings(tested, "test-clean", size, seed=3),
        "test_noisy": DigitStrings(tested, "test-noisy", size, seed=3, noise_db=(5.0, 5.0)),
    }.items():
        write_subset(folder, name, data)
    write_dictionary(folder)
    report(folder, recordings)


def write_subset(folder: Path, name: str, data: DigitStrings) -> None:
    """Write the filterbanks and the manifest of one set: id, file, frames, text, speaker."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows = ["id\taudio\tn_frames\ttgt_text\tspeaker"]
    for each in data.utterances:
        features = filterbank(each.samples)
        path = f"{name}/{each.utterance_id}.npy"
        np.save(folder / path, features)
        rows.append(f"{each.utterance_id}\t{path}\t{len(features)}\t{each.text}\t{each.speaker}")
    (folder / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def filterbank(samples: np.ndarray) -> np.ndarray:
    """Return log mel filterbanks, shape (frames, `MELS`), with mean 0 and variance 1 over the utterance."""
    waveform = torch.from_numpy(samples)[None] * 32768
    # Kaldi's dither: without it digital silence, which no microphone gives, would be 40 very low numbers
    features = fbank(waveform, num_mel_bins=MELS, sample_frequency=RATE, dither=1.0).numpy()
    scaled: np.ndarray = (features - features.mean(0)) / (features.std(0) + 1e-5)
    return scaled.astype(np.float32)


def write_dictionary(folder: Path) -> None:
    """Write the words, and the configuration that Fairseq asks of such a folder."""
    (folder / "dict.txt").write_text("".join(f"{word} 1\n" for word in WORDS), encoding="utf-8")
    (folder / "config_asr.yaml").write_text(
        f"vocab_filename: dict.txt\naudio_root: {folder.absolute()}\ninput_feat_per_channel: {MELS}\ninput_channels: 1\n"
        "specaugment:\n  time_wrap_W: 0\n  freq_mask_N: 1\n  freq_mask_F: 6\n  time_mask_N: 1\n  time_mask_T: 20\n"
        "  time_mask_p: 0.2\ntransforms:\n  _train: [specaugment]\n",
        encoding="utf-8",
    )


def report(folder: Path, recordings: Sequence[Recording]) -> None:
    """Say what was made."""
    speakers = {each.speaker for each in recordings}
    print(f"{folder}: digit strings of {len(speakers)} speakers, joined from {len(recordings)} recordings")


if __name__ == "__main__":
    main()
