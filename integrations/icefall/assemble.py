"""From read files to the description of icefall's experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from speech_tracker.ingest.clock import still_running, time_of_wall
from speech_tracker.ingest.found import (
    Found,
    FoundEvaluation,
    FoundRun,
    FoundTable,
    Happening,
    JobTally,
    LocatedProblem,
    Status,
)
from speech_tracker.ingest.pages import problems_of_page
from speech_tracker.integrations.icefall.checkpoints import checkpoints_of
from speech_tracker.integrations.icefall.curves import Curves, build_curves
from speech_tracker.integrations.icefall.evaluations import Position, evaluations_of
from speech_tracker.integrations.icefall.facts import config_of, cuts_of, kind_of, parameters_of, speech_of, task_of
from speech_tracker.integrations.icefall.folders import RunFolder, find_runs
from speech_tracker.integrations.icefall.pages import runs_of_page
from speech_tracker.integrations.icefall.read import ReadFile, Tree
from speech_tracker.integrations.icefall.scores import Score, scores_of
from speech_tracker.integrations.icefall.train_logs import CheckpointSaved, Done
from speech_tracker.integrations.icefall.trainings import (
    Start,
    Training,
    starts_of,
    trainings_of,
)

LOOKED_FOR = (
    "icefall's logs (log/log-train-*, log-decode-*), its results (recogs-*, errs-*, wer-summary-*) or RESULTS.md, in it or "
    "below it"
)

_LAST_EPOCH = re.compile(r"epoch-(\d+)\.pt$")


def assemble(tree: Tree, files: Iterable[ReadFile], *, now: float, follow: bool = False) -> Found:
    """Return the description of the experiments.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a running training from a killed one.
        follow: whether the newest values wait until nothing can change them.
    """
    folders, strays = find_runs(tree, files)
    runs: list[FoundRun] = []
    problems = [*tree.problems]
    for folder in folders:
        found = _runs(folder, tree, now=now, follow=follow)
        problems += [problem for run in found for problem in run.problems]
        runs += [run for run in found if run.points or run.evaluations or run.happenings]
    used: set[str] = set()
    for file in strays:
        if file.entry.role.parser == "page":
            problems += problems_of_page(file, tree)
            found = runs_of_page(file, tree) if not any(run.evaluations for run in runs if run.kind != "page") else []
            runs += found
            if found or file.problems:
                used.add(file.entry.path)
    of_runs = {entry.path for folder in folders for entry in (*folder.texts, *folder.models)}
    of_runs |= {file.entry.path for folder in folders for file in (*folder.training, *folder.results)}
    read = sum(entry.path in of_runs or entry.path in used for entry in tree.entries)
    return Found(
        toolkit="icefall",
        root=str(tree.root),
        runs=tuple(runs),
        problems=tuple(dict.fromkeys(problems)),
        files_read=read,
        files_skipped=tree.skipped + len(tree.entries) - read,
        looked_for=LOOKED_FOR,
    )


def _runs(folder: RunFolder, tree: Tree, *, now: float, follow: bool) -> list[FoundRun]:
    trainings = trainings_of(starts_of(folder.training))
    scores, wrong = scores_of(folder, tree)
    problems = [
        *(
            LocatedProblem(tree.shown(file.entry.path), each.line_number or None, each.reason, each.text)
            for file in (*folder.training, *folder.results)
            for each in file.problems
        ),
        *wrong,
    ]
    if not trainings and not scores and not problems:
        return []
    runs = []
    for place, training in enumerate(trainings or [None]):
        own = scores if len(trainings) < 2 else [each for each in scores if _training_at(trainings, each) == place]
        mine = problems if place == max(0, len(trainings) - 1) else []
        runs.append(_run(folder, training, own, mine, tree, first=place == 0, now=now, follow=follow))
    return runs


def _training_at(trainings: list[Training], score: Score) -> int:
    """Which of several trainings in a folder a search was of: the last that had begun."""
    begun = [time_of_wall(each.starts[0].began) for each in trainings]
    place = 0
    for number, began in enumerate(begun):
        if began is not None and score.when is not None and began <= score.when:
            place = number
    return place


def _run(
    folder: RunFolder,
    training: Training | None,
    scores: list[Score],
    problems: list[LocatedProblem],
    tree: Tree,
    *,
    first: bool,
    now: float,
    follow: bool,
) -> FoundRun:
    status, reason = _status(folder, training, now)
    live = follow or status == "running"
    curves = build_curves(training, live=live) if training is not None else None
    params = training.params if training is not None else next((each.params for each in scores if each.params), {})
    kind = kind_of(training, params)
    models = {entry.name: tree.shown(entry.path) for entry in folder.models}
    evaluations, wrong = evaluations_of(scores, folder.path, tree, Position(_steps(curves), models), live=live)
    records = [each for start in (training.starts if training is not None else ()) for each in start.records]
    decodes = [file for file in folder.results if file.entry.role.parser == "decode"]
    name = _name(folder.path, tree)
    path, identity = tree.shown(folder.path), str((tree.root / folder.path).resolve())
    if training is not None and not first:
        # a second training from the beginning in the same folder: its first log names it
        path, identity, name = f"{path}@{training.label}", f"{identity}@{training.label}", f"{name}@{training.label}"
    reported = next((each for each in reversed(evaluations) if each.reported is not None), None)
    decoding: dict[str, Any] = dict(reported.decoding) if reported is not None else {}
    if reported is not None and reported.reported is not None:
        decoding.update(reported.reported.settings)
        decoding["lm_weight"] = reported.reported.lm_weight
    parameters = parameters_of(records) or parameters_of(each for file in decodes for each in file.records)
    last = sorted((name for name in models if _LAST_EPOCH.match(name)), key=lambda each: int(each[6:-3]))
    final = models[last[-1]] if last and first and status == "finished" else None
    checkpoints = (
        checkpoints_of(models, _steps(curves), curves.points, live=live) if curves is not None and first else ()
    )
    return FoundRun(
        path=path,
        folder=identity,
        name=name,
        kind=kind,
        task=task_of(kind),
        status=status,
        complete=status != "running",
        iterations=curves.last_step if curves is not None else 0,
        points=curves.points if curves is not None else (),
        evaluations=tuple(evaluations),
        jobs=_jobs(training, decodes, now),
        happenings=tuple(_happenings(training, status, reason, tree)),
        config=config_of(kind, params, _more(training, curves, parameters)),
        speech=speech_of(
            kind, folder.path or str(tree.root), params, decoding, parameters, cuts_of(records),
            (each.test_set for each in evaluations),
        ),
        tables=_overview(evaluations),
        model_files=(final,) if final is not None else (),
        began=time_of_wall(training.starts[0].began) if training is not None else None,
        problems=(*problems, *wrong),
        checkpoints=tuple(each for each in checkpoints if each.path != final),
    )  # fmt: skip


def _status(folder: RunFolder, training: Training | None, now: float) -> tuple[Status, str]:
    if training is not None:
        return training.starts[-1].status(now)
    decodes = [file for file in folder.results if file.entry.role.parser == "decode"]
    return ("running" if any(not _is_done(file) and _goes_on(file, now) for file in decodes) else "finished"), ""


def _is_done(decode: ReadFile) -> bool:
    return any(isinstance(each, Done) for each in decode.records)


def _goes_on(decode: ReadFile, now: float) -> bool:
    """Whether a search without an end still writes to its log."""
    said = time_of_wall(max(_times(decode), default=None))
    return still_running(decode.entry.stat.st_mtime, now, said)


def _times(decode: ReadFile) -> list[float]:
    return [each.time for each in decode.records if getattr(each, "time", None) is not None]


def _steps(curves: Curves | None) -> dict[int, int]:
    """Steps at the end of each epoch after which another one is known to begin."""
    if curves is None:
        return {}
    estimated = set(curves.axis.estimated)
    return {epoch - 1: start.value for epoch, start in curves.axis.epochs.items() if epoch not in estimated}


def _jobs(training: Training | None, decodes: list[ReadFile], now: float) -> JobTally:
    total = failed = running = seconds = threads = 0
    starts = [*training.false_starts, *training.starts] if training is not None else []
    for start in starts:
        total += 1
        ended = start.status(now)[0]
        failed += ended in ("failed", "killed")
        running += ended == "running"
        seconds += start.seconds
        world_size = start.params.get("world_size")
        threads += start.seconds * (world_size if isinstance(world_size, int) and world_size > 0 else 1)
    for file in decodes:
        total += 1
        if not _is_done(file):
            is_running = _goes_on(file, now)
            running += is_running
            failed += not is_running
        times = _times(file)
        spent = max(0, round(times[-1] - times[0])) if times else 0
        seconds += spent
        threads += spent
    return JobTally(total, failed, running, seconds, threads)


def _happenings(training: Training | None, status: Status, reason: str, tree: Tree) -> Iterable[Happening]:
    if training is None:
        return
    for start in training.false_starts:
        ending = start.ending()
        data = {
            "log": tree.shown(start.file.entry.path),
            "reason": ending.reason if ending is not None else "it breaks off",
        }
        yield Happening(f"false-start:{start.label}", "false-start", data, time_of_wall(start.began))
    for start in training.starts:
        yield _started(start, tree)
        for record in start.records:
            if isinstance(record, CheckpointSaved):
                data = {"checkpoint": record.path}
                yield Happening(
                    f"checkpoint:{start.label}:{record.line_number}",
                    "checkpoint-saved",
                    data,
                    time_of_wall(record.time),
                )
        if start is not training.starts[-1]:
            ending = start.ending()
            if not start.is_done and ending is not None:
                yield _ended(start, ending.reason, tree)
    last = training.starts[-1]
    if status in ("failed", "killed"):
        yield _ended(last, reason, tree)


def _started(start: Start, tree: Tree) -> Happening:
    environment = start.params.get("env_info")
    host = environment.get("hostname") if isinstance(environment, dict) else None
    data = {
        "log": tree.shown(start.file.entry.path),
        "continues": start.continues,
        "ranks": 1 + len(start.others),
        **({"host": host} if host else {}),
    }
    return Happening(f"training-started:{start.label}", "training-started", data, time_of_wall(start.began))


def _ended(start: Start, reason: str, tree: Tree) -> Happening:
    times = start.times()
    data = {"log": tree.shown(start.file.entry.path), "reason": reason}
    return Happening(
        f"training-ended:{start.label}", "training-ended", data, time_of_wall(times[-1] if times else None)
    )


def _more(training: Training | None, curves: Curves | None, parameters: int | None) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if parameters is not None:
        more["parameters"] = parameters
    if curves is not None and curves.points:
        estimated = list(curves.axis.estimated)
        more["batch_axis"] = {"exact": not estimated, "estimated_epochs": len(estimated)}
    if training is not None and len(training.starts) > 1:
        more["starts"] = len(training.starts)
    return more


def _overview(evaluations: list[FoundEvaluation]) -> tuple[FoundTable, ...]:
    """All searches side by side, since recipes try many checkpoints and methods."""
    if len(evaluations) < 2:
        return ()
    names = (
        "test_set",
        "method",
        "epoch",
        "iteration",
        "average",
        "use_averaged_model",
        "metric",
        "error_rate",
        "points",
    )
    rows = tuple(
        (
            each.test_set,
            *(each.decoding.get(name) for name in names[1:6]),
            each.metric,
            None if each.reported is None else each.reported.error_rate,
            len(each.points),
        )
        for each in evaluations
    )
    return (FoundTable("decode/all", names, rows),)


def _name(path: str, tree: Tree) -> str:
    parts = path.split("/") if path else list(tree.root.absolute().parts[-2:])
    if len(parts) < 2:
        parts = [tree.root.absolute().name, *parts] if parts[0].startswith("exp") else parts
    return "/".join(parts[-3:] if path else parts if parts[-1].startswith("exp") else parts[-1:])
