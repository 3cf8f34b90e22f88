"""Decoded test sets as evaluations: their scores, settings, speed, and how the reported decoding was chosen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, FoundTable, LocatedProblem, Outcome, Selection, Tally
from speech_tracker.integrations.espnet.decode_settings import Search, search_of
from speech_tracker.integrations.espnet.folders import DecodedFolder, ModelFolder
from speech_tracker.integrations.espnet.layout import measure_of
from speech_tracker.integrations.espnet.read import ReadFile, Tree
from speech_tracker.integrations.espnet.score_files import MeasuredValue, ScoreCounts, ScoreRates, in_its_unit
from speech_tracker.integrations.espnet.sweeps import chosen, sweeps
from speech_tracker.integrations.espnet.tags import metric_of
from speech_tracker.integrations.espnet.texts import TextFiles, loader, own_counts
from speech_tracker.integrations.kaldi.resolve import find_below_recipe

_TRANSCRIBING = ("asr", "slu")
"""Tasks whose output is compared with what was said."""

SCORED_LIVE = ("wer", "cer")
"""What the adapter records of a test set when its last job is done."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The evaluations of a model.

    Attributes:
        evaluations: of each test set those that were chosen last, so that their figures are the newest of the set.
        tables: one for each test set that was decoded in several ways.
        searches: by the path of the decoded folder.
    """

    evaluations: tuple[FoundEvaluation, ...]
    tables: tuple[FoundTable, ...]
    searches: dict[str, Search]


def evaluations_of(model: ModelFolder, steps_of: dict[int, int], tree: Tree, *, tracked: bool, now: float) -> Decoded:
    """Return the evaluations of a model.

    Args:
        model: its folder.
        steps_of: epoch → optimizer steps.
        tree: for paths.
        tracked: whether the training was recorded while it ran, and with it perhaps the decoding.
        now: seconds since 1970, to tell a running job from a killed one.
    """
    found: list[FoundEvaluation] = []
    searches: dict[str, Search] = {}
    for decode in model.decodes.values():
        search = searches[decode.path] = search_of(decode, tree.root, model.sample_rate, now)
        recorded = tracked and was_scored_live(tree.root / decode.path)
        found += [
            _with_checkpoint(evaluation, search, model, steps_of, tree)
            for evaluation in _of_folder(decode, search, tree, transcribes=model.task in _TRANSCRIBING)
            if not (recorded and evaluation.metric in SCORED_LIVE)
        ]
    return Decoded(tuple(chosen(found)), tuple(sweeps(found)), searches)


def was_scored_live(folder: Path) -> bool:
    """Return whether the adapter scored the set in a folder, and it was not decoded again since."""
    marks = [each.stat().st_mtime for each in _listed(folder / ".speech_tracker") if each.name.startswith("scored-")]
    if not marks:
        return False
    outputs = (each / "1best_recog" / "text" for each in _listed(folder / "logdir") if each.name.startswith("output."))
    return all(each.stat().st_mtime <= max(marks) for each in outputs if each.is_file())


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _of_folder(decode: DecodedFolder, search: Search, tree: Tree, *, transcribes: bool) -> Iterable[FoundEvaluation]:
    scored = False
    measures = {
        str(measure_of(file.entry.name)): (file, record.value)
        for file in decode.files
        if file.entry.role.kind == "measure"
        for record in file.records
        if isinstance(record, MeasuredValue)
    }
    if measures:
        scored = True
        values = {name: in_its_unit(name, value) for name, (_, value) in measures.items()}
        first = next(iter(measures))
        yield _evaluation(decode, search, first, measures[first][0], None, values, tree)
    for file in decode.files:
        where = file.entry.folder.rpartition("/")[2]
        metric = metric_of(where)
        if file.entry.role.kind == "translation":
            values = {each.name: each.value for each in file.records if isinstance(each, MeasuredValue)}
            if values:
                scored = True
                yield _evaluation(decode, search, "bleu", file, None, values, tree)
        elif metric is not None:
            for record in file.records:
                if isinstance(record, (ScoreCounts, ScoreRates)):
                    scored = True
                    yield _evaluation(decode, search, metric, file, record, {}, tree)
    own = None
    if not scored and search.utterances is not None and transcribes and not search.failures:
        own = own_counts(texts_of(decode, search, tree, scoring=None))
    # the jobs of other launchers than Kaldi's do not say that they have ended
    search.running = search.running and not scored and own is None
    if not scored and search.utterances is not None and not search.running:
        evaluation = _evaluation(decode, search, "wer", None, own, {}, tree)
        yield evaluation if own is not None else replace(evaluation, load=None)


def _evaluation(
    decode: DecodedFolder,
    search: Search,
    metric: str,
    file: ReadFile | None,
    score: ScoreCounts | ScoreRates | None,
    values: dict[str, float],
    tree: Tree,
) -> FoundEvaluation:
    texts = texts_of(decode, search, tree, scoring=file.entry.folder if file is not None else None)
    load = None if values else loader(texts, metric, score if isinstance(score, ScoreCounts) else None)
    source = file.entry.path if file is not None else decode.path
    outcome = _outcome(source, score, search) if score is not None else None
    facts: dict[str, Any] = {"inference": decode.tag, **search.facts}
    if file is not None and file.entry.role.kind == "translation":
        facts["letter_case"] = "kept" if file.entry.name == "result.tc.txt" else "ignored"
    if score is not None and metric not in ("wer", "cer"):
        facts["counts"] = _counts(score)
    key = "/".join(part for part in (decode.tag, decode.test_set, metric) if part)
    evaluation = FoundEvaluation(
        key=f"{key}/tc" if file is not None and file.entry.name == "result.tc.txt" else key,
        path=tree.shown(decode.path),
        test_set=decode.test_set,
        metric=metric,
        points=(outcome,) if outcome is not None else (),
        best=outcome,
        reported=outcome,
        selection=Selection("only-point", "", f"{decode.tag or 'it'} is the only decoding of this set"),
        rtf=search.rtf,
        decoding=dict(search.settings),
        facts=facts,
        load=load,
        values=values,
    )
    return replace(evaluation, fingerprint=_fingerprint(evaluation, score))


def _outcome(source: str, score: ScoreCounts | ScoreRates, search: Search) -> Outcome:
    weight = search.settings.get("lm_weight")
    weight = float(weight) if isinstance(weight, (int, float)) else None
    if isinstance(score, ScoreRates):
        return Outcome(source, weight, None, score.error_rate, score.reference_length, None)
    tally = Tally(
        score.substitutions, score.deletions, score.insertions, score.reference_length, score.sentences, score.sentence_errors
    )  # fmt: skip
    return Outcome(source, weight, None, tally.error_rate, tally.reference_length, tally)


def _counts(score: ScoreCounts | ScoreRates) -> dict[str, Any]:
    if isinstance(score, ScoreRates):
        return {"reference_length": score.reference_length, "utterances": score.sentences}
    return {
        "hits": score.hits, "substitutions": score.substitutions, "deletions": score.deletions, "insertions": score.insertions,
        "reference_length": score.reference_length, "utterances": score.sentences,
        "utterances_with_errors": score.sentence_errors,
    }  # fmt: skip


def texts_of(decode: DecodedFolder, search: Search, tree: Tree, *, scoring: str | None) -> TextFiles:
    """Return where the texts of a decoded set are.

    Args:
        decode: the set.
        search: for the data that was decoded.
        tree: for paths.
        scoring: its folder `score_wer` or the like, None where it was not scored.
    """
    texts = [each for each in decode.others if each.role.kind == "text"]
    whole = [each for each in texts if each.folder == decode.path]
    parts = [each for each in texts if each.folder.endswith("/1best_recog")]
    trn = {each.name: tree.root / each.path for each in decode.others if each.folder == scoring}
    data = find_data(search.data, tree.root / decode.path)
    return TextFiles(
        folder=tree.root / decode.path,
        hypotheses=tuple(tree.root / each.path for each in whole or parts),
        references=_there(data, "text"),
        speakers=_there(data, "utt2spk"),
        reference_trn=trn.get("ref.trn"),
        hypothesis_trn=trn.get("hyp.trn"),
    )


def find_data(named: str, near: Path) -> Path | None:
    """Return the data folder that a job names, None when it is not here.

    Args:
        named: relative to the recipe, or absolute; `""` where no job names one.
        near: a folder of the same recipe.
    """
    if not named:
        return None
    if os.path.isabs(named):  # noqa: PTH117 - a path of a log is text
        return Path(named) if Path(named).is_dir() else None
    return find_below_recipe(named, near)


def _there(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder is not None and (folder / name).is_file() else None


def _with_checkpoint(
    evaluation: FoundEvaluation, search: Search, model: ModelFolder, steps_of: dict[int, int], tree: Tree
) -> FoundEvaluation:
    """The evaluation with the model file that was decoded, and its step where it is that of one epoch."""
    name = Path(search.model).name
    name = name if name.endswith(".pth") or not name else f"{name}.pth"
    entry = next((each for each in model.models if each.name == name), None)
    if entry is None:
        return replace(evaluation, checkpoint="" if name else None)
    path = tree.root / entry.path
    target = path.resolve().name
    epoch = target.removesuffix("epoch.pth")
    step = steps_of.get(int(epoch)) if epoch.isdigit() else None
    return replace(evaluation, checkpoint=str(path), step=step)


def _fingerprint(evaluation: FoundEvaluation, score: ScoreCounts | ScoreRates | None) -> str:
    """A digest of the content, the same wherever the folder lies and from wherever it was found."""
    facts = {name: value for name, value in evaluation.facts.items() if name != "data_folder"}
    if isinstance(score, ScoreCounts):  # what was counted here is what sclite counts later
        score = replace(score, speakers=())
    content = (
        repr(score), evaluation.test_set, evaluation.metric, evaluation.rtf, sorted(evaluation.values.items()),
        sorted(map(repr, evaluation.decoding.items())), sorted(map(repr, facts.items())),
    )  # fmt: skip
    return hashlib.blake2b(repr(content).encode(), digest_size=8).hexdigest()


def problems_of(decodes: Iterable[DecodedFolder], searches: dict[str, Search], tree: Tree) -> list[LocatedProblem]:
    """Return what went wrong in the jobs of decoded folders."""
    return [
        LocatedProblem(tree.shown(path), line, reason)
        for decode in decodes
        for path, line, reason in searches[decode.path].failures
    ]
