"""What the data folders of an ESPnet training hold: utterances, speakers, hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def data_folders(config: Mapping[str, Any], split: str) -> Iterator[Path]:
    """Yield each data folder of a split (``train``, ``valid``) once, for example ``dump/raw/train_sp``."""
    seen = set()
    for path, *_ in config.get(f"{split}_data_path_and_name_and_type") or ():
        folder = Path(path).parent
        if folder not in seen and folder.name:
            seen.add(folder)
            yield folder


def dataset(folder: Path, rate: int | None = None) -> dict[str, Any]:
    """Return what a Kaldi-style data folder tells cheaply: utterances, speakers, hours.

    Args:
        folder: the folder.
        rate: samples per second, for ``utt2num_samples``; None where it is not known.
    """
    facts: dict[str, Any] = {
        "utterances": lines_in(folder / "utt2spk"),
        "speakers": lines_in(folder / "spk2utt"),
        "hours": _hours(folder, rate),
    }
    return {key: fact for key, fact in facts.items() if fact is not None}


def data(config: Mapping[str, Any], rate: int) -> dict[str, Any]:
    """Return the data group of the vocabulary, as far as the data folders are there: sizes of training and validation.

    Args:
        config: ESPnet's arguments by name.
        rate: samples per second of the audio.
    """
    found: dict[str, Any] = {}
    for split, names in (("train", ("utterances", "hours", "speakers")), ("valid", ("utterances",))):
        sizes = [dataset(folder, rate) for folder in data_folders(config, split)]
        for name in names if len(sizes) == 1 else names[:2]:  # the speakers of two folders may be the same
            if sizes and all(name in size for size in sizes):
                found[f"{split}_{name}"] = sum(size[name] for size in sizes)
    return found


def _hours(folder: Path, rate: int | None) -> float | None:
    seconds = _sum(folder / "utt2dur")
    samples = _sum(folder / "utt2num_samples") if seconds is None and rate else None
    return seconds / 3600 if seconds is not None else samples / rate / 3600 if samples is not None and rate else None


def _sum(table: Path) -> float | None:
    try:
        with table.open(encoding="utf-8") as file:
            return sum(float(line.split()[1]) for line in file)
    except (OSError, ValueError, IndexError):
        return None


def lines_in(path: Path) -> int | None:
    """Return the number of lines of a file, None where there is none."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None
