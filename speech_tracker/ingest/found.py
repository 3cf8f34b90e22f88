"""What was found on disk, before anything is recorded: runs, curves, evaluations, jobs, and what could not be read.

The description depends on no toolkit and on no run, so that a dry run, the JSON document and the recording are three
uses of the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from speech_tracker.arguments import Relation
    from speech_tracker.evaluation import Evaluation
    from speech_tracker.schema import Speech

Status = Literal["running", "finished", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """Something that could not be used.

    Attributes:
        path: of the file or folder, as the user would open it.
        line: from 1; None when the file as a whole is meant.
        reason: what is wrong and what was expected.
        text: the line, shortened.
    """

    path: str
    line: int | None
    reason: str
    text: str = ""

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.reason}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a curve.

    Attributes:
        name: of the metric, such as ``valid/accuracy/output``. Rates are fractions.
        step: the toolkit's iteration; None for a value of the finished model.
        value: may be NaN or infinite.
        epoch: passes over the data, where the toolkit says.
        time: when it was measured, in seconds since 1970, where that is known.
        settled: whether everything that goes into it has been read; a live experiment's last ones are not.
    """

    name: str
    step: int | None
    value: float
    epoch: float | None = None
    time: float | None = None
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """Error counts of a test set. Utterances may not be known, which `speech_tracker.evaluation.ErrorCounts` demands."""

    substitutions: int
    deletions: int
    insertions: int
    reference_length: int
    sentences: int | None = None
    sentence_errors: int | None = None

    @property
    def errors(self) -> int:
        """Substitutions + deletions + insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def error_rate(self) -> float | None:
        """Errors per reference token, as a fraction; None without a reference."""
        return self.errors / self.reference_length if self.reference_length else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result with one setting of the decoder.

    Attributes:
        source: file that says so, relative to the experiment.
        lm_weight: raw, as the toolkit means it.
        word_insertion_penalty: likewise; None where there was none.
        error_rate: fraction; None where nothing was scored.
        reference_length: tokens; None when not known.
        tally: the counts; None where the file has only percentages.
        absent: references without hypothesis, which the scorer left out; None when not known.
        settings: further settings of the decoder, such as ``{"method": "beam_search", "beam": 4}``; plain values.
    """

    source: str
    lm_weight: float | None
    word_insertion_penalty: float | None
    error_rate: float | None
    reference_length: int | None
    tally: Tally | None
    absent: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def partial(self) -> bool:
        """Whether references were left out."""
        return bool(self.absent)


@dataclass(frozen=True, slots=True)
class Selection:
    """How the setting of an evaluation was chosen.

    Attributes:
        how: ``this-set`` (the best of a sweep over the very utterances that are reported: optimistic), ``carried-over``
            (the best point of another set), ``only-point`` (no sweep; whether it was tuned elsewhere is not known).
        source: the set it was carried over from, as a path; `""` otherwise.
        sentence: the same for people.
    """

    how: Literal["this-set", "carried-over", "only-point"]
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FoundEvaluation:
    """A test set decoded with one model.

    Attributes:
        key: stable within the run.
        path: of the decode folder, as the user would open it.
        test_set: its name.
        metric: of the error rates: ``wer``, ``cer``, or another one that `speech_tracker.metrics` knows.
        points: the sweep, in the order of its settings.
        best: of the sweep, recomputed from its files; None where none could be read.
        reported: the point that the recipe reports, where it is another one than `best`.
        selection: how the reported point was chosen.
        rtf: processing time / audio time, over all jobs.
        decoding: settings of the search (beam, lattice beam, acoustic scale, graph).
        facts: further figures: log-likelihood per frame, failed utterances, lattice depth, bootstrap interval.
        load: reads the utterances of the reported point; what it cannot use, it adds to the list.
        settled: whether scoring is done.
        fingerprint: changes when any of its files does; behind a ``-`` stands what changes with other evaluations.
        values: what was measured and is no error count, such as ``{"bleu": 21.3}``, in the unit of each metric.
        checkpoint: that was decoded; None for the run's final model, `""` where its file is not there.
        step: of training that a `checkpoint` is of; None where it is not known.
    """

    key: str
    path: str
    test_set: str
    metric: str
    points: tuple[Outcome, ...]
    best: Outcome | None
    reported: Outcome | None
    selection: Selection
    rtf: float | None
    decoding: dict[str, Any]
    facts: dict[str, Any]
    load: Callable[[list[LocatedProblem]], Evaluation | None] | None = field(compare=False, default=None)
    settled: bool = True
    fingerprint: str = ""
    values: dict[str, float] = field(default_factory=dict)
    checkpoint: str | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class JobTally:
    """Jobs of a run.

    Attributes:
        total: started.
        failed: ended with another status than 0, or never ended.
        running: not ended, and their log still changes.
        seconds: wall seconds of all jobs together.
        thread_seconds: the same times the threads that each had.
    """

    total: int = 0
    failed: int = 0
    running: int = 0
    seconds: int = 0
    thread_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Happening:
    """An event: a stage, a failed job.

    Attributes:
        key: stable within the run; a second one with the same key and data is the same event.
        name: ``stage``, ``job-failed``, ….
        data: what is to be known.
        time: when, in seconds since 1970.
    """

    key: str
    name: str
    data: dict[str, Any]
    time: float | None = None


