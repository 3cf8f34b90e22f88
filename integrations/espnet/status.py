"""How a training ended, by its newest log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.endings import Ending, ending_after
from speech_tracker.ingest.found import JobTally, LocatedProblem
from speech_tracker.ingest.found import Status as StatusName
from speech_tracker.integrations.espnet.curves import Curves
from speech_tracker.integrations.espnet.decode_settings import Search
from speech_tracker.integrations.espnet.folders import ModelFolder
from speech_tracker.integrations.espnet.read import ReadFile, Tree
from speech_tracker.integrations.espnet.train_log import seconds_since_1970
from speech_tracker.integrations.kaldi.job_headers import Accounting, JobEnd, QueueJobEnd


@dataclass(frozen=True, slots=True)
class Status:
    """How a training ended.

    Attributes:
        name: as a run has it.
        problem: what is to be said of it: path of the log relative to the root, line, and reason.
    """

    name: StatusName
    problem: tuple[str, int | None, str] | None = None

    def problem_at(self, tree: Tree) -> LocatedProblem:
        """Return the problem with its place."""
        assert self.problem is not None
        path, line, reason = self.problem
        return LocatedProblem(tree.shown(path), line, reason)


def status_of(model: ModelFolder, curves: Curves, now: float) -> Status:
    """Return how a training ended; one without a log is taken to be over.

    Args:
        model: its folder.
        curves: what its logs say.
        now: seconds since 1970, to tell a running training from a killed one.
    """
    logs = model.logs()
    if not logs:
        return Status("finished")
    newest = logs[-1]
    path, records = newest.entry.path, newest.records
    ending: Ending | None = ending_after(records, curves.last_line)
    # a job is appended to the log of the one before it where a recipe's own script does so: the last end counts
    ended = next((each for each in reversed(records) if isinstance(each, (JobEnd, QueueJobEnd))), None)
    if ending is not None:
        return Status(ending.status, (path, ending.line_number, f"the training {ending.status}: {ending.reason}"))
    if curves.finished:
        return Status("finished")
    if ended is not None and ended.status != 0:
        signal = ended.signal if isinstance(ended, JobEnd) else None
        killed = signal is not None or ended.status >= 128
        reason = f"the job ended with status {ended.status}" + (f", killed by signal {signal}" if signal else "")
        return Status("killed" if killed else "failed", (path, None, reason))
    if ended is not None:
        return Status("finished")
    # averages are made when a training is over, with whatever words its version says so
    if any(entry.name.endswith("best.pth") and ".ave" in entry.name for entry in model.models) and not curves.epochs:
        return Status("finished")
    if still_running(newest.entry.stat.st_mtime, now, _first_and_last(newest)[1]):
        return Status("running")
    last = f" in epoch {curves.epochs[-1] + 1}" if curves.epochs else ""
    return Status("killed", (path, None, f"the log stops{last} without an end of the training"))


def job_tally(model: ModelFolder, searches: Mapping[str, Search], status: Status) -> JobTally:
    """Return the jobs of a run: its trainings, one for each log, and those that decoded with it."""
    logs = model.logs()
    files = [*logs, *(f for decode in model.decodes.values() for f in decode.files if f.entry.role.kind == "inference")]
    seconds = threads = 0
    for file in files:
        accounts = [each for each in file.records if isinstance(each, Accounting)]
        if accounts:
            seconds += sum(each.seconds for each in accounts)
            threads += sum(each.seconds * each.threads for each in accounts)
        else:
            span = _span(file)
            seconds += span
            threads += span
    failed = sum(len(search.failures) for search in searches.values()) + (status.name in ("failed", "killed"))
    running = sum(search.running for search in searches.values()) + (status.name == "running")
    return JobTally(len(files), failed, running, seconds, threads)


def _span(log: ReadFile) -> int:
    """Seconds from the first to the last line with a time: what is known of a job whose launcher did not say its end."""
    first, last = _first_and_last(log)
    return max(0, round(last - first)) if first is not None and last is not None else 0


def _first_and_last(log: ReadFile) -> tuple[float | None, float | None]:
    """When the first and the last line with a time was written."""
    moments = [each.moment for each in log.records if hasattr(each, "moment")]
    return (seconds_since_1970(moments[0]), seconds_since_1970(moments[-1])) if moments else (None, None)
