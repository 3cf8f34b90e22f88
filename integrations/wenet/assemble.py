"""From read files to the description of WeNet's experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.endings import Ending, ending_after
from speech_tracker.ingest.found import Found, FoundCheckpoint, FoundRun, Happening, JobTally, LocatedProblem, Status
from speech_tracker.ingest.pages import problems_of_page
from speech_tracker.integrations.wenet.checkpoints import Configuration, thawed
from speech_tracker.integrations.wenet.curves import Curves, build_curves
from speech_tracker.integrations.wenet.evaluations import evaluations_of
from speech_tracker.integrations.wenet.facts import kind_of, speech_of
from speech_tracker.integrations.wenet.folders import RunFolder, find_runs
from speech_tracker.integrations.wenet.headers import local_time
from speech_tracker.integrations.wenet.pages import runs_of_page
from speech_tracker.integrations.wenet.read import ReadFile, Tree
from speech_tracker.integrations.wenet.train_logs import (
    CheckpointSaved,
    CvResult,
    EpochBegins,
    ParameterCount,
    TrainBatch,
)

LOOKED_FOR = (
    "WeNet's training logs (TRAIN Batch …), the files beside its checkpoints (0.yaml, epoch_0.yaml), scores (<mode>/wer), "
    "logs of its decoders (RTF) or tables in a README.md, in it or below it"
)

_TIMED = (TrainBatch, EpochBegins, CvResult, CheckpointSaved)
_EPOCH = re.compile(r"^(?:epoch_)?(\d+)\.pt$")
_AVERAGE = re.compile(r"^avg_?(\d+)\.pt$")


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
        runs += [run for run in found if run.points or run.evaluations]
    used = {path for folder in folders for path in _paths_of(folder)}
    for file in strays:
        if file.entry.role.parser == "page":
            problems += problems_of_page(file, tree)
            found = runs_of_page(file, tree) if not any(run.evaluations for run in runs if run.kind != "page") else []
            runs += found
            if found or file.problems:
                used.add(file.entry.path)
    read = sum(entry.path in used for entry in tree.entries)
    return Found(
        toolkit="wenet",
        root=str(tree.root),
        runs=tuple(runs),
        problems=tuple(dict.fromkeys(problems)),
        files_read=read,
        files_skipped=tree.skipped + len(tree.entries) - read,
        looked_for=LOOKED_FOR,
    )


def _paths_of(folder: RunFolder) -> Iterable[str]:
    yield from (file.entry.path for file in (*folder.logs, *folder.info_files))
    yield from (entry.path for entry in folder.models)
    if folder.config is not None:
        yield folder.config.entry.path
    for decode in folder.decodes.values():
        yield from (file.entry.path for file in (*decode.wer, *decode.logs))
        if decode.rtf is not None:
            yield decode.rtf.entry.path
        if decode.text is not None:
            yield decode.text.path


@dataclass(slots=True)
class _Training:
    """Logs that go on from each other; none where only checkpoints are left."""

    logs: list[ReadFile]

    @property
    def records(self) -> list[Any]:
        """Of all logs, in the order of time."""
        return [record for file in self.logs for record in file.records]


def _trainings(logs: Iterable[ReadFile]) -> list[_Training]:
    """Put logs together: one that does not begin with the first epoch, or within it, goes on with the one before it."""
    found: list[_Training] = []
    for file in sorted(logs, key=_begin):
        first = next((each for each in file.records if isinstance(each, (EpochBegins, TrainBatch))), None)
        goes_on = first is not None and (first.epoch > 0 or (isinstance(first, EpochBegins) and (first.step or 0) > 0))
        if found and goes_on:
            found[-1].logs.append(file)
        else:
            found.append(_Training([file]))
    return found


def _begin(file: ReadFile) -> tuple[float, float, str]:
    first = next((each.time for each in file.records if isinstance(each, _TIMED) and each.time is not None), 0.0)
    return first, file.entry.stat.st_mtime, file.entry.path


def _runs(folder: RunFolder, tree: Tree, *, now: float, follow: bool) -> list[FoundRun]:
    trainings = _trainings(folder.logs)
    runs = []
    for place, training in enumerate(trainings or [_Training([])]):
        last = place == max(0, len(trainings) - 1)
        runs.append(_run(folder, training, tree, first=place == 0, last=last, now=now, follow=follow))
    return runs


def _run(
    folder: RunFolder, training: _Training, tree: Tree, *, first: bool, last: bool, now: float, follow: bool
) -> FoundRun:
    records = training.records
    config = _configuration(folder) if last else {}
    status, reason = _status(folder, training, config, now)
    live = follow or status == "running"
    curves = build_curves(records, folder.infos if last else {}, folder.step_infos if last else (), live=live)
    path, identity, name = _identity(folder, training, tree, first=first)
    average = _average(folder, tree)
    evaluations, wrong = (
        evaluations_of(folder.decodes.values(), folder.path, tree, average, {}, live=live) if last else ([], [])
    )
    losses = {name for each in records if isinstance(each, TrainBatch) for name, _ in each.values}
    kind = kind_of(config, losses) if records or config else "decode"
    parameters = next((each.count for each in reversed(records) if isinstance(each, ParameterCount)), None)
    reported = next((each for each in reversed(evaluations) if each.reported is not None), None)
    files = [*training.logs]
    if last:
        files += [*folder.info_files, *(file for decode in folder.decodes.values() for file in decode.wer)]
        files += [file for decode in folder.decodes.values() for file in (*decode.logs, decode.rtf) if file is not None]
        files += [folder.config] if folder.config is not None else []
    problems = [
        LocatedProblem(tree.shown(file.entry.path), each.line_number or None, each.reason, each.text)
        for file in files
        for each in file.problems
    ]
    accumulation = curves.axis.accumulation if curves.axis is not None else None
    final = [entry for entry in folder.models if entry.name == "final.pt"]
    model = average[0] if average is not None else tree.shown(final[0].path) if final else None
    return FoundRun(
        path=path,
        folder=identity,
        name=name,
        kind=kind,
        task="asr",
        status=status,
        complete=status != "running",
        iterations=curves.last_step,
        points=curves.points,
        evaluations=tuple(evaluations),
        jobs=_jobs(training, status),
        happenings=tuple(_happenings(training, status, reason, tree)),
        config={"wenet": {"kind": kind, **config, **_more(curves, accumulation, parameters)}},
        speech=speech_of(
            kind,
            config,
            reported.decoding if reported is not None else {},
            parameters=parameters,
            accumulation=accumulation,
            test_sets=(each.test_set for each in evaluations),
        ),
        model_files=(model,) if model is not None and last and status == "finished" else (),
        began=local_time(_begin(training.logs[0])[0]) if training.logs else None,
        problems=(*problems, *wrong),
        checkpoints=_checkpoints(folder, curves, tree, model) if last and status != "running" else (),
    )


def _identity(folder: RunFolder, training: _Training, tree: Tree, *, first: bool) -> tuple[str, str, str]:
    """Path, identity and name. A second training from the beginning in the same folder is named by its log."""
    path, identity = tree.shown(folder.path), str((tree.root / folder.path).resolve())
    if folder.is_log:
        # a file has no folder that could remember a run
        parent, _, log = identity.rpartition("/")
        place = (
            PurePosixPath(folder.path) if "/" in folder.path else PurePosixPath(tree.root.absolute().name, folder.path)
        )
        return path, f"{parent}#{log}", "/".join(place.with_suffix("").parts[-3:])
    parts = folder.path.split("/") if folder.path else [tree.root.absolute().name]
    if "exp" in parts[:-1]:
        parts = [*parts[: parts.index("exp")][-2:], *parts[parts.index("exp") + 1 :]]
    name = "/".join(parts[-3:])
    if not first:
        label = training.logs[0].entry.name
        return f"{path}@{label}", f"{identity}@{label}", f"{name}@{label}"
    return path, identity, name


def _configuration(folder: RunFolder) -> dict[str, Any]:
    """The configuration from ``train.yaml``, else from beside the last checkpoint."""
    files = [folder.config] if folder.config is not None else []
    files += sorted(folder.info_files, key=lambda file: (len(file.entry.name), file.entry.name), reverse=True)
    for file in files:
        for record in file.records:
            if isinstance(record, Configuration) and record.values:
                return {name: thawed(value) for name, value in record.values}
    return {}


def _status(folder: RunFolder, training: _Training, config: Mapping[str, Any], now: float) -> tuple[Status, str]:
    if not training.logs:
        return "finished", ""
    records = training.records
    last = training.logs[-1]
    signs = [each.line_number for each in last.records if isinstance(each, (*_TIMED,))]
    ending: Ending | None = ending_after(last.records, max(signs, default=0))
    if ending is not None:
        return ending.status, ending.reason
    epochs = [each.epoch for each in records if isinstance(each, (TrainBatch, CvResult))]
    planned = config.get("max_epoch")
    complete = any(isinstance(each, CheckpointSaved) for each in last.records) and isinstance(
        next((each for each in reversed(records) if isinstance(each, _TIMED)), None), CheckpointSaved
    )
    has_final = any(entry.name == "final.pt" for entry in folder.models)
    if complete and (has_final or not isinstance(planned, int) or max(epochs, default=0) + 1 >= planned):
        return "finished", ""
    times = [each.time for each in last.records if isinstance(each, _TIMED) and each.time is not None]
    said = local_time(times[-1]) if times else None
    if still_running(last.entry.stat.st_mtime, now, said):
        return "running", ""
    if isinstance(planned, int):
        return "killed", f"its log breaks off in epoch {max(epochs, default=0)} of {planned}"
    return "killed", "its log breaks off"


def _average(folder: RunFolder, tree: Tree) -> tuple[str, int] | None:
    found = [(entry, match) for entry in folder.models if (match := _AVERAGE.match(entry.name)) is not None]
    return (tree.shown(found[0][0].path), int(found[0][1][1])) if len(found) == 1 else None


def _checkpoints(folder: RunFolder, curves: Curves, tree: Tree, final: str | None) -> tuple[FoundCheckpoint, ...]:
    """The checkpoints of epochs that are there, with the loss on the validation set."""
    losses = {int(each.epoch): each for each in curves.points if each.name == "valid/loss" and each.epoch is not None}
    best = min(losses, key=lambda epoch: losses[epoch].value, default=None)
    found = []
    for entry in folder.models:
        match = _EPOCH.match(entry.name)
        if match is None or tree.shown(entry.path) == final:
            continue
        epoch = int(match[1])
        point = losses.get(epoch)
        metrics = {"valid/loss": point.value} if point is not None else {}
        best_by = "min valid/loss" if epoch == best else ""
        step = point.step if point is not None else None
        found.append(FoundCheckpoint(tree.shown(entry.path), step, epoch, metrics, best_by))
    return tuple(sorted(found, key=lambda each: (bool(each.best_by), each.epoch or 0)))


def _jobs(training: _Training, status: Status) -> JobTally:
    seconds = 0
    for file in training.logs:
        times = [each.time for each in file.records if isinstance(each, _TIMED) and each.time is not None]
        seconds += max(0, round(times[-1] - times[0])) if times else 0
    count = len(training.logs)
    failed = int(status in ("failed", "killed"))
    return JobTally(count, failed, int(status == "running"), seconds, seconds)


def _happenings(training: _Training, status: Status, reason: str, tree: Tree) -> Iterable[Happening]:
    for file in training.logs:
        for record in file.records:
            if isinstance(record, CheckpointSaved):
                yield Happening(
                    f"checkpoint:{file.entry.name}:{record.line_number}",
                    "checkpoint-saved",
                    {"checkpoint": record.path},
                    local_time(record.time),
                )
    if status in ("failed", "killed"):
        log = training.logs[-1]
        data = {"log": tree.shown(log.entry.path), "reason": reason}
        yield Happening(f"training-ended:{log.entry.name}", "training-ended", data)


def _more(curves: Curves, accumulation: int | None, parameters: int | None) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if parameters is not None:
        more["parameters"] = parameters
    if accumulation is not None and accumulation > 1:
        more["accumulated_batches"] = accumulation
    if curves.axis is not None:
        estimated = curves.axis.estimated
        more["update_axis"] = {"exact": not estimated, "estimated_epochs": len(estimated)}
    if curves.epochs:
        more["epochs"] = len(curves.epochs)
    return more
