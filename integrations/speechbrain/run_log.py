"""``log.txt``: what SpeechBrain said while it ran, each line with its time; and the same without times, from a terminal.

A recipe that is started again appends to the same file. Only lines of SpeechBrain's own modules are taken; the packages
and batch shapes that it lists among them are passed over. Source: SpeechBrain 1.1, ``speechbrain.core``,
``speechbrain.utils.epoch_loop``, ``speechbrain.utils.checkpoints`` and ``speechbrain.log-config.yaml``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.scan import Grammar, Message

LINE = (
    rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d),(\d{3}) - "
    rb"speechbrain\.(core|utils\.(?:epoch_loop|train_logger|checkpoints)) - [A-Z]+ - (.*)"
)
"""A whole line; thousands of others of a log, such as the shapes of batches, come from other modules."""


@dataclass(frozen=True, slots=True)
class Started:
    """The recipe was started: ``Beginning experiment!``."""

    line_number: int
    local: float


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of SpeechBrain's.

    Attributes:
        line_number: from 1.
        local: when, as seconds since 1970 as if the machine's local time were UTC.
        what: ``folder``, ``epoch``, ``stats``, ``saved``, ``saved-intra-epoch``, ``deleted``, ``loaded``, ``error``.
        text: of the experiment's folder, the epoch, the statistics, the checkpoint's folder, the message.
    """

    line_number: int
    local: float
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of the model, as rounded as they were printed: ``13.3M``."""

    total: str
    trainable: str | None


@dataclass(frozen=True, slots=True)
class TrainableParameters:
    """Trainable parameters of the model, which the newer versions say on a line of their own."""

    text: str


@dataclass(frozen=True, slots=True)
class TerminalLine:
    """A line of SpeechBrain's in a terminal's or a job's output, which has no time.

    Attributes:
        line_number: from 1.
        folder: the experiment's, where the line names it; ``""`` otherwise.
    """

    line_number: int
    folder: str


_KINDS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (logger, what, re.compile(pattern))
    for logger, what, pattern in (
        ("core", "folder", r"Experiment folder: (.+)"),
        ("core", "error", r"(Exception):$"),
        ("utils.epoch_loop", "epoch", r"Going into epoch (\d+)"),
        ("utils.train_logger", "stats", r"(.+)"),
        ("utils.checkpoints", "saved", r"Saved an end-of-epoch checkpoint in (.+)"),
        ("utils.checkpoints", "saved-intra-epoch", r"Saved an intra-epoch checkpoint in (.+)"),
        ("utils.checkpoints", "deleted", r"Deleted checkpoint in (.+)"),
        ("utils.checkpoints", "loaded", r"Loading a checkpoint from (.+)"),
    )
)
_OLD_SIZE = re.compile(r"(\S+) trainable parameters in ")


def _noted(match: re.Match[bytes], line_number: int) -> Any:
    logger, text = match[8].decode("ascii"), match[9].decode("utf-8", "backslashreplace").strip()
    local = local_time(match)
    if logger == "core":
        if text == "Beginning experiment!":
            return Started(line_number, local)
        old = _OLD_SIZE.match(text)
        if old is not None:
            return Parameters(old[1], old[1])
    for its_logger, what, pattern in _KINDS:
        if its_logger == logger and (found := pattern.match(text)):
            return Noted(line_number, local, what, found[1])
    raise ValueError(text)  # a line of no interest


def local_time(match: re.Match[bytes]) -> float:
    """Return the local time of a line, as seconds since 1970 as if it were UTC.

    Raises:
        ValueError: there is no such time.
    """
    year, month, day, hour, minute, second, millisecond = (int(match[group]) for group in range(1, 8))
    return datetime(year, month, day, hour, minute, second, millisecond * 1000, tzinfo=timezone.utc).timestamp()


RUN_LOG = Grammar(
    (
        Message(Noted, b"20", LINE, open_ended=True, common=True, build=_noted),
        Message(TrainableParameters, b"* Total Number of Trainable Parameters: ",
                rb"\* Total Number of Trainable Parameters: (\S+)", open_ended=True, common=True),
        Message(Parameters, b"* Total Number of Parameters: ", rb"\* Total Number of Parameters: (\S+)",
                open_ended=True, common=True, build=lambda match: Parameters(match[1].decode("ascii", "replace"), None)),
    )
) + ENDINGS  # fmt: skip
"""Messages of ``log.txt``."""

TERMINAL = Grammar(
    (
        Message(TerminalLine, b"speechbrain.core - Experiment folder: ",
                rb"speechbrain\.core - Experiment folder: (.+)", open_ended=True, common=True),
        Message(TerminalLine, b"speechbrain.", rb"speechbrain\.[\w.]+ - ()", common=True),
    )
) + ENDINGS  # fmt: skip
"""Messages of a job's output (``slurm-*.out``)."""
