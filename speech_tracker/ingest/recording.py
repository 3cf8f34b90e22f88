"""From the description of an experiment to runs: what is new is recorded, and nothing twice."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker import paths
from speech_tracker.errors import SpeechTrackerError
from speech_tracker.ingest.found import (
    Found,
    FoundCheckpoint,
    FoundEvaluation,
    FoundRun,
    Happening,
    LocatedProblem,
    Outcome,
    Point,
)
from speech_tracker.ingest.known import (
    KnownRun,
    as_recorded,
    located_for_good,
    read_known,
    table_digest,
    with_real_paths,
)
from speech_tracker.recorder import size_of

if TYPE_CHECKING:
    from speech_tracker.arguments import Mode
    from speech_tracker.run import Run

logger = logging.getLogger("speech_tracker")

SWEEP_COLUMNS = (
    "lm_weight",
    "word_insertion_penalty",
    "error_rate",
    "errors",
    "insertions",
    "deletions",
    "substitutions",
    "reference_length",
    "sentence_errors",
    "sentences",
    "absent",
    "source",
)
"""Columns of the table of a decoding sweep; the error rate is a fraction."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where runs go.

    Attributes:
        project: of all of them; None for the default.
        group: the experiment that they belong to; in W&B the group.
        mode: ``online``, ``offline``, ``local``, ``disabled``; None for the default.
        store: folder of the local store; None for the default.
        single_name: name of the run, where there is only one.
    """

    project: str | None = None
    group: str | None = None
    mode: Mode | None = None
    store: Path | None = None
    single_name: str | None = None

    @property
    def store_folder(self) -> Path:
        """The local store."""
        return self.store if self.store is not None else paths.store_folder()


class Recorder:
    """Records what was found, pass by pass; what a pass adds, the next one knows.

    Args:
        toolkit: name of the toolkit, for ids and tags.
        destination: where the runs go.
    """

    def __init__(self, toolkit: str, destination: Destination) -> None:
        self.toolkit = toolkit
        self.destination = destination
        self.added = 0
        self._known: dict[str, KnownRun] = {}
        self._open: dict[str, Run] = {}

    def run_id(self, run: FoundRun) -> str:
        """Return the id of a run: what its folder remembers, else one made of the project and the folder."""
        try:
            remembered = paths.recall(Path(run.folder))
        except OSError as error:
            logger.warning("speech-tracker: %s", error)
            remembered = None
        if remembered is not None:
            return remembered.run
        project = self.destination.project or os.environ.get("WANDB_PROJECT") or "speech"
        name = f"{project}\0{run.folder}"
        return f"{self.toolkit}-{hashlib.blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=6).hexdigest()}"

    def record(self, found: Found, *, live: bool = False) -> list[LocatedProblem]:
        """Record what is new, and return the problems that only showed when the details were read.

        Args:
            found: the description.
            live: whether the experiment is being followed: runs that go on stay open.
        """
        ids = {run.path: self.run_id(run) for run in found.runs}
        problems: list[LocatedProblem] = []
        for run in found.runs:
            problems += self._record_run(run, ids, found, live=live)
        return problems

    def close(self, reason: str) -> None:
        """Let go of the runs that are still open, because nobody follows them any longer.

        Args:
            reason: why, for people.
        """
        for run_id, run in list(self._open.items()):
            run.finish("preempted", reason=reason)
            del self._open[run_id]

    def _record_run(self, run: FoundRun, ids: dict[str, str], found: Found, *, live: bool) -> list[LocatedProblem]:
        run_id = ids[run.path]
        known = self._known.get(run_id)
        if known is None:
            known = self._known[run_id] = read_known(paths.run_folder(self.destination.store_folder, run_id))
        partial = found.partial and known.exists
        if partial and known.status in ("finished", "failed", "killed"):
            # a part of a run says nothing of the whole
            run = replace(run, status=known.status, complete=True)  # type: ignore[arg-type]
        additions = _Additions(run, known, ids, partial=partial)
        stays_open = live and not run.complete
        if not additions.any and (known.status == run.status or (stays_open and run_id in self._open)):
            return []
        if not additions.any and known.exists and run.status == "running" and not live:
            return []
        handle = self._open.get(run_id) or self._begin(run, run_id, alone=len(found.runs) == 1)
        self._open[run_id] = handle
        additions.write(handle)
        self.added += additions.count
        known.exists = True
        if not stays_open:
            del self._open[run_id]
            if run.status == "running":
                reason = "it was still running when it was read; ingest it again, or with --follow"
                handle.finish("preempted", reason=reason)
            else:
                handle.finish(run.status, reason=None if run.status == "finished" else "as its logs say")
            known.status = run.status
        return additions.problems

    def _begin(self, run: FoundRun, run_id: str, *, alone: bool) -> Run:
        from speech_tracker.client import init

        name = self.destination.single_name if alone and self.destination.single_name else run.name
        return init(
            self.destination.project,
            run.task,
            name,
            experiment=self.destination.group if self.destination.single_name or not run.group else run.group,
            id=run_id,
            mode=self.destination.mode,
            store=self.destination.store,
            job_type=run.kind,
            tags=(self.toolkit, run.kind),
            created_at=run.began,
            capture_environment=False,
        )


class _Additions:
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
        self.evaluations = [each for each in run.evaluations if known.is_new_evaluation(each)]
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
            handle.log_checkpoint(os.path.realpath(path), step=last_step(run), aliases=("final",))
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


def last_step(run: FoundRun) -> int | None:
    """Return the step that the training of a run has come to, None when it has none."""
    return run.last_step if run.last_step is not None else run.iterations or None


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


def write_evaluation(handle: Run, evaluation: FoundEvaluation, run: FoundRun) -> list[LocatedProblem]:
    """Record an evaluation with its sweep; return what was wrong with its utterances."""
    problems: list[LocatedProblem] = []
    name = evaluation.key.replace(".", "_")
    if evaluation.points:
        handle.log_table(f"decode/{name}/sweep", *_sweep(evaluation))
    reported = evaluation.reported
    if reported is None and evaluation.values:
        reported = Outcome(evaluation.path, None, None, None, None, None)
    if reported is None:
        handle.log_event(
            "decoded-not-scored",
            key=f"decoded:{evaluation.key}",
            fingerprint=evaluation.fingerprint,
            path=os.path.realpath(evaluation.path),
            **with_real_paths(evaluation.facts),
        )
        return problems
    decoding = {
        **evaluation.decoding,
        **reported.settings,
        "lm_weight": reported.lm_weight,
        "word_insertion_penalty": reported.word_insertion_penalty,
    }
    metadata: dict[str, Any] = {
        "origin": {"key": evaluation.key, "fingerprint": evaluation.fingerprint, "path": evaluation.path},
        "selection": {
            "how": evaluation.selection.how,
            "source": evaluation.selection.source,
            "sentence": evaluation.selection.sentence,
        },
        "points": len(evaluation.points),
        **evaluation.facts,
    }
    if evaluation.rtf is not None:
        metadata["rtf"] = evaluation.rtf
    if reported.absent:
        metadata["absent_hypotheses"] = reported.absent
    if evaluation.best is not None and evaluation.best is not reported:
        best = dict(zip(SWEEP_COLUMNS, _row(evaluation.best, evaluation), strict=True))
        metadata["best_of_sweep"] = {**evaluation.best.settings, **best}
    if evaluation.checkpoint is None:
        checkpoint, step = (run.model_files[0] if run.model_files else None), last_step(run)
    else:
        checkpoint, step = evaluation.checkpoint or None, evaluation.step
    handle.log_evaluation(
        _result(evaluation, reported, problems),
        test_set=evaluation.test_set,
        unit="char" if evaluation.metric == "cer" else "word" if evaluation.metric == "wer" else None,
        decoding={key: value for key, value in decoding.items() if value is not None},
        checkpoint=os.path.realpath(checkpoint) if checkpoint else None,
        step=step,
        **with_real_paths(metadata),
    )
    return problems


def _sweep(evaluation: FoundEvaluation) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The columns and rows of the sweep; each setting of the decoder that a point has is a column."""
    names = tuple(dict.fromkeys(name for point in evaluation.points for name in point.settings))
    rows = [(*(point.settings.get(name) for name in names), *_row(point, evaluation)) for point in evaluation.points]
    return (*names, *SWEEP_COLUMNS), rows


