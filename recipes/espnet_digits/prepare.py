"""Write digit strings as Kaldi-style data folders: what ``local/data.sh`` of an ESPnet recipe does.

The speech is that of the Lightning recipe beside this one: espeak-ng, or recordings named ``{digit}_{speaker}_{index}.wav``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lightning_digits"))

from data import TEST, VALID, DigitStrings, read_recordings
from synthesize import synthesize, write_wav


def write(strings: DigitStrings, folder: Path) -> None:
    """Write ``wav.scp``, ``text``, ``utt2spk``, ``spk2utt``, ``utt2num_samples``, and the audio."""
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[str]] = {name: [] for name in ("wav.scp", "text", "utt2spk", "utt2num_samples")}
    utterances_of: dict[str, list[str]] = {}
    for each in sorted(strings.utterances, key=lambda utterance: utterance.utterance_id):
        key = each.utterance_id
        path = (folder / "wav" / f"{key}.wav").absolute()
        write_wav(path, each.samples)
        values = (path, each.text, each.speaker, len(each.samples))
        for name, value in zip(rows, values, strict=True):
            rows[name].append(f"{key} {value}")
        utterances_of.setdefault(each.speaker, []).append(key)
    rows["spk2utt"] = [f"{speaker} {' '.join(keys)}" for speaker, keys in sorted(utterances_of.items())]
    for name, lines in rows.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    """Write training, validation and two test sets."""
    parser = argparse.ArgumentParser(description="Write digit strings as Kaldi-style data folders.")
    parser.add_argument("--data", type=Path, help="folder of recordings; without it speech is synthesized")
    parser.add_argument("--output", type=Path, default=Path("data"))
    parser.add_argument("--strings", type=int, default=2400, help="digit strings of the training set")
    parser.add_argument("--held-out", type=int, default=120, help="digit strings of each other set")
    arguments = parser.parse_args()
    source = arguments.data or synthesize(arguments.output / "speech", per_digit=10 if arguments.strings < 200 else 20)
    recordings = read_recordings(source)
    tested = [each for each in recordings if each.index in TEST]
    checked = [each for each in recordings if each.index in VALID]
    training = [each for each in recordings if each.index not in (*TEST, *VALID)]
    size = arguments.held_out
    for strings in (
        DigitStrings(training, "train", arguments.strings, seed=1, noise_db=(10.0, 50.0)),
        DigitStrings(checked, "valid", size, seed=2),
        DigitStrings(tested, "test-clean", size, seed=3),
        DigitStrings(tested, "test-noisy", size, seed=3, noise_db=(5.0, 5.0)),
    ):
        write(strings, arguments.output / strings.name)


if __name__ == "__main__":
    main()
