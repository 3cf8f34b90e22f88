"""The lines that Kaldi's job runners put around a job, and the errors inside it.

`run.pl`::

    # gmm-est --mix-up=106 exp/mono/1.mdl "gmm-sum-accs - exp/mono/1.*.acc|" exp/mono/2.mdl
    # Started at Thu Dec  7 00:01:35 WIB 2023
    #
    …
    # Accounting: time=57 threads=1
    # Ended (code 0) at Thu Dec  7 00:02:32 WIB 2023, elapsed time 57 seconds

`queue.pl`, `slurm.pl` and `pbs.pl`::

    # Running on node017
    # Started at Thu Dec  7 00:01:35 CET 2023
    # SLURM_JOB_ID=4711
    # gmm-est …
    …
    # Accounting: begin_time=1701903695
    # Accounting: end_time=1701903752
    # Accounting: time=57 threads=1
    # Finished at Thu Dec  7 00:02:32 CET 2023 with status 0

Source: utils/parallel/{run,queue,slurm,pbs}.pl of Kaldi.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.ingest.numerals import WHOLE
from speech_tracker.ingest.scan import Grammar, Message

HEAD_BYTES = 65_536
"""How much of a log's beginning `parse_job_header` is given: the longest command lines have some tens of kilobytes."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """``# Ended (code 0) at Thu Dec  7 00:01:34 WIB 2023, elapsed time 19 seconds``.

    Attributes:
        status: exit code of the job.
        signal: the signal that killed it, as `run.pl` adds it.
        ended: the date as printed.
        elapsed_seconds: wall time, which only `run.pl` prints here.
    """

    status: int
    signal: int | None
    ended: str
    elapsed_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class QueueJobEnd:
    """``# Finished at Thu Dec  7 00:01:34 CET 2023 with status 0``."""

    ended: str
    status: int


@dataclass(frozen=True, slots=True)
class Accounting:
    """``# Accounting: time=57 threads=4``: wall seconds, and the threads that the job had been given."""

    seconds: int
    threads: int


@dataclass(frozen=True, slots=True)
class JobBegan:
    """``# Accounting: begin_time=1701903695``: seconds since 1970, UTC (`slurm.pl`)."""

    timestamp: int


@dataclass(frozen=True, slots=True)
class JobStopped:
    """``# Accounting: end_time=1701903752``: seconds since 1970, UTC (`slurm.pl`)."""

    timestamp: int


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """``ERROR (compute-mfcc-feats[5.5]:Read():wave-reader.cc:123) WaveData: expected RIFF``.

    Attributes:
        line_number: from 1.
        severity: ``ERROR``, ``ASSERTION_FAILED`` or ``KALDI_ASSERT``.
        program: the program's name, `""` where the header does not say.
        text: what it said.
    """

    line_number: int
    severity: str
    program: str
    text: str


_REASON = rb" ?\(([^\[:()\s]*)[^\n]*?:\d+\) ?([^\n]*)"

JOB = Grammar(
    (
        Message(
            JobEnd,
            b"# Ended (code ",
            rb"# Ended \(code "
            + WHOLE
            + rb"(?:; signal "
            + WHOLE
            + rb")?\) at ([^,\n]*), elapsed time "
            + WHOLE
            + rb" seconds",
        ),
        Message(
            QueueJobEnd, b"# Finished at ", rb"# Finished at ([^\n]*?) with status " + WHOLE + rb"\s*$", open_ended=True
        ),
        Message(
            Accounting,
            b"# Accounting: ",
            rb"# Accounting: time=" + WHOLE + rb" threads=" + WHOLE + rb"\s*$",
            open_ended=True,
        ),
        Message(JobBegan, b"# Accounting: ", rb"# Accounting: begin_time=" + WHOLE + rb"\s*$", open_ended=True),
        Message(JobStopped, b"# Accounting: ", rb"# Accounting: end_time=" + WHOLE + rb"\s*$", open_ended=True),
        Message(ErrorLine, b"ERROR (", rb"(ERROR)" + _REASON, open_ended=True),
        Message(ErrorLine, b"ASSERTION_FAILED (", rb"(ASSERTION_FAILED)" + _REASON, open_ended=True),
        Message(ErrorLine, b"KALDI_ASSERT: ", rb"(KALDI_ASSERT): ()([^\n]*)", open_ended=True),
    )
)
"""What every log may have, whatever the job."""


