"""The curves of a run, put together from the records of its training logs.

The axis is Kaldi's iteration. A value that several jobs report is averaged with the frames (or words) that each had, as
Kaldi's own scripts do; counts are added up.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from speech_tracker.ingest.found import FoundTable, Point
from speech_tracker.integrations.kaldi import gmm_logs, nnet1_logs, nnet3_logs, progress_logs, rnnlm_logs, sgmm_logs
from speech_tracker.integrations.kaldi.job_headers import JobHeader
from speech_tracker.integrations.kaldi.jobs import Job
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.trainer_output import ReportedIteration, TrainerIteration
from speech_tracker.integrations.kaldi.values import LIKELIHOOD, VALUES, How, Value, counted, from_command, power

TRAINING_STEMS = ("update", "acc", "train", "iter.tr", "rbm")
"""Stems of logs whose iterations are those of the training, the most telling first."""

Step = int | None


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of a run.

    Attributes:
        points: by metric, then iteration; those without an iteration are of the finished model.
        tables: values per component, too many for curves.
        iterations: of training, distinct.
        missing: iterations between the first and the last of which there is no log.
    """

    points: tuple[Point, ...]
    tables: tuple[FoundTable, ...]
    iterations: tuple[int, ...]
    missing: tuple[int, ...]


class _Cell:
    """The value of one metric at one iteration, while its jobs are put together."""

    __slots__ = ("count", "how", "last", "sources", "total", "weight")

    def __init__(self, how: How) -> None:
        self.how = how
        self.total = self.weight = 0.0
        self.count = 0
        self.last = math.nan
        self.sources: set[str] = set()

    def add(self, value: Value, source: str) -> None:
        number = float(value.value)
        share = 1.0 if value.weight is None else value.weight
        # a job without frames says nothing, and 0 * inf would be no number
        self.total += number if self.how == "sum" else number * share if share else 0.0
        self.weight += share
        self.last = max(self.last, number) if self.how == "max" and self.count else number
        self.count += 1
        self.sources.add(source)

    def value(self) -> float:
        if self.how == "sum":
            return self.total
        if self.how != "mean" or self.count == 1:
            return self.last
        return self.total / self.weight if self.weight else math.nan


class _Builder:
    """Collects the values of a run."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, Step], _Cell] = {}
        self.times: dict[tuple[str, Step], float] = {}
        self.epochs: dict[int, float] = {}
        self.training: dict[str, set[int]] = defaultdict(set)
        self.changes: dict[int, progress_logs.ParameterChange] = {}
        self.max_changes: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, value: Value, step: Step, source: str) -> None:
        key = (value.name, step)
        if key not in self.cells:
            self.cells[key] = _Cell(value.how)
        self.cells[key].add(value, source)

    def add_log(self, file: ReadFile) -> None:
        """Add the records of a log that say what nothing else says better."""
        role = file.entry.role
        named = role.job if role.stem == "rbm" else role.iteration
        step: Step = named if isinstance(named, int) else None
        if step is not None and role.stem in TRAINING_STEMS:
            self.training[role.stem].add(step)
        for record in counted(file.records):
            reading = VALUES.get(type(record))
            at = record.iteration if isinstance(record, (gmm_logs.MmiObjective, rnnlm_logs.EntropyEpoch)) else step
            for value in reading(record, role.stem) if reading is not None else ():
                self.add(_of_finished(value) if isinstance(named, str) else value, at, role.stem)
            if step is None:
                continue
            if isinstance(record, JobHeader):
                for value in from_command(record, role.stem):
                    self.add(value, step, role.stem)
            elif isinstance(record, progress_logs.ParameterChange) and record.quantity == "relative":
                self.changes[step] = record
            elif isinstance(record, nnet3_logs.MaxChange):
                self.max_changes[step][record.component].append(record.percent / 100)

    def add_max_changes(self) -> None:
        """Add how often the components' changes were limited: curves of the mean and the worst of them."""
        for step, components in self.max_changes.items():
            shares = [sum(values) / len(values) for values in components.values()]
            self.add(Value("train/max_change/mean", sum(shares) / len(shares)), step, "train")
            self.add(Value("train/max_change/max", max(shares)), step, "train")
            self.add(Value("train/max_change/components", len(shares)), step, "train")

    def add_times(self, jobs: Iterable[Job], files: Iterable[ReadFile]) -> None:
        """Note when each iteration of each stage ended; the longest training job of an iteration becomes a curve."""
        for job in jobs:
            role = job.file.entry.role
            step = role.iteration if isinstance(role.iteration, int) else None
            if job.ended is not None:
                self.times[role.stem, step] = max(job.ended, self.times.get((role.stem, step), -math.inf))
            if role.stem == "train" and step is not None and job.status is not None:
                self.add(Value("train/job_seconds", job.seconds, None, "max"), step, role.stem)
        for file in files:
            role = file.entry.role
            if role.kind == "log" and isinstance(role.iteration, int):
                self.times.setdefault((role.stem, role.iteration), file.entry.stat.st_mtime)

    def fill(self, file: ReadFile) -> None:
        """Add what is said in two places, where the better one has not said it."""
        role = file.entry.role
        step = role.iteration if isinstance(role.iteration, int) else None
        for record in file.records:
            if isinstance(record, (gmm_logs.UpdateLikelihood, sgmm_logs.DataLikelihood)):
                self._unless_there(LIKELIHOOD(record, role.stem)[0], step, role.stem)
            elif isinstance(record, gmm_logs.VariancesFloored):
                self._unless_there(Value("train/gaussians", record.out_of), step, role.stem)
            elif isinstance(record, nnet1_logs.CrossValidationStart):
                self._unless_there(Value("valid/loss", record.loss), 0, role.stem)
            elif isinstance(record, nnet1_logs.ScheduledIteration):
                at = record.iteration
                self._unless_there(Value("train/loss", record.train_loss), at, role.stem)
                self._unless_there(Value("valid/loss", record.valid_loss), at, role.stem)
                self._unless_there(Value("train/learning_rate", record.learning_rate), at, role.stem)
                self.add(Value("train/accepted", float(record.verdict == "accepted")), at, role.stem)
            elif isinstance(record, TrainerIteration):
                self.epochs[record.iteration] = record.epoch
                self._unless_there(Value("train/learning_rate", record.learning_rate), record.iteration, "trainer")

    def fill_report(self, files: Iterable[ReadFile]) -> None:
        """Add the rows of `accuracy.report` where the diagnostics themselves are gone."""
        rows = [record for file in files for record in file.records if isinstance(record, ReportedIteration)]
        # the report holds accuracies for frame-level systems and log-probabilities for chain: the sign tells
        quantity = "accuracy" if all(row.train >= 0 for row in rows) else "log_probability"
        for row in rows:
            self._unless_there(Value(f"train/{quantity}/output", row.train), row.iteration, "report")
            self._unless_there(Value(f"valid/{quantity}/output", row.valid), row.iteration, "report")
            self._unless_there(Value("train/job_seconds", row.seconds), row.iteration, "report")

    def fill_perplexities(self) -> None:
        """Add the perplexity of the dev set, from Kaldi's objective: a log-probability per word."""
        for (name, step), cell in list(self.cells.items()):
            if name == "valid/objective_per_word":
                self.add(Value("valid/perplexity", power(math.e, -cell.value())), step, "compute_prob")

    def _unless_there(self, value: Value, step: Step, source: str) -> None:
        if (value.name, step) not in self.cells:
            self.add(value, step, source)

    def points(self, *, live: bool, num_jobs: int | None) -> list[Point]:
        """Return the curves; of a live run, say of each value whether it may still change."""
        newest = max((step for _, step in self.cells if step is not None), default=-1)
        found = []
        for (name, step), cell in sorted(self.cells.items(), key=_by_metric):
            moments = [self.times[source, step] for source in cell.sources if (source, step) in self.times]
            settled = not live or (step is not None and (step < newest or self._complete(cell, step, num_jobs)))
            epoch = self.epochs.get(step) if step is not None else None
            found.append(Point(name, step, cell.value(), epoch, max(moments, default=None), settled))
        return found

    def _complete(self, cell: _Cell, step: int, num_jobs: int | None) -> bool:
        """Whether no job that is still to come can change a value of the newest iteration."""
        if cell.how == "last":
            return True
        return ("train/jobs", step) not in self.cells and num_jobs is not None and cell.count >= num_jobs


