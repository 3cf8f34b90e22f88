"""What an ingestion says to people: the runs, their best results, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from speech_tracker.ingest.found import Found, FoundEvaluation, FoundRun, LocatedProblem
from speech_tracker.ingest.ingester import TITLES
from speech_tracker.metrics import show_value

MOST_PROBLEMS = 25
"""Problems that are printed; the rest is counted, and recorded with the runs."""


def report(found: Found, added: int | None) -> str:
    """Return the report as lines of plain text.

    Args:
        found: the description.
        added: records that were added; None for a dry run.
    """
    return "\n".join((*_runs(found.runs), "", _summary(found, added)))


def _runs(runs: Iterable[FoundRun]) -> Iterator[str]:
    rows = [_cells(run) for run in runs]
    widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
    for run, row in zip(runs, rows, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for evaluation in run.evaluations:
            yield f"    {_evaluation(evaluation)}"


def _cells(run: FoundRun) -> tuple[str, ...]:
    failed = f", {run.jobs.failed} failed" if run.jobs.failed else ""
    return (
        run.name,
        run.kind,
        run.status,
        f"{run.iterations} iterations" if run.iterations else "",
        f"{run.jobs.total} jobs{failed}, {_duration(run.jobs.seconds)}" if run.jobs.total else "",
    )


def _evaluation(evaluation: FoundEvaluation) -> str:
    point = evaluation.reported
    where = PurePath(evaluation.path).name
    if evaluation.values:
        shown = ", ".join(f"{name} {show_value(name, value)}" for name, value in evaluation.values.items())
        return f"{evaluation.test_set}: {shown}  {where}"
    if point is None:
        return f"{evaluation.test_set}: decoded, not scored"
    label = f"%{evaluation.metric.upper()}"
    rate = "-" if point.error_rate is None else f"{100 * point.error_rate:.2f}"
    counts = ""
    if point.tally is not None:
        tally = point.tally
        counts = (
            f" [ {tally.errors} / {tally.reference_length}, {tally.insertions} ins, {tally.deletions} del, "
            f"{tally.substitutions} sub ]"
        )
    partial = " [PARTIAL]" if point.partial else ""
    speed = "" if evaluation.rtf is None else f", RTF {evaluation.rtf:.3g}"
    return f"{evaluation.test_set}: {label} {rate}{counts}{partial}  {where}: {evaluation.selection.sentence}{speed}"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s" if rest >= 60 else f"{rest} s"


def _summary(found: Found, added: int | None) -> str:
    count = len(found.runs)
    done = "nothing was recorded (dry run)" if added is None else f"{added} new records" if added else "nothing new"
    files = f"{found.files_read} files read, {found.files_skipped} skipped"
    return f"{count} run{'s' if count != 1 else ''}, {files}; {done}"


def problem_lines(problems: Iterable[LocatedProblem]) -> list[str]:
    """Return the lines that list problems, shortened where they are many."""
    shown = [str(each) for each in problems]
    if not shown:
        return []
    head = f"{len(shown)} problem{'s' if len(shown) > 1 else ''}:"
    rest = [f"  … and {len(shown) - MOST_PROBLEMS} more"] if len(shown) > MOST_PROBLEMS else []
    return [head, *(f"  {line}" for line in shown[:MOST_PROBLEMS]), *rest]


def nothing_found(found: Found) -> str:
    """Return the message for a folder with nothing usable."""
    return (
        f"nothing of {TITLES[found.toolkit]} was found in {found.root}: looked for {found.looked_for}; "
        f"{found.files_skipped} other files were passed over. Give the folder of an experiment, or one above it"
    )
