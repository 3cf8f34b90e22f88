"""From read files to runs: one for each training, and one for searches whose training is not here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import (
    Found,
    FoundEvaluation,
    FoundRun,
    FoundTable,
    JobTally,
    LocatedProblem,
    Status,
)
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.fairseq.checkpoints import (
    checkpoints_of,
    checkpoints_table,
    model_files,
    saved_steps,
)
from speech_tracker.integrations.fairseq.curves import points_of
from speech_tracker.integrations.fairseq.details import (
    datasets_of,
    happenings_of,
    links_of,
    speech_of,
)
from speech_tracker.integrations.fairseq.facts import task_name
from speech_tracker.integrations.fairseq.layout import RATE
from speech_tracker.integrations.fairseq.log_results import Decodes, log_results
from speech_tracker.integrations.fairseq.places import name_of, normal, place_of, shown_place
from speech_tracker.integrations.fairseq.results import Result
from speech_tracker.integrations.fairseq.trainings import Session, Training, trainings_of
from speech_tracker.integrations.fairseq.word_files import word_results

LOOKED_FOR = (
    "logs of fairseq-train (JSON, simple, Hydra), output of fairseq-generate, logs of infer.py and its hypo.word, ref.word "
    "and wer files, in it or below it"
)


def assemble(tree: Tree[FileRole], files: Iterable[ReadFile[FileRole]], decodes: Decodes, *, now: float) -> Found:
    """Return the description of an experiment.

    Args:
        tree: that was walked.
        files: of it that were read.
        decodes: remembers what was parsed.
        now: seconds since 1970, to tell a living training from a killed one.
    """
    files = [file for file in files if file.records or file.problems]
    root = tree.root.absolute()
    results = [*log_results(tree, files, decodes, now=now), *word_results(tree, files)]
    # a file that merely may be a log is none of ours unless something of ours is in it
    ours = [file for file in files if any(_is_telling(each) for each in file.records)]
    trainings = trainings_of(ours, root)
    own, others = _given_out(results, trainings, root)
    runs = [_training_run(training, own.get(training.place, []), tree, trainings, now) for training in trainings]
    usable = {
        place: each for place, each in others.items() if any(result.evaluation or result.table for result in each)
    }
    runs += [_search_run(place, each, tree) for place, each in usable.items()]
    unusable = [
        problem for place in others.keys() - usable.keys() for each in others[place] for problem in each.problems
    ]
    told = {file.entry.path for file in ours} | _paths(results, root)
    problems = [
        *tree.problems,
        *(problem for run in runs for problem in run.problems),
        *_elsewhere(files, ours, tree),
        *unusable,
    ]
    return Found(
        toolkit="fairseq",
        root=str(tree.root),
        runs=tuple(runs),
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(told),
        files_skipped=tree.skipped + len(tree.entries) - len(told),
        looked_for=LOOKED_FOR,
    )


def _elsewhere(
    files: Iterable[ReadFile[FileRole]], ours: list[ReadFile[FileRole]], tree: Tree[FileRole]
) -> list[LocatedProblem]:
    """What is wrong with files that belong to no training: with any other text beside them nothing can be wrong."""
    known = {file.entry.path for file in ours}
    return [
        LocatedProblem(tree.shown(file.entry.path), each.line_number or None, each.reason, each.text)
        for file in files
        for each in file.problems
        if file.entry.path in known or file.entry.role == RATE or _is_named_as_ours(file.entry.name)
    ]


def _is_named_as_ours(name: str) -> bool:
    return name.startswith("generate-") or name.endswith(".log")


def _is_telling(record: object) -> bool:
    """Whether a record shows that a file is Fairseq's: any program may be cancelled, or print a WER."""
    return type(record).__module__.rpartition(".")[2] in ("training_logs", "rate_files") or (
        type(record).__name__ in ("HypothesesInside", "ResultPrinted", "Decoded", "ModelsLoaded")
    )


def _paths(results: Iterable[Result], root: Path) -> set[str]:
    return {each.file.relative_to(root).as_posix() for each in results if root in each.file.parents}


def _given_out(
    results: Iterable[Result], trainings: list[Training], root: Path
) -> tuple[dict[Path, list[Result]], dict[Path, list[Result]]]:
    """Each result with the training that its model came from: by the model's path, else by where the files lie."""
    own: dict[Path, list[Result]] = {}
    others: dict[Path, list[Result]] = {}
    for result in results:
        training = _training_of(result, trainings, root)
        if training is not None:
            own.setdefault(training.place, []).append(result)
            continue
        folder = str(Path(normal(result.model)).parent) if "/" in result.model else ""
        place = place_of(folder, result.file, root) if folder else result.file.parent.resolve()
        others.setdefault(place, []).append(result)
    return own, others