def build_curves(files: Iterable[ReadFile], jobs: Iterable[Job], *, live: bool, num_jobs: int | None) -> Curves:
    """Return the curves that a run's training logs draw.

    Args:
        files: of the run, without its decode folders'.
        jobs: of the same logs.
        live: whether training goes on, so that the newest values may still change.
        num_jobs: how many jobs a stage of a GMM recipe has, where that is known.
    """
    files = list(files)
    builder = _Builder()
    for file in files:
        if file.entry.role.kind == "log":
            builder.add_log(file)
    builder.add_max_changes()
    builder.add_times(jobs, files)
    for file in files:
        builder.fill(file)
    builder.fill_report(files)
    builder.fill_perplexities()
    points = builder.points(live=live, num_jobs=num_jobs)
    tables = (*_change_table(builder.changes), *_max_change_table(builder.max_changes))
    return Curves(tuple(points), tables, _iterations(builder.training, points), _missing(builder.training))


def _of_finished(value: Value) -> Value:
    """The same value of the finished model: ``valid/accuracy/output`` → ``valid/final_accuracy/output``."""
    split, _, rest = value.name.partition("/")
    return value._replace(name=f"{split}/final_{rest}")


def _by_metric(item: tuple[tuple[str, Step], _Cell]) -> tuple[str, float]:
    (name, step), _ = item
    return name, math.inf if step is None else step


def _iterations(training: dict[str, set[int]], points: Iterable[Point]) -> tuple[int, ...]:
    for stem in TRAINING_STEMS:
        if training.get(stem):
            return tuple(sorted(training[stem] | (training.get("acc", set()) if stem == "update" else set())))
    return tuple(sorted({point.step for point in points if point.step is not None}))


def _missing(training: dict[str, set[int]]) -> tuple[int, ...]:
    for stem in TRAINING_STEMS:
        steps = training.get(stem)
        if steps:
            return tuple(sorted(set(range(min(steps), max(steps))) - steps))
    return ()


def _change_table(changes: dict[int, progress_logs.ParameterChange]) -> list[FoundTable]:
    if not changes:
        return []
    names = list(dict.fromkeys(name for change in changes.values() for name in change.components))
    by_step = {step: dict(zip(each.components, each.values, strict=True)) for step, each in sorted(changes.items())}
    rows = tuple((step, *(values.get(name) for name in names)) for step, values in by_step.items())
    return [FoundTable("train/relative_parameter_changes", ("iteration", *names), rows)]


def _max_change_table(max_changes: dict[int, dict[str, list[float]]]) -> list[FoundTable]:
    if not max_changes:
        return []
    names = list(dict.fromkeys(name for components in max_changes.values() for name in components))
    # Kaldi prints no line for a component that was never limited
    rows = tuple(
        (step, *(sum(values[name]) / len(values[name]) if name in values else 0.0 for name in names))
        for step, values in sorted(max_changes.items())
    )
    return [FoundTable("train/max_change_enforced", ("iteration", *names), rows)]
