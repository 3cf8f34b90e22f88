"""The manifests that a configuration names, found where they lie now, and what they say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.found import FoundDataset, LocatedProblem
from speech_tracker.ingest.logfile import LFS_POINTER, NOT_FETCHED
from speech_tracker.integrations.speechbrain.data_sets import manifests
from speech_tracker.integrations.speechbrain.manifests import Manifest, parse_manifest, speakers_of
from speech_tracker.schema import Data

_HIGHEST = 6
"""Folders above the output folder in which a recipe's working folder is looked for."""

LARGEST = 512 << 20
"""Bytes; no manifest is this large."""


@dataclass(frozen=True, slots=True)
class DataUse:
    """The data of an experiment.

    Attributes:
        datasets: what it was trained and tested on.
        data: for the speech vocabulary.
        test_sets: names of the test sets, in the order in which the configuration lists them.
        test_files: test set → its manifest, where it is here.
        problems: of the manifests.
        used: the manifests that are here.
    """

    datasets: tuple[FoundDataset, ...]
    data: Data
    test_sets: tuple[str, ...]
    test_files: Mapping[str, Path]
    problems: tuple[LocatedProblem, ...]
    used: tuple[Path, ...]


def data_of(config: Mapping[str, Any], folder: Path) -> DataUse:
    """Return the data of an experiment.

    Args:
        config: its configuration.
        folder: its output folder; manifests are named relative to the recipe's working folder, or by a path of another
            machine.
    """
    datasets: list[FoundDataset] = []
    problems: list[LocatedProblem] = []
    used: list[Path] = []
    test_files: dict[str, Path] = {}
    counts: dict[str, list[Manifest]] = {"train": [], "valid": [], "test": []}
    test_names: list[str] = []
    for split in ("train", "valid", "test"):
        for named in dict.fromkeys(manifests(config, split)):
            name = PurePosixPath(named).stem
            path = find_manifest(named, folder, config.get("output_folder"))
            said = describe(path, problems) if path is not None else None
            if path is not None:
                used.append(path)
            if said is not None:
                counts[split].append(said)
            if split == "test":
                test_names.append(name)
                if path is not None:
                    test_files[name] = path
            datasets.append(_dataset(name, f"test/{name}" if split == "test" else split, named, path, said))
    return DataUse(
        tuple(datasets),
        _totals(counts, len(manifests(config, "train"))),
        tuple(test_names),
        test_files,
        tuple(problems),
        tuple(used),
    )


def _dataset(name: str, split: str, named: str, path: Path | None, said: Manifest | None) -> FoundDataset:
    if said is None:
        return FoundDataset(name, split, str(path or named), None, None, None, None, {})
    return FoundDataset(
        name,
        split,
        str(path),
        said.version,
        said.utterances,
        None if said.seconds is None else said.seconds / 3600,
        said.speakers,
        {} if said.words is None else {"words": said.words},
    )


def _totals(counts: Mapping[str, list[Manifest]], named: int) -> Data:
    train, valid = counts["train"], counts["valid"]
    if not train or len(train) < named:
        return Data(valid_utterances=valid[0].utterances if len(valid) == 1 else None)
    seconds = [each.seconds for each in train]
    return Data(
        train_hours=sum(each or 0.0 for each in seconds) / 3600 if None not in seconds else None,
        train_utterances=sum(each.utterances for each in train),
        train_speakers=train[0].speakers if len(train) == 1 else None,
        valid_utterances=valid[0].utterances if len(valid) == 1 else None,
        version=train[0].version if len(train) == 1 else None,
    )


def find_manifest(named: str, folder: Path, output_folder: Any = None) -> Path | None:
    """Return where a manifest lies now, None when it is not here.

    Args:
        named: its path, as the configuration names it.
        folder: the output folder, where it lies now.
        output_folder: the same, as the configuration names it; the way from there to the manifest is taken from here.
            Without it, the manifest is looked for below each folder above.
    """
    folder = folder.absolute()
    told = output_folder if isinstance(output_folder, str) else None
    return next((place for place in _candidates(named, folder, told) if _is_file(place)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        return False


def _candidates(named: str, folder: Path, output_folder: str | None) -> Iterator[Path]:
    path = PurePosixPath(named)
    if path.is_absolute():
        yield Path(named)
    if output_folder and PurePosixPath(output_folder).is_absolute() == path.is_absolute():
        yield Path(os.path.normpath(folder / os.path.relpath(named, output_folder)))
    elif not path.is_absolute():
        for above in (folder, *folder.parents)[: _HIGHEST + 1]:
            yield above / named
    yield folder / path.name
    yield folder / "save" / path.name


def describe(path: Path, problems: list[LocatedProblem]) -> Manifest | None:
    """Return what a manifest says, and add what is wrong with it to the list."""
    try:
        stat = path.stat()
    except OSError:
        return None
    said, wrong = _read(path, stat.st_mtime_ns, stat.st_size)
    problems += [LocatedProblem(str(path), each.line_number or None, each.reason, each.text) for each in wrong]
    return said


@lru_cache(maxsize=256)
def _read(path: Path, mtime_ns: int, size: int) -> tuple[Manifest | None, tuple[Problem, ...]]:  # noqa: ARG001
    data = content_of(path)
    if data.startswith(LFS_POINTER):
        return None, (Problem(0, "", NOT_FETCHED),)
    if size > LARGEST:
        return None, (Problem(0, "", f"{size} bytes are too many for a manifest"),)
    found = list(parse_manifest(data, path.name))
    wrong = tuple(each for each in found if isinstance(each, Problem))
    if not found:
        wrong = (Problem(0, "", "no row of data is in it"),)
    return next((each for each in found if isinstance(each, Manifest)), None), wrong


def speakers_in(path: Path | None) -> dict[str, str]:
    """Return utterance id → speaker of a manifest; empty where it does not say."""
    return {} if path is None else speakers_of(content_of(path), path.name)


def content_of(path: Path) -> bytes:
    """Return a file's bytes, none where it cannot be read (it may be gone since it was listed)."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""
