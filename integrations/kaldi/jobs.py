"""What the jobs of a run did: how many, how long, which failed, and in which stages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path

from speech_tracker.formats.problems import shown
from speech_tracker.ingest.clock import still_running
from speech_tracker.ingest.found import Happening, JobTally, LocatedProblem
from speech_tracker.integrations.kaldi.dates import parse_date
from speech_tracker.integrations.kaldi.job_headers import (
    Accounting,
    ErrorLine,
    JobBegan,
    JobEnd,
    JobHeader,
    JobStopped,
    QueueJobEnd,
)
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.walk import Tree

_FURTHEST_ZONE = 15 * 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One job, from its log.

    Attributes:
        file: its log.
        header: what stood above it.
        status: exit status; None where it has not ended.
        signal: that killed it.
        running: not ended, and its log still changes.
        seconds: wall time; 0 where it has not ended.
        threads: that it had been given.
        began: seconds since 1970; None when the log does not say for certain.
        ended: likewise.
        error: the first error in the log.
        errors: how many there are.
    """

    file: ReadFile
    header: JobHeader
    status: int | None
    signal: int | None
    running: bool
    seconds: int
    threads: int
    began: float | None
    ended: float | None
    error: ErrorLine | None
    errors: int

    @property
    def failed(self) -> bool:
        """Ended with another status than 0, or never ended."""
        return not self.running and self.status != 0


def jobs_of(files: Iterable[ReadFile], now: float) -> list[Job]:
    """Return the jobs of which these are the logs; logs without a runner's header are none.

    Args:
        files: read files.
        now: seconds since 1970, to tell a running job from a killed one.
    """
    return [job for file in files if (job := _job(file, now)) is not None]


def _job(file: ReadFile, now: float) -> Job | None:
    header: JobHeader | None = None
    status = signal = None
    seconds, threads, elapsed = 0, 1, None
    began = ended = None
    ended_text = ""
    errors = [record for record in file.records if isinstance(record, ErrorLine)]
    for record in file.records:
        if isinstance(record, JobHeader):
            header = record
        elif isinstance(record, JobEnd):
            status, signal, ended_text, elapsed = record.status, record.signal, record.ended, record.elapsed_seconds
        elif isinstance(record, QueueJobEnd):
            status, ended_text = record.status, record.ended
        elif isinstance(record, Accounting):
            seconds, threads = record.seconds, record.threads
        elif isinstance(record, JobBegan):
            began = float(record.timestamp)
        elif isinstance(record, JobStopped):
            ended = float(record.timestamp)
    if header is None:
        return None
    modified = file.entry.stat.st_mtime
    finished = status is not None
    if not seconds and elapsed is not None:
        seconds = elapsed
    if ended is None and finished:
        ended = moment(ended_text, modified)
    if began is None:
        began = moment(header.started, modified - seconds if finished else modified)
    return Job(
        file=file,
        header=header,
        status=status if status or signal is None else 128 + signal,
        signal=signal,
        running=not finished and still_running(modified, now),
        seconds=seconds,
        threads=threads,
        began=began,
        ended=ended,
        error=errors[0] if errors else None,
        errors=len(errors),
    )


def moment(text: str, near: float) -> float | None:
    """Return the time that a date in a log means, in seconds since 1970.

    Where the name of its time zone has several meanings, the zone is the one that puts the time near the file's own;
    None when there is none such, as in files that were copied later.

    Args:
        text: as `date` printed it.
        near: when the file was changed, in seconds since 1970.
    """
    parsed = parse_date(text)
    if parsed is None:
        return None
    certain = parsed.utc_timestamp()
    if certain is not None:
        return certain
    as_utc = parsed.local.replace(tzinfo=timezone.utc).timestamp()
    offset = round((as_utc - near) / 900) * 900.0
    return as_utc - offset if abs(offset) <= _FURTHEST_ZONE else None


def tally(jobs: Iterable[Job]) -> JobTally:
    """Return the totals."""
    jobs = list(jobs)
    return JobTally(
        total=len(jobs),
        failed=sum(job.failed for job in jobs),
        running=sum(job.running for job in jobs),
        seconds=sum(job.seconds for job in jobs),
        thread_seconds=sum(job.seconds * job.threads for job in jobs),
    )


