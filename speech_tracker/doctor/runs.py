"""The runs of a store, each read from its first record to its last: damage, losses, processes that vanished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.doctor.finding import Finding
from speech_tracker.errors import SpeechTrackerError
from speech_tracker.view import RunView

if TYPE_CHECKING:
    from speech_tracker.catalog.summary import Summary

_KEPT = "nothing to mend: what is damaged is skipped, everything else of the run is read; copy the file from a backup if there is one"
_GONE = "nothing is lost and the run can be continued by starting its recipe again; tell W&B with: speech-tracker sync {run}"


def examine_runs(
    store: Path, summaries: list[Summary], *, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, Any], list[Finding]]:
    """Return how many runs there are of each status, and what is wrong with any.

    Args:
        store: the store.
        summaries: its runs, as the catalog knows them.
        progress: told how many there are and how many are read.
    """
    found: list[Finding] = []
    statuses: Counter[str] = Counter()
    for number, summary in enumerate(summaries):
        if progress is not None:
            progress(len(summaries), number)
        statuses[summary.status] += 1
        found += examine_run(store / "runs" / summary.id)
    return {"total": len(summaries), "by_status": dict(sorted(statuses.items()))}, found


def examine_run(folder: Path) -> list[Finding]:
    """Return what is wrong with the run in `folder`."""
    run = folder.name
    try:
        view = RunView.read(folder)
    except (SpeechTrackerError, OSError) as error:
        return [Finding("problem", "run", f"cannot be read: {error}", "see the message", run=run, path=str(folder))]
    found = _orphaned(view)
    told = {
        (str(record.data.get("path")), record.data.get("line"), record.data["reason"])
        for record in view.records("problem")
    }
    for problem in view.problems:
        if (str(problem["path"]), problem["line"], problem["reason"]) in told:
            continue  # of the input, not of the journal: counted below
        found.append(
            Finding(
                "problem", "run", str(problem["reason"]), _KEPT, run=run, path=problem["path"], line=problem["line"]
            )
        )
    if told:
        remedy = f"see them with: speech-tracker show {run}"
        found.append(
            Finding("note", "run", f"parts of its input that were wrong and were skipped: {len(told)}", remedy, run=run)
        )
    for record in view.records("status"):
        for place, count in (record.data.get("swallowed") or {}).items():
            what = f"{place} failed {count} times and was skipped, the training went on"
            found.append(Finding("problem", "run", what, "the first failure is in the log of the training", run=run))
    return found


def _orphaned(view: RunView) -> list[Finding]:
    """A run whose process vanished without a word (SIGKILL, out of memory, a node that went down)."""
    segment = view.main_segment
    if segment is None:
        return [
            Finding("problem", "run", "its folder holds no records: the disk may have been full when it began",
                    "delete the folder if the run is not wanted", run=view.folder.name, path=str(view.folder))
        ]  # fmt: skip
    said = any(
        record.segment == segment.name and record.data["status"] != "running" for record in view.records("status")
    )
    if said or view.status == "running":
        return []
    header = segment.header
    what = f"{view.status} without having said so: process {header.get('process')} on {header.get('host')} is gone"
    return [Finding("problem", "run", what, _GONE.format(run=view.id), run=view.id, path=str(segment.path))]
