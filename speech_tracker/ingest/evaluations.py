"""An evaluation that was found, with its sweep, as records of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import SpeechTrackerError
from speech_tracker.ingest.found import FoundEvaluation, FoundRun, LocatedProblem, Outcome
from speech_tracker.ingest.known import with_real_paths

if TYPE_CHECKING:
    from speech_tracker.run import Run

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
        checkpoint, step = (run.model_files[0] if run.model_files else None), run.final_step
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
