"""What a description has that the journal of its run has not, and the writing of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.ingest.evaluations import write_evaluation
from speech_tracker.ingest.found import FoundCheckpoint, FoundRun, Happening, LocatedProblem, Point
from speech_tracker.ingest.known import (
    KnownRun,
    as_recorded,
    located_for_good,
    table_digest,
    with_real_paths,
)
from speech_tracker.recorder import size_of

if TYPE_CHECKING:
    from speech_tracker.run import Run


class Additions:
    """What a run has that its journal has not."""

    def __init__(self, run: FoundRun, known: KnownRun, ids: dict[str, str], *, partial: bool) -> None:
        self._run, self._known = run, known
        self.problems: list[LocatedProblem] = []
        self.points = known.new_points(run.points)
        self.rewind = known.rewound_to(self.points)
        if self.rewind is not None:
            # what comes after the replaced step is superseded with it, so it is said again
            self.points = [
                point for point in run.points if point.settled and (point in self.points or self._is_after(point))
            ]
        self.happenings = [each for each in run.happenings if known.is_new_happening(each)]
        self.evaluations = [each for each in run.evaluations if known.is_new_evaluation(each, partial=partial)]
        self.datasets = [each for each in run.datasets if known.is_new_dataset(each)]
        self.links = [(ids[each.path], each.relation) for each in run.links if each.path in ids]
        self.links = [each for each in self.links if each not in known.links]
        self.new_problems = [each for each in run.problems if known.is_new_problem(each)]
        self.tables = [each for each in run.tables if known.is_new_table(each)]
        self.models = [path for path in run.model_files if self._model_key(path) not in known.checkpoints]
        self.checkpoints = [each for each in run.checkpoints if self._is_new_checkpoint(each)]
        self.config = not partial and known.lacks_config(run.config)
        self.speech = not partial and known.lacks_speech(run.speech.to_dict())
        self.summary = known.summary if partial else as_recorded(_summary(run))
        self.count = sum(
            (
                len(self.points), len(self.happenings), len(self.evaluations), len(self.datasets), len(self.links),
                len(self.new_problems), len(self.tables), len(self.models), len(self.checkpoints), self.config, self.speech,
                self.summary != known.summary,
            )
        )  # fmt: skip

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return self.count > 0

    def _is_after(self, point: Point) -> bool:
        return point.step is not None and self.rewind is not None and point.step >= self.rewind

    @staticmethod
    def _model_key(path: str) -> tuple[str, int | None]:
        place = Path(path).resolve()
        return str(place), size_of(place)

    def _is_new_checkpoint(self, checkpoint: FoundCheckpoint) -> bool:
        path, size = self._model_key(checkpoint.path)
        return (path, size) not in self._known.checkpoints or (bool(checkpoint.best_by) and path != self._known.best)

    def write(self, handle: Run) -> None:
        """Record everything, and remember it."""
        run, known = self._run, self._known
        if self.config:
            known.config = known.merged_config(run.config)
            handle.log_config({key: known.config[key] for key in run.config})
        if self.speech:
            handle.log_speech(run.speech)
            known.speech = as_recorded(run.speech.to_dict())
        self._write_points(handle)
        for happening in self.happenings:
            self._write_happening(handle, happening)
        for dataset in self.datasets:
            handle.log_dataset(
                dataset.name,
                split=dataset.split,
                path=os.path.realpath(dataset.path) if dataset.path else dataset.path,
                version=dataset.version,
                utterances=dataset.utterances,
                hours=dataset.hours,
                speakers=dataset.speakers,
                **dataset.facts,
            )
            known.datasets.add((dataset.name, dataset.split, dataset.version))
        for other, relation in self.links:
            handle.link(other, relation)
            known.links.add((other, relation))
        for path in self.models:
            handle.log_checkpoint(os.path.realpath(path), step=run.final_step, aliases=("final",))
            known.checkpoints.add(self._model_key(path))
        for checkpoint in self.checkpoints:
            self._write_checkpoint(handle, checkpoint)
        for table in self.tables:
            handle.log_table(table.name, table.columns, table.rows)
            known.tables[table.name] = table_digest(table.columns, table.rows)
        for evaluation in self.evaluations:
            self.problems += write_evaluation(handle, evaluation, run)
            known.evaluations[evaluation.key] = evaluation.fingerprint
        for problem in map(located_for_good, (*self.new_problems, *self.problems)):
            handle.log_problem(problem.reason, path=problem.path, line=problem.line, text=problem.text or None)
            known.problems.add((problem.path, problem.line, problem.reason))
        if self.summary != known.summary:
            handle.log_json("ingest", self.summary)
            known.summary = self.summary

    def _write_points(self, handle: Run) -> None:
        if self.rewind is not None:
            handle.rewind(step=self.rewind - 1)
            handle.log_event(
                "history-replaced", step=self.rewind, reason="the logs of these iterations were written anew"
            )
            gone = [key for key in self._known.values if key[1] is not None and key[1] >= self.rewind]
            for key in gone:
                del self._known.values[key]
        moments: dict[tuple[int | None, float | None], dict[str, Point]] = {}
        for point in self.points:
            moments.setdefault((point.step, point.time), {})[point.name] = point
        ordered = sorted(moments.items(), key=lambda item: (item[0][0] is None, item[0][0] or 0, item[0][1] or 0.0))
        for (step, time), points in ordered:
            epoch = next((point.epoch for point in points.values() if point.epoch is not None), None)
            values = {name: point.value for name, point in points.items()}
            handle.log_metrics(values, step=step, epoch=epoch, time=time)
            self._known.values.update({(name, step): value for name, value in values.items()})

    def _write_checkpoint(self, handle: Run, checkpoint: FoundCheckpoint) -> None:
        key = self._model_key(checkpoint.path)
        if key not in self._known.checkpoints:
            handle.log_checkpoint(key[0], step=checkpoint.step, epoch=checkpoint.epoch, metrics=checkpoint.metrics)
            self._known.checkpoints.add(key)
        if checkpoint.best_by:
            handle.log_checkpoint(key[0], action="best", aliases=("best",), chosen_by=checkpoint.best_by)
            self._known.best = key[0]

    def _write_happening(self, handle: Run, happening: Happening) -> None:
        data = with_real_paths(happening.data)
        handle.log_event(happening.name, time=happening.time, key=happening.key, **data)
        self._known.happenings[happening.key] = as_recorded(data)


def _summary(run: FoundRun) -> dict[str, Any]:
    return {
        "kind": run.kind,
        "folder": run.folder,
        "iterations": run.iterations,
        "status": run.status,
        "jobs": {"total": run.jobs.total, "failed": run.jobs.failed, "running": run.jobs.running},
        "compute_seconds": run.jobs.seconds,
        "thread_seconds": run.jobs.thread_seconds,
    }
