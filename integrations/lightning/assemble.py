"""From the files below a folder to the description of Lightning's trainings: one run for each folder of a logger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.endings import Ending, ending_after
from speech_tracker.ingest.found import (
    Found,
    FoundLink,
    FoundRun,
    Happening,
    JobTally,
    LocatedProblem,
    Status,
)
from speech_tracker.ingest.logfile import NOT_FETCHED
from speech_tracker.ingest.reading import ReadFile
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.lightning import layout
from speech_tracker.integrations.lightning.folder_curves import FolderCurves, curves_of
from speech_tracker.integrations.lightning.folder_facts import limits_of, speech_of, task_of
from speech_tracker.integrations.lightning.homes import Home, homes_of
from speech_tracker.integrations.lightning.hparams_yaml import Hyperparameters
from speech_tracker.integrations.lightning.metrics_csv import rows_of
from speech_tracker.integrations.lightning.saved_models import checkpoints_of, final_model, is_pointer, table_of
from speech_tracker.integrations.lightning.trainer_output import FitStopped

LOOKED_FOR = (
    "metrics.csv of Lightning's CSVLogger, TensorBoard's event files, or checkpoints named epoch=…-step=….ckpt, in it "
    "or below it (lightning_logs/version_0 and the like)"
)


def assemble(tree: Tree[FileRole], files: Sequence[ReadFile[FileRole]], *, now: float, follow: bool = False) -> Found:
    """Return the description of all trainings below a folder.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a training that goes on from one that is over.
        follow: whether the newest values wait until nothing can change them.
    """
    homes, strays = homes_of(tree, files)
    problems = list(tree.problems)
    runs: list[FoundRun] = []
    for home in homes:
        run = _run(home, tree, runs, now=now, follow=follow)
        runs.append(run)
        problems += run.problems
    return Found(
        toolkit="lightning",
        root=str(tree.root),
        runs=tuple(runs),
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(tree.entries) - strays,
        files_skipped=tree.skipped + strays,
        looked_for=LOOKED_FOR,
    )


def _run(home: Home, tree: Tree[FileRole], before: Sequence[FoundRun], *, now: float, follow: bool) -> FoundRun:
    hparams: dict[str, Any] = {}
    for record in home.records(layout.HPARAMS):
        if isinstance(record, Hyperparameters):
            hparams.update(record.values)
    rows = rows_of(home.records(layout.METRICS))
    # both loggers write the same values; the CSVLogger's are not rounded to 32 bits
    unused = layout.EVENTS if rows else None
    rows = rows or rows_of(home.records(layout.EVENTS))
    problems = [
        _located(problem, tree, file) for file in home.files if file.entry.role != unused for problem in file.problems
    ]
    names = checkpoints_of(home)
    fetched = [(entry, name) for entry, name in names if not is_pointer(tree.root / entry.path, entry)]
    problems += [
        LocatedProblem(tree.shown(entry.path), None, NOT_FETCHED)
        for entry, name in names
        if (entry, name) not in fetched
    ]
    changed = max((file.entry.stat.st_mtime for file in home.files), default=0.0)
    curves = curves_of(rows)
    ending = _ending(home)
    complete = _is_complete(home, curves, hparams)
    status: Status = (
        "finished" if complete
        else ending.status if ending is not None
        else "running" if still_running(changed, now)
        else "finished"
    )  # fmt: skip
    if follow or status == "running":
        curves = curves_of(rows, live=not complete and ending is None)
    if curves.missing:
        shown = ", ".join(map(str, curves.missing[:10]))
        problems.append(LocatedProblem(tree.shown(home.path), None, f"no values of epoch {shown}"))
    path = tree.shown(home.path)
    return FoundRun(
        path=path,
        folder=str((tree.root / home.path).resolve()),
        name=_name(home.path, tree),
        kind="training",
        task=task_of(hparams, curves),
        status=status,
        complete=complete or (ending is not None and status != "running"),
        iterations=curves.steps,
        points=curves.points,
        evaluations=(),
        jobs=JobTally(1, int(status in ("failed", "killed")), int(status == "running")),
        happenings=tuple(_happenings(home, ending)),
        datasets=(),
        links=tuple(_links(hparams, curves, path, before)),
        config=hparams,
        speech=speech_of(hparams),
        tables=table_of(names, home.path),
        model_files=final_model(fetched, tree),
        began=min((row.time for row in rows if row.time is not None), default=None),
        problems=tuple(problems),
    )


def _located(problem: Problem, tree: Tree[FileRole], file: ReadFile[FileRole]) -> LocatedProblem:
    return LocatedProblem(tree.shown(file.entry.path), problem.line_number or None, problem.reason, problem.text)


def _name(path: str, tree: Tree[FileRole]) -> str:
    """``turngpt/version_0``: the folder and the one above it, without Lightning's own in between."""
    parts = [part for part in (tree.root.absolute() / path).parts if part != "lightning_logs"]
    return "/".join(parts[-2:]) if parts[-1].startswith("version_") else parts[-1]


def _is_complete(home: Home, curves: FolderCurves, hparams: Mapping[str, Any]) -> bool:
    if curves.tested or any(isinstance(each, FitStopped) for each in home.records(layout.OUTPUT)):
        return True
    epochs, steps = limits_of(hparams)
    return (epochs is not None and curves.epochs >= epochs) or (steps is not None and curves.steps >= steps)


def _ending(home: Home) -> Ending | None:
    """What went wrong after everything that went well, by the outputs that were kept in the folder."""
    found: Ending | None = None
    for file in home.files:
        if file.entry.role == layout.OUTPUT:
            stopped = max((each.line_number for each in file.records if isinstance(each, FitStopped)), default=0)
            found = ending_after(file.records, stopped) or found
    return found


def _happenings(home: Home, ending: Ending | None) -> Iterator[Happening]:
    for stopped in home.records(layout.OUTPUT):
        if isinstance(stopped, FitStopped):
            yield Happening(f"fit-stopped:{stopped.limit}", "fit-stopped", {"limit": stopped.limit})
    if ending is not None:
        data = {"status": ending.status, "message": ending.reason, "line": ending.line_number}
        yield Happening(f"ended:{ending.reason[:80]}", "training-ended", data)


def _links(
    hparams: Mapping[str, Any], curves: FolderCurves, path: str, before: Iterable[FoundRun]
) -> Iterator[FoundLink]:
    """The earlier version that a training goes on from: of the same settings, and it came as far as this one begins."""
    if curves.first_epoch == 0:
        return
    folder = Path(path).parent
    same = [
        run
        for run in before
        if Path(run.path).parent == folder and run.config == dict(hparams) and run.iterations >= curves.first_epoch
    ]
    if same:
        yield FoundLink(same[-1].path, "continues")