@dataclass(frozen=True, slots=True)
class JobHeader:
    """What stands above a job's own output.

    Attributes:
        command: the first line of the command, at most `LONGEST_COMMAND` characters.
        programs: the programs of its pipeline, in order, without their folders.
        options: ``--name=value`` of all of them; the last one of a name counts.
        folders: the folders that it names or whose files it names, in order, each once; the part of a data folder that
            a job works on (``data/train/split4/1``) stands for the whole (``data/train``).
        started: the date as printed, `""` where there is none.
        host: where it ran, `""` where the runner does not say.
        runner: ``"run.pl"``, ``"queue.pl"`` or ``"slurm.pl"``.
        job_id: Slurm's number of the job, where it is printed.
    """

    command: str
    programs: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    started: str
    host: str
    runner: str
    job_id: str = ""


LONGEST_COMMAND = 300
_MOST_COMMAND_BYTES = 32_768

_STARTED = re.compile(rb"^# Started at ([^\r\n]*)\r?\n", re.MULTILINE)
_HOST = re.compile(rb"\A# Running on ([^\r\n]*)\r?\n")
_SLURM = re.compile(rb"^# SLURM_JOB_?ID=(\S*)\r?\n", re.MULTILINE)
_SLURM_LINES = re.compile(rb"(?:# SLURM_[^\r\n]*\r?\n)*")

_OPTION = re.compile(r"(?<![\w-])--([A-Za-z][\w.-]*)=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'|]*))")
_PATH = re.compile(r"(?<![\w.~+@%*-])[\w.~+@%*-]*(?:/+[\w.~+@%*-]+)+")  # from the start of a word, else it is quadratic
_PROGRAM = re.compile(r"(?:^|[|;&(]\s*|[\"'](?:ark[\w,]*:)?|:)((?:[\w.+-]+/)*[a-z][\w+-]*(?:\.(?:sh|py|pl))?)(?=\s)")
_NO_PROGRAMS = frozenset(
    [
        "test",
        "cat",
        "gunzip",
        "gzip",
        "sort",
        "uniq",
        "awk",
        "perl",
        "sed",
        "tee",
        "echo",
        "rm",
        "set",
        "if",
        "for",
        "begin",
        "end",
        "all",
    ]
)
_DATA_FILES = frozenset(
    [
        "utt2spk",
        "spk2utt",
        "text",
        "segments",
        "utt2dur",
        "reco2dur",
        "spk2gender",
        "utt2num_frames",
        "feats",
        "vad",
        "cmvn",
    ]
)
_SPLIT = re.compile(r"/split\d+(?:utt)?/")
_MOST_FOLDERS = 24


def parse_job_header(head: bytes) -> JobHeader | None:
    """Return what the first lines of a log say about its job, or None when no runner wrote them.

    Args:
        head: the beginning of the log (`HEAD_BYTES` are enough).
    """
    if not head.startswith(b"# "):
        return None
    head = head[:HEAD_BYTES]
    started = _STARTED.search(head)
    if started is None:
        return None
    host = _HOST.match(head)
    if host is None:
        command, runner, job_id = head[2 : started.start()], "run.pl", ""
    else:
        slurm_lines = _SLURM_LINES.match(head, started.end())
        begin = slurm_lines.end() if slurm_lines is not None else started.end()
        job = _SLURM.search(head, started.end(), begin)
        runner = "slurm.pl" if begin > started.end() else "queue.pl"
        job_id = _decoded(job[1]) if job is not None else ""
        end = head.find(b"\n", begin)
        command = head[begin : end if end >= 0 else len(head)].removeprefix(b"# ")
    text = _decoded(command[:_MOST_COMMAND_BYTES])
    return JobHeader(
        command=text.split("\n", 1)[0][:LONGEST_COMMAND].rstrip(),
        programs=_programs(text),
        options=_options(text),
        folders=_folders(text),
        started=_decoded(started[1]).strip(),
        host=_decoded(host[1]).strip() if host is not None else "",
        runner=runner,
        job_id=job_id,
    )


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _programs(command: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for match in _PROGRAM.finditer(command):
        name = match[1]
        if match[0].startswith(":") and "/" in name:  # a file, as in `ark:data/train/utt2spk`
            continue
        name = name.rpartition("/")[2]
        if len(name) > 1 and name not in _NO_PROGRAMS:
            found[name] = None
    return tuple(found)


def _options(command: str) -> tuple[tuple[str, str], ...]:
    options: dict[str, str] = {}
    for match in _OPTION.finditer(command):
        value = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4]
        # values such as `ark:data/train/utt2spk` and whole pipelines are in `folders`
        if len(value) <= 80 and not value.startswith(("ark", "scp")):
            options[match[1]] = value
    return tuple(options.items())


def _folders(command: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for match in _PATH.finditer(command):
        folder = _SPLIT.split(match[0], 1)[0].rstrip("/")
        parent, _, last = folder.rpartition("/")
        if "." in last.lstrip(".") or last in _DATA_FILES:
            folder = parent
        if folder.strip("/.") and not folder.startswith("/dev"):
            found[folder] = None
    return tuple(found)[:_MOST_FOLDERS]