@dataclass(frozen=True, slots=True)
class FoundDataset:
    """A version of a data set, by reference."""

    name: str
    split: str
    path: str
    version: str | None
    utterances: int | None
    hours: float | None
    speakers: int | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table that belongs to a run; it is recorded again only when its rows have changed."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class FoundLink:
    """That a run was made with another one.

    Attributes:
        path: of the other run, as in `FoundRun.path`.
        relation: as `Run.link` takes it.
    """

    path: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class FoundCheckpoint:
    """A checkpoint that is there.

    Attributes:
        path: of its file or folder, as the user would open it.
        step, epoch: the training's position that it holds; None where that is not known.
        metrics: what was measured with it; rates are fractions.
        best_by: by what it is the best, such as ``min valid/wer``; ``""`` for the others.
    """

    path: str
    step: int | None
    epoch: int | None
    metrics: dict[str, float]
    best_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRun:
    """One model folder.

    Attributes:
        path: as the user would open it; unique in the experiment.
        folder: absolute, with links resolved: what the run's identity is made of.
        name: for people.
        kind: the toolkit's kind of model.
        task: standard name of the task.
        status: as the files tell.
        complete: whether there is proof that nothing is to come, such as a final model.
        iterations: how many iterations of training were seen.
        points: the curves.
        evaluations: decode folders.
        jobs: what ran.
        happenings: stages and failures.
        datasets: what it was trained and tested on.
        links: what it was made from.
        config: facts and options.
        speech: the description in the common vocabulary.
        tables: what is too wide for curves.
        model_files: the final model.
        began: seconds since 1970.
        problems: of this run.
        checkpoints: those of which more is known than that they are there.
        last_step: of the training, where steps are counted otherwise than `iterations`.
        group: the experiment that it belongs to with others, such as the same training with other seeds; ``""`` for that
            of the ingestion.
        same_steps: whether its steps are those that the live adapter of the toolkit counts too.
    """

    path: str
    folder: str
    name: str
    kind: str
    task: str
    status: Status
    complete: bool
    iterations: int = 0
    points: tuple[Point, ...] = ()
    evaluations: tuple[FoundEvaluation, ...] = ()
    jobs: JobTally = JobTally()
    happenings: tuple[Happening, ...] = ()
    datasets: tuple[FoundDataset, ...] = ()
    links: tuple[FoundLink, ...] = ()
    config: dict[str, Any]
    speech: Speech
    tables: tuple[FoundTable, ...] = ()
    model_files: tuple[str, ...] = ()
    began: float | None = None
    problems: tuple[LocatedProblem, ...] = ()
    checkpoints: tuple[FoundCheckpoint, ...] = ()
    last_step: int | None = None
    group: str = ""
    same_steps: bool = False

    @property
    def final_step(self) -> int | None:
        """The step that the training has come to, None when it has none."""
        return self.last_step if self.last_step is not None else self.iterations or None

    def metrics(self) -> dict[str, dict[str, float | int]]:
        """Return ``{"last", "min", "max", "count"}`` of each curve; NaN counts, but is neither least nor greatest."""
        curves: dict[str, list[Point]] = {}
        for point in self.points:
            curves.setdefault(point.name, []).append(point)
        result: dict[str, dict[str, float | int]] = {}
        for name, points in sorted(curves.items()):
            values = [point.value for point in points]
            numbers = [value for value in values if not math.isnan(value)]
            result[name] = {
                "last": values[-1],
                "min": min(numbers, default=math.nan),
                "max": max(numbers, default=math.nan),
                "count": len(values),
            }
        return result


@dataclass(frozen=True, slots=True)
class Found:
    """Everything in a folder.

    Attributes:
        toolkit: which.
        root: the folder, as the user gave it.
        runs: in an order in which a run comes after those that it was made from.
        problems: all of them, those of the runs included.
        files_read: files that something was taken from.
        files_skipped: the others.
        looked_for: for the message when nothing was found.
        partial: whether patterns left a part out, so that what is not here may have been recorded before.
    """

    toolkit: str
    root: str
    runs: tuple[FoundRun, ...]
    problems: tuple[LocatedProblem, ...]
    files_read: int
    files_skipped: int
    looked_for: str
    partial: bool = False
