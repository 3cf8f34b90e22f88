"""Digit strings as files and SpeechBrain's manifests: CSV for training and tests, JSON for validation."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "lightning_digits"))  # the same data as that recipe

from data import RATE, TEST, VALID, DigitStrings, read_recordings
from synthesize import synthesize, write_wav

COLUMNS = ("ID", "duration", "wav", "spk_id", "wrd")


def prepare(
    data_folder: str, recordings: str | None, *, per_digit: int, strings: int, test_strings: int, seed: int
) -> None:
    """Write audio and manifests into `data_folder`, unless they are there.

    Args:
        data_folder: where to.
        recordings: folder of files ``{digit}_{speaker}_{index}.wav``; None to synthesize speech.
        per_digit: recordings of each digit and voice that are synthesized.
        strings: digit strings for training.
        test_strings: the same for validation and each test.
        seed: of the choice of strings.
    """
    folder = Path(data_folder)
    done = folder / f".complete-{per_digit}-{strings}-{test_strings}-{seed}"
    if done.exists():
        return
    source = Path(recordings) if recordings else synthesize(folder / "speech", per_digit=per_digit)
    spoken = read_recordings(source)
    kept = [each for each in spoken if each.index not in (*TEST, *VALID)]
    heard = [each for each in spoken if each.index in TEST]
    for each in (
        DigitStrings(kept, "train", strings, seed=seed, noise_db=(10.0, 50.0)),
        DigitStrings([one for one in spoken if one.index in VALID], "valid", test_strings, seed=2),
        DigitStrings(heard, "test-clean", test_strings, seed=3),
        DigitStrings(heard, "test-noisy", test_strings, seed=3, noise_db=(5.0, 5.0)),
    ):
        write(folder, each)
    done.touch()


def write(folder: Path, data: DigitStrings) -> None:
    """Write the audio of one set, and its manifest."""
    (folder / data.name).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for each in data:
        path = folder / data.name / f"{each.utterance_id}.wav"
        write_wav(path, each.samples)
        duration = round(len(each.samples) / RATE, 3)
        values = (each.utterance_id, duration, str(path), each.speaker, each.text)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    if data.name == "valid":
        entries = {row.pop("ID"): row for row in rows}
        (folder / "valid.json").write_text(json.dumps(entries, indent=1), encoding="utf-8")
        return
    with (folder / f"{data.name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
