"""The JSON document of an ingested folder: a contract for scripts, so fields are added and never changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from speech_tracker.ingest.found import Found, FoundEvaluation, FoundRun, Outcome


def document(found: Found, run_id: Callable[[FoundRun], str]) -> dict[str, Any]:
    """Return what ``--json`` prints. Rates are fractions.

    NaN and infinities, which JSON has not, are the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
    """
    return {
        "runs": [_run(run, run_id(run)) for run in found.runs],
        "problems": [{"path": each.path, "line": each.line, "reason": each.reason} for each in found.problems],
        "files": {"read": found.files_read, "skipped": found.files_skipped},
    }


def _run(run: FoundRun, run_id: str) -> dict[str, Any]:
    return {
        "id": run_id,
        "name": run.name,
        "path": run.path,
        "kind": run.kind,
        "iterations": run.iterations,
        "metrics": {
            name: {key: _number(value) for key, value in summary.items()} for name, summary in run.metrics().items()
        },
        "evaluations": [_evaluation(each) for each in run.evaluations],
        "jobs": {"total": run.jobs.total, "failed": run.jobs.failed},
        "compute_seconds": run.jobs.seconds,
    }


def _evaluation(evaluation: FoundEvaluation) -> dict[str, Any]:
    return {
        "path": evaluation.path,
        "test_set": evaluation.test_set,
        "best": None if evaluation.best is None else _best(evaluation.best, evaluation.metric),
        "points": len(evaluation.points),
        "rtf": None if evaluation.rtf is None else _number(evaluation.rtf),
        **({"values": {name: _number(each) for name, each in evaluation.values.items()}} if evaluation.values else {}),
    }


def _best(best: Outcome, metric: str) -> dict[str, Any]:
    tally = best.tally
    values = {
        "wer": best.error_rate if metric == "wer" else None,
        "lm_weight": best.lm_weight,
        "word_insertion_penalty": best.word_insertion_penalty,
        "substitutions": None if tally is None else tally.substitutions,
        "deletions": None if tally is None else tally.deletions,
        "insertions": None if tally is None else tally.insertions,
        "reference_length": best.reference_length,
        **({"settings": best.settings} if best.settings else {}),
    }
    # characters are not words, whatever label the scorer printed
    return values if metric == "wer" else {**values, metric: best.error_rate}


def _number(value: float) -> float | int | str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