def _row(point: Outcome, evaluation: FoundEvaluation) -> tuple[Any, ...]:
    source = point.source.partition(f"{Path(evaluation.path).name}/")[2] or point.source
    tally = point.tally
    counts = (None,) * 4 if tally is None else (tally.errors, tally.insertions, tally.deletions, tally.substitutions)
    sentences = (None, None) if tally is None else (tally.sentence_errors, tally.sentences)
    return (
        point.lm_weight, point.word_insertion_penalty, point.error_rate, *counts, point.reference_length, *sentences,
        point.absent, source,
    )  # fmt: skip


class RateOnly:
    """The result of a report that has percentages and no counts.

    Args:
        metric: ``wer``, ``cer``, ….
        outcome: what the report says.
        values: what else was measured.
    """

    def __init__(self, metric: str, outcome: Outcome, values: Mapping[str, float] | None = None) -> None:
        self._values = {metric: outcome.error_rate, "reference_length": outcome.reference_length, **(values or {})}

    def metrics(self) -> dict[str, float]:
        """Return the rate as a fraction, the length of the reference, and the rest."""
        return {name: value for name, value in self._values.items() if value is not None}


def _result(evaluation: FoundEvaluation, reported: Outcome, problems: list[LocatedProblem]) -> Any:
    """The utterances where they are there, else the counts, else the rate."""
    if evaluation.load is not None:
        try:
            scored = evaluation.load(problems)
        except SpeechTrackerError as error:  # the scorer is not installed, or refuses the texts
            problems.append(LocatedProblem(evaluation.path, None, f"its utterances were not recorded: {error}"))
            scored = None
        if scored is not None:
            return scored
    counts = counts_of(reported) if evaluation.metric in ("wer", "cer") and not evaluation.values else None
    return counts or RateOnly(evaluation.metric, reported, evaluation.values)


def counts_of(outcome: Outcome) -> Any | None:
    """Return the counts of a point, None where they are not all known."""
    from speech_tracker.errors import InvalidArgumentError
    from speech_tracker.evaluation import ErrorCounts

    tally = outcome.tally
    if tally is None or tally.sentences is None or tally.sentence_errors is None:
        return None
    hits = tally.reference_length - tally.substitutions - tally.deletions
    try:
        return ErrorCounts(
            hits, tally.substitutions, tally.deletions, tally.insertions, tally.sentences, tally.sentence_errors
        )
    except InvalidArgumentError:
        return None


def with_problems(found: Found, more: Iterable[LocatedProblem]) -> Found:
    """Return a description with further problems."""
    extra = tuple(more)
    return replace(found, problems=tuple(dict.fromkeys((*found.problems, *extra)))) if extra else found
