"""The result files of the speech recipes' ``infer.py``: ``hypo.word``, ``ref.word`` and ``wer`` of each search."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from speech_tracker.formats.fairseq import parse_fairseq_words
from speech_tracker.ingest.found import FoundEvaluation, LocatedProblem, Outcome
from speech_tracker.ingest.logfile import LFS_POINTER, NOT_FETCHED
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import Entry, FileRole, Tree
from speech_tracker.integrations.fairseq.layout import WORDS, parse_word_name
from speech_tracker.integrations.fairseq.rate_files import ScoredSetting
from speech_tracker.integrations.fairseq.results import Result, recognition
from speech_tracker.integrations.fairseq.scored import Texts
from speech_tracker.integrations.fairseq.searches import Search, inference_options

_TELLS_NOTHING = re.compile(
    r"^(viterbi|kenlm|fairseqlm|decode.*|results?|res|out(put)?|infer.*|beam.*|hypos?|lm.*|ckpt.*)$"
)


def word_results(tree: Tree[FileRole], files: Iterable[ReadFile[FileRole]]) -> Iterator[Result]:
    """Yield the results that stand in files of their own, one for each folder and search."""
    groups: dict[tuple[str, str], list[Entry[FileRole]]] = {}
    for entry in tree.entries:
        if entry.role == WORDS:
            name = parse_word_name(entry.name)
            assert name is not None, "the role is made by the same function"
            groups.setdefault((entry.folder, name.key), []).append(entry)
    rates: dict[str, list[tuple[str, ScoredSetting]]] = {}
    for file in files:
        for record in file.records:
            if isinstance(record, ScoredSetting):
                rates.setdefault(file.entry.folder, []).append((file.entry.path, record))
    for folder in rates:
        if not any(known == folder for known, _ in groups):
            groups[folder, ""] = []
    for (folder, key), entries in sorted(groups.items()):
        alone = sum(known == folder for known, _ in groups) == 1
        yield _result(tree, folder, key, entries, rates.get(folder, []) if alone else [])


def _result(
    tree: Tree[FileRole],
    folder: str,
    key: str,
    entries: list[Entry[FileRole]],
    rates: list[tuple[str, ScoredSetting]],
) -> Result:
    problems: list[LocatedProblem] = []
    sides: dict[str, dict[str, str]] = {"hypo": {}, "ref": {}}
    speakers: dict[str, str] = {}
    subset = model = ""
    for entry in entries:
        name = parse_word_name(entry.name)
        if name is None or name.unit != "word":
            continue
        subset, model = name.subset or subset, name.model or model
        for utterance, text, speaker in _read(tree, entry, problems):
            sides[name.side][utterance] = text
            if speaker is not None:
                speakers[utterance] = speaker
    shown = tree.shown(entries[0].path if len(entries) == 1 else folder)
    place = (tree.root.absolute() / folder).resolve()
    settings: dict[str, Any] = json.loads(rates[-1][1].settings) if rates else {}
    sweep = [_outcome(path, record) for path, record in rates]
    evaluation: FoundEvaluation | None = recognition(
        Texts(sides["ref"], sides["hypo"] if sides["ref"] else {**sides["hypo"]}, speakers),
        Search(model=model),
        shown,
        "/".join(part for part in (place.name, key) if part),
        subset or key or _set_from(place),
        problems,
        settled=True,
        facts={},
        sweep=sweep,
        decoding=inference_options(settings),
    )
    if not sides["hypo"] and not sweep:
        evaluation = None  # what is wrong with the files was told
    file = place / (entries[0].name if entries else "wer")
    return Result(file, model, "asr", evaluation, None, {}, tuple(problems))


def _read(
    tree: Tree[FileRole], entry: Entry[FileRole], problems: list[LocatedProblem]
) -> Iterator[tuple[str, str, str | None]]:
    path = tree.root / entry.path
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(LocatedProblem(tree.shown(entry.path), None, f"cannot be read: {error.strerror}"))
        return
    shown = tree.shown(entry.path)
    if data.startswith(LFS_POINTER) or b"\0" in data[:4096]:
        reason = NOT_FETCHED if data.startswith(LFS_POINTER) else "binary data where text was expected"
        problems.append(LocatedProblem(shown, None, reason))
        return
    parsed = parse_fairseq_words(data.decode("utf-8", "backslashreplace"))
    problems += [LocatedProblem(shown, each.line_number or None, each.reason, each.text) for each in parsed.problems]
    for record in parsed.records:
        yield record.utterance_id, record.text, record.speaker_id


def _outcome(path: str, record: ScoredSetting) -> Outcome:
    settings = inference_options(json.loads(record.settings))
    known = record.errors is not None and record.reference_length
    rate = record.errors / record.reference_length if known else record.percent / 100  # type: ignore[operator]
    weight, bonus = settings.get("lm_weight"), settings.get("word_insertion_penalty")
    return Outcome(
        path,
        float(weight) if isinstance(weight, (int, float)) else None,
        float(bonus) if isinstance(bonus, (int, float)) else None,
        rate,
        record.reference_length,
        None,
        settings={
            name: value for name, value in settings.items() if name not in ("lm_weight", "word_insertion_penalty")
        },
    )


def _set_from(place: Path) -> str:
    """The set in the name of a folder; the recipes call it so, or decode into folders below it."""
    for part in (place, *place.parents):
        if part.name and not _TELLS_NOTHING.match(part.name):
            return part.name
    return place.name
