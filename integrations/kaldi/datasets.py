"""The data that a run was trained and tested on: by the folders that its jobs name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from speech_tracker.ingest.found import FoundDataset, FoundEvaluation, LocatedProblem
from speech_tracker.integrations.kaldi.data_folder import TABLES, DataFacts, describe_data, describe_features
from speech_tracker.integrations.kaldi.details import content_of, located
from speech_tracker.integrations.kaldi.folders import RunFolder
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.resolve import find_below_recipe, find_data
from speech_tracker.integrations.kaldi.test_sets import data_path, is_dev
from speech_tracker.integrations.kaldi.walk import Tree


@dataclass(frozen=True, slots=True)
class DataUse:
    """The data sets of a run, and what was found on the way.

    Attributes:
        datasets: training data first.
        training: facts about the training data; None where it is not here.
        features: of the training data, by its configuration; empty where that is not here.
        problems: of the data folders.
    """

    datasets: tuple[FoundDataset, ...]
    training: DataFacts | None
    features: dict[str, object]
    problems: tuple[LocatedProblem, ...]


def data_of(run: RunFolder, evaluations: Iterable[FoundEvaluation], tree: Tree) -> DataUse:
    """Return the data sets of a run."""
    near = tree.root / run.path
    datasets: list[FoundDataset] = []
    problems: list[LocatedProblem] = []
    training: DataFacts | None = None
    for name in _named(run.files):
        facts = _described(find_data(name, near), problems)
        split = "valid" if is_dev(name.rpartition("/")[2]) or name.endswith("_cv10") else "train"
        training = training or (facts if split == "train" else None)
        datasets.append(_dataset(name, split, find_data(name, near), facts))
    tested: dict[str, str] = {}
    by_path = {tree.shown(path): decode for path, decode in run.decodes.items()}
    for evaluation in evaluations:
        decode = by_path.get(evaluation.path)
        for name in _named(decode.files) if decode is not None else ():
            tested.setdefault(name, f"test/{name.rpartition('/')[2]}")
    for name, split in tested.items():
        datasets.append(_dataset(name, split, find_data(name, near), _described(find_data(name, near), problems)))
    return DataUse(tuple(datasets), training, _features(run, near), tuple(problems))


def _named(files: Iterable[ReadFile]) -> list[str]:
    """Data folders that the jobs name, the one that most of them name first."""
    counts: dict[str, int] = {}
    for file in files:
        for record in file.records:
            if isinstance(record, JobHeader):
                # in the order of the command: the order of a set is another one in each process
                for name in dict.fromkeys(path for folder in record.folders if (path := data_path(folder)) is not None):
                    counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])


def _dataset(name: str, split: str, folder: Path | None, facts: DataFacts | None) -> FoundDataset:
    if facts is None:
        return FoundDataset(name.rpartition("/")[2], split, str(folder or name), None, None, None, None, {})
    more: dict[str, object] = {"recordings": facts.recordings, "words": facts.words}
    if facts.genders:
        more["speakers_by_gender"] = dict(facts.genders)
    return FoundDataset(
        name.rpartition("/")[2],
        split,
        str(folder),
        facts.version,
        facts.utterances,
        facts.hours,
        facts.speakers,
        {key: value for key, value in more.items() if value is not None},
    )


def _described(folder: Path | None, problems: list[LocatedProblem]) -> DataFacts | None:
    if folder is None:
        return None
    stamp = tuple(sorted((each.name, each.stat().st_mtime_ns) for each in _tables(folder)))
    facts, unreadable = _read(folder, stamp)
    problems += [*unreadable, *(located(problem, str(folder / name)) for name, problem in facts.problems)]
    return facts if stamp else None


def _tables(folder: Path) -> list[Path]:
    return [path for name in (*TABLES, "frame_shift") if (path := folder / name).is_file()]


@lru_cache(maxsize=64)
def _read(
    folder: Path,
    stamp: tuple[tuple[str, int], ...],  # noqa: ARG001 - part of the cache's key
) -> tuple[DataFacts, tuple[LocatedProblem, ...]]:
    unreadable: list[LocatedProblem] = []
    tables = {path.name: content_of(path, str(path), unreadable) for path in _tables(folder)}
    forbidden = {Path(each.path).name for each in unreadable}
    facts = describe_data({name: content for name, content in tables.items() if name not in forbidden})
    return facts, tuple(unreadable)


def _features(run: RunFolder, near: Path) -> dict[str, object]:
    """Features of the training data: the model's own configuration, else the recipe's."""
    name = next((each for each in _named(run.files)), "")
    suffix = "_hires" if "_hires" in name else ""
    for kind in ("mfcc", "fbank", "plp"):
        own = near / "conf" / f"{kind}.conf"
        path = own if own.is_file() else find_below_recipe(f"conf/{kind}{suffix}.conf", near)
        if path is not None:
            return describe_features(content_of(path), kind)
    return {}