def _training_of(result: Result, trainings: list[Training], root: Path) -> Training | None:
    if "/" in result.model:
        folder = str(Path(normal(result.model)).parent)
        place = place_of(folder, result.file, root)
        for training in trainings:
            named = {normal(each.save_dir) for each in training.sessions if each.save_dir is not None}
            if training.place == place or (folder in named and Path(folder).is_absolute()):
                return training
        return None
    file = result.file.resolve()
    around = [each for each in trainings if each.place in file.parents]
    if around:
        return max(around, key=lambda each: len(each.place.parts))
    beside = [
        each
        for each in trainings
        if any((root / session.file.entry.path).resolve().parent in file.parents for session in each.sessions)
    ]
    return beside[0] if len(beside) == 1 else trainings[0] if len(trainings) == 1 else None


def _training_run(
    training: Training, results: list[Result], tree: Tree[FileRole], trainings: list[Training], now: float
) -> FoundRun:
    root = tree.root.absolute()
    sessions = training.sessions
    points = points_of(training)
    live = any(training.is_live(each, now) for each in sessions)
    status = _status(sessions[-1], live=live)
    ended_badly = sum(each.done is None for each in sessions) - live
    clocks = [(each.clock, each.last_clock) for each in sessions]
    seconds = sum(int(last - first) for first, last in clocks if first is not None and last is not None)
    checkpoints = checkpoints_of(training)
    config = {name: value for name, value in training.config.items() if name != "job_logging_cfg"}
    evaluations, tables, problems = _of_results(results, training.place, saved_steps(training))
    logs = dict.fromkeys(session.file.entry.path for session in sessions)
    by_path = {session.file.entry.path: session.file for session in sessions}
    problems = [
        *(
            LocatedProblem(tree.shown(path), each.line_number or None, each.reason, each.text)
            for path in logs
            for each in by_path[path].problems
        ),
        *problems,
    ]
    return FoundRun(
        path=shown_place(training.place, tree),
        folder=str(training.place),
        name=name_of(training.place, root.resolve()),
        kind="train",
        task=task_name(config) if config else next((each.task for each in results if each.task), "other"),
        status=status,
        complete=status != "running",
        iterations=max((each.step for each in points if each.step is not None), default=0),
        points=points,
        evaluations=evaluations,
        jobs=JobTally(len(sessions), ended_badly, int(live), seconds, seconds),
        happenings=happenings_of(training, tree),
        datasets=datasets_of(training, root),
        links=links_of(training, trainings, tree),
        config=config,
        speech=speech_of(training),
        tables=(*checkpoints_table(training), *tables),
        model_files=() if checkpoints else model_files(training.place),
        checkpoints=checkpoints,
        began=next((time_of_wall(first) for first, _ in clocks if first is not None), None),
        problems=tuple(dict.fromkeys(problems)),
        same_steps=True,
    )


def _search_run(place: Path, results: list[Result], tree: Tree[FileRole]) -> FoundRun:
    """The run of a model of which only searches are known."""
    from speech_tracker.schema import Speech

    evaluations, tables, problems = _of_results(results, place, {})
    task = next((each.task for each in results if each.task), "asr" if evaluations else "other")
    return FoundRun(
        path=shown_place(place, tree),
        folder=str(place),
        name=name_of(place, tree.root.absolute().resolve()),
        kind="decode",
        task=task,
        status="finished",
        complete=True,
        evaluations=evaluations,
        config=next((each.config for each in results if each.config), {}),
        speech=Speech(task=task, toolkit="fairseq"),
        tables=tables,
        model_files=model_files(place),
        problems=tuple(dict.fromkeys(problems)),
    )


def _of_results(
    results: list[Result], place: Path, steps: dict[str, int]
) -> tuple[tuple[FoundEvaluation, ...], tuple[FoundTable, ...], list[LocatedProblem]]:
    """Evaluations, tables and problems.

    Args:
        results: of one run.
        place: of its checkpoints.
        steps: name of a checkpoint → the step that it was saved at.
    """
    evaluations = []
    for each in results:
        if each.evaluation is not None:
            name = Path(each.model).name
            path = place / name
            checkpoint = None if not name else str(path) if path.is_file() else ""
            if "ensemble" in each.evaluation.decoding:  # of several no single one made it
                name, checkpoint = "", ""
            evaluations.append(replace(each.evaluation, checkpoint=checkpoint, step=steps.get(name)))
    tables = tuple(each.table for each in results if each.table is not None)
    return tuple(evaluations), tables, [problem for each in results for problem in each.problems]


def _status(last: Session, *, live: bool) -> Status:
    if last.done is not None:
        return "finished"
    ending = last.ending
    if ending is not None:
        return ending.status
    return "running" if live else "killed"
