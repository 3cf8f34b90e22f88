"""Results that only tables of people still tell: as evaluations of the models that are there, else as runs of their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, FoundRun, LocatedProblem, Outcome, Selection
from speech_tracker.integrations.espnet.evaluations import SCORED_LIVE, was_scored_live
from speech_tracker.integrations.espnet.read import ReadFile, Tree
from speech_tracker.integrations.espnet.results_md import ResultFact, ResultRow, ResultValues, title_of
from speech_tracker.integrations.espnet.sweeps import chosen, sweeps
from speech_tracker.integrations.espnet.tags import kind_of, read_tag, task_of
from speech_tracker.schema import Data, Decoding, Speech

Row = ResultRow | ResultValues


@dataclass(slots=True)
class Results:
    """What result files say.

    Attributes:
        rows_of: path of each file → its rows.
        facts_of: path of each file → its facts.
        problems: of the files that have rows; a README of something else has nothing to be read.
    """

    rows_of: dict[str, list[Row]] = field(default_factory=dict)
    facts_of: dict[str, list[ResultFact]] = field(default_factory=dict)
    problems: list[LocatedProblem] = field(default_factory=list)


def results_of(files: Iterable[ReadFile], tree: Tree) -> Results:
    """Return what result files say."""
    results = Results()
    for file in files:
        path = file.entry.path
        rows = results.rows_of[path] = [each for each in file.records if isinstance(each, (ResultRow, ResultValues))]
        results.facts_of[path] = [each for each in file.records if isinstance(each, ResultFact)]
        whole = [each for each in file.problems if not each.line_number]
        unusable = whole and not _is_readme(path)
        if rows or unusable:
            results.problems += [
                LocatedProblem(tree.shown(path), each.line_number or None, each.reason, each.text)
                for each in file.problems
            ]
    return results


def _is_readme(path: str) -> bool:
    return path.rpartition("/")[2].startswith("README")


@dataclass(slots=True)
class _Model:
    """The rows of one model that has no folder here.

    Attributes:
        path: as the user would look it up.
        folder: what its identity is made of: where its folder would be, else the file and the title.
        name: for people.
        files: that it is told of in.
        rows: each with the file that it is in.
    """

    path: str
    folder: str
    name: str
    files: list[str] = field(default_factory=list)
    rows: list[tuple[str, Row]] = field(default_factory=list)


def beside(runs: list[FoundRun], results: Results, tree: Tree) -> list[FoundRun]:
    """Return the runs, with what result files tell beyond them: further evaluations, and further runs."""
    by_name: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        by_name.setdefault(Path(run.folder).name, []).append(place)
    further: dict[int, list[tuple[str, Row]]] = {}
    models: dict[str, _Model] = {}
    for path, rows in results.rows_of.items():
        owner = _owner(path, runs, tree)
        # a folder that was renamed is still called by its old name in the one section of its results
        alone = len({row.model for row in rows}) == 1
        page = (tree.root / path).resolve().parent
        for row in rows:
            nearest = _nearest(page, by_name.get(row.model, []), runs)
            if owner is not None and (not row.model or nearest == owner or (alone and row.model not in by_name)):
                further.setdefault(owner, []).append((path, row))
            elif nearest is not None:
                further.setdefault(nearest, []).append((path, row))
            else:
                model = _model(path, row, tree)
                known = models.setdefault(model.folder, model)
                known.rows.append((path, row))
                if path not in known.files:
                    known.files.append(path)
    completed = [_completed(run, further[place], tree) if place in further else run for place, run in enumerate(runs)]
    return [*completed, *(_run(model, results, tree) for model in models.values())]


def _owner(path: str, runs: list[FoundRun], tree: Tree) -> int | None:
    """The model whose folder a file of results lies in."""
    folder = (tree.root / path).resolve().parent
    return next((place for place, run in enumerate(runs) if Path(run.folder) == folder), None)


def _nearest(page: Path, places: list[int], runs: list[FoundRun]) -> int | None:
    """The model that a page in this folder means: recipes of different corpora have models of the same name."""
    shared: dict[int, int] = {}
    for place in places:
        folder = Path(runs[place].folder)
        recipe = next((each.parent for each in folder.parents if each.name.startswith("exp")), folder.parent)
        if page.is_relative_to(recipe) or folder.is_relative_to(page):
            shared[place] = len(Path(os.path.commonpath([page, folder])).parts)
    best = [place for place, parts in shared.items() if parts == max(shared.values())]
    return best[0] if len(best) == 1 else None


def _model(path: str, row: Row, tree: Tree) -> _Model:
    file = (tree.root / path).resolve()
    if row.model:
        name = row.model
        parents = [file.parent, *file.parents]
        experiment = next((each for each in parents if each.name == name), None)
        folder = str(experiment if experiment is not None else file.parent / "exp" / name)
    else:
        name = title_of(row.headings) or _recipe(file)
        folder = f"{file}#{name}"
    return _Model(f"{tree.shown(path)}#{name}", folder, name)


def _recipe(file: Path) -> str:
    """What a file without headings is about: ``librispeech/asr1``."""
    return "/".join(file.parent.parts[-2:])


def _completed(run: FoundRun, rows: list[tuple[str, Row]], tree: Tree) -> FoundRun:
    """A run with the evaluations that are only in tables; what its own folder tells is not told again."""
    known = {each.key for each in run.evaluations}
    known |= {f"{each.key}:{name}" for each in run.evaluations for name in each.values}
    more = [
        each
        for each in _evaluations(rows, tree)
        if each.key not in known and not _is_known(each, run) and not _is_left_out(each, run, tree)
    ]
    if not more:
        return run
    together = chosen([*run.evaluations, *more])
    others = [table for table in run.tables if not table.name.startswith("decode/")]
    return replace(run, evaluations=tuple(together), tables=(*sweeps(together), *others))


def _is_known(evaluation: FoundEvaluation, run: FoundRun) -> bool:
    return any(
        each.test_set == evaluation.test_set
        and each.facts.get("inference") == evaluation.facts.get("inference")
        and (each.metric == evaluation.metric or set(evaluation.values) & set(each.values))
        for each in run.evaluations
    )


def _is_left_out(evaluation: FoundEvaluation, run: FoundRun, tree: Tree) -> bool:
    """Whether what was decoded is there, in a folder that was not wanted, or that the adapter has scored."""
    folder = Path(run.folder) / str(evaluation.facts.get("inference", "")) / evaluation.test_set
    if evaluation.metric in SCORED_LIVE and was_scored_live(folder):
        return True
    root = tree.root.resolve()
    return folder.is_dir() and folder.is_relative_to(root) and folder.relative_to(root).as_posix() not in tree.folders


def _evaluations(rows: list[tuple[str, Row]], tree: Tree) -> list[FoundEvaluation]:
    found: dict[str, FoundEvaluation] = {}
    for path, row in rows:
        evaluation = _evaluation(path, row, tree)
        key, copies = evaluation.key, 1
        # two rows of the same name are two results, unless they say the same
        while key in found and found[key].fingerprint != evaluation.fingerprint:
            copies += 1
            key = f"{evaluation.key}#{copies}"
        found[key] = replace(evaluation, key=key)
    return list(found.values())


def _evaluation(path: str, row: Row, tree: Tree) -> FoundEvaluation:
    tag = read_tag(row.tag)
    facts: dict[str, Any] = {"inference": row.tag, "line": row.line_number, "decimals": "the table has one decimal"}
    outcome: Outcome | None = None
    values: dict[str, float] = {}
    if isinstance(row, ResultRow):
        outcome = Outcome(path, tag.settings.get("lm_weight"), None, row.error_rate, row.reference_length, None)
        if row.sentence_error_rate is not None:
            facts["sentence_error_rate"] = row.sentence_error_rate
        if row.sentences is not None:
            facts["utterances"] = row.sentences
        metric = row.metric
    else:
        del facts["decimals"]
        values = dict(zip(row.names, row.values, strict=True))
        metric = row.names[0]
    said = "/".join(each for each in row.headings if each)
    content = (row.tag, row.test_set, metric, repr(outcome and replace(outcome, source="")), sorted(values.items()))
    return FoundEvaluation(
        key="/".join(part for part in (row.tag, row.test_set, metric) if part),
        path=tree.shown(path),
        test_set=row.test_set,
        metric=metric,
        points=(outcome,) if outcome is not None else (),
        best=outcome,
        reported=outcome,
        selection=Selection("only-point", "", f"as line {row.line_number} says"),
        rtf=None,
        decoding=dict(tag.settings),
        facts={**facts, "headings": said},
        fingerprint=hashlib.blake2b(repr(content).encode(), digest_size=8).hexdigest(),
        values=values,
        checkpoint="",
    )


def _run(model: _Model, results: Results, tree: Tree) -> FoundRun:
    evaluations = chosen(_evaluations(model.rows, tree))
    headings = [row.headings for _, row in model.rows]
    told: dict[str, Any] = {"results": [tree.shown(path) for path in model.files]}
    for path in model.files:
        for fact in results.facts_of[path]:
            # a fact holds for what stands under the heading of its own section
            if any(_same_section(fact.headings, each) for each in headings):
                told.setdefault(fact.name, fact.value)
    version = str(told.get("espnet version") or told.get("espnet2 version") or "").partition(" ")[2] or None
    task = task_of(model.name) or _task_by_metrics(evaluations)
    sets = tuple(dict.fromkeys(each.test_set for each in evaluations))
    settings = evaluations[-1].decoding if evaluations else {}
    return FoundRun(
        path=model.path,
        folder=model.folder,
        name=model.name,
        kind=kind_of(model.name) or "results",
        task=task,
        status="finished",
        complete=True,
        evaluations=tuple(evaluations),
        config={"espnet": {**told, "results": [Path(each).name for each in model.files]}},
        speech=Speech(
            task=task,
            toolkit="espnet",
            toolkit_version=version,
            data=Data(test_sets=sets or None),
            decoding=Decoding(
                beam_size=settings.get("beam_size"),
                ctc_weight=settings.get("ctc_weight"),
                lm_weight=settings.get("lm_weight"),
                word_insertion_penalty=settings.get("penalty"),
                language_model=read_tag(model.rows[-1][1].tag).language_model or None,
            ),
        ),
        tables=tuple(sweeps(evaluations)),
    )


def _same_section(fact: tuple[str, ...], row: tuple[str, ...]) -> bool:
    """Whether a fact stands in the section of a row: under the same first heading, the last of it ``Environments`` or so."""
    if not fact or not row:
        return not fact
    return fact == row[: len(fact)] or (fact[:-1] == row[: len(fact) - 1] and "nvironment" in fact[-1])


def _task_by_metrics(evaluations: Iterable[FoundEvaluation]) -> str:
    metrics = {each.metric for each in evaluations}
    for names, task in (
        ({"wer", "cer", "ter", "per", "error_rate"}, "asr"),
        ({"bleu"}, "st"),
        ({"stoi", "si_snr", "sdr", "pesq"}, "se"),
        ({"der"}, "diarization"),
        ({"eer"}, "sv"),
        ({"intent_accuracy"}, "slu"),
    ):
        if metrics & names:
            return task
    return "other"