def stages(jobs: Iterable[Job], run_path: str) -> list[Happening]:
    """Return an event for each stage: a script's jobs of one name, in the order in which the stages began."""
    grouped: dict[str, list[Job]] = {}
    for job in jobs:
        grouped.setdefault(_stage(job, run_path), []).append(job)
    happenings = []
    for name, members in grouped.items():
        began = min((job.began for job in members if job.began is not None), default=None)
        ended = max((job.ended for job in members if job.ended is not None), default=None)
        hosts = sorted({job.header.host for job in members if job.header.host})
        totals = tally(members)
        data: dict[str, object] = {
            "stage": name,
            "jobs": totals.total,
            "failed": totals.failed,
            "seconds": totals.seconds,
            "programs": list(dict.fromkeys(program for job in members[:4] for program in job.header.programs[:2])),
            "runner": members[0].header.runner,
        }
        if ended is not None:
            data["ended"] = ended
        if hosts:
            data["hosts"] = hosts
        happenings.append(Happening(f"stage:{name}", "stage", data, began))
    return sorted(happenings, key=lambda each: (each.time is None, each.time or 0.0, each.key))


def _stage(job: Job, run_path: str) -> str:
    folder = job.file.entry.folder.removeprefix(run_path).strip("/")
    parts = [part for part in folder.split("/") if part and part != "log"]
    if parts and parts[-1].startswith("penalty_"):
        parts.pop()  # one stage per sweep, not one per penalty
    return "/".join((*parts, job.file.entry.role.stem or job.file.entry.name))


def failures(jobs: Iterable[Job], run_path: str, tree: Tree) -> tuple[list[Happening], list[LocatedProblem]]:
    """Return an event and a problem for each job that failed, and a problem for each error in a job that did not."""
    happenings: list[Happening] = []
    problems: list[LocatedProblem] = []
    for job in jobs:
        path = tree.shown(job.file.entry.path)
        line = job.error.line_number if job.error is not None else None
        said = job.error.text if job.error is not None else ""
        more = f" ({job.errors} errors in all)" if job.errors > 1 else ""
        if job.failed:
            reason = _why(job)
            said = said or _last_words(tree.root / job.file.entry.path)
            problems.append(LocatedProblem(path, line, reason + more, said))
            data: dict[str, object] = {
                "log": path,
                "status": job.status,
                "reason": reason,
                "command": job.header.command,
            }
            if job.signal is not None:
                data["signal"] = job.signal
            if said:
                data["error"] = said
            if job.header.host:
                data["host"] = job.header.host
            key = f"job-failed:{job.file.entry.path.removeprefix(run_path).strip('/')}"
            happenings.append(Happening(key, "job-failed", data, job.ended or job.began))
        elif job.error is not None and not job.running:
            problems.append(LocatedProblem(path, line, f"an error in a job that ended with status 0{more}", said))
    return happenings, problems


def _last_words(path: Path) -> str:
    """The last line that a failed job wrote itself: often a shell's, which has no form of its own."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            tail = file.read()
    except OSError:
        return ""
    lines = tail.decode("utf-8", "backslashreplace").splitlines()
    own = [line.strip() for line in lines[bool(len(tail) == 4096) :] if line.strip() and not line.startswith("#")]
    return shown(own[-1]) if own else ""


def _why(job: Job) -> str:
    if job.status is None:
        return "the job never ended: it was killed, or its machine went down"
    if job.signal is not None:
        return f"the job was killed by signal {job.signal}"
    return f"the job failed with status {job.status}"


def stray_errors(files: Iterable[ReadFile], tree: Tree) -> list[LocatedProblem]:
    """Return a problem for each log without a runner's header that has an error in it."""
    problems = []
    for file in files:
        errors = [record for record in file.records if isinstance(record, ErrorLine)]
        if errors and not any(isinstance(record, JobHeader) for record in file.records):
            more = f" ({len(errors)} in all)" if len(errors) > 1 else ""
            path = tree.shown(file.entry.path)
            problems.append(LocatedProblem(path, errors[0].line_number, f"an error{more}", errors[0].text))
    return problems
