r"""`train.log`: what ESPnet2's trainer says of steps, epochs, checkpoints and the end, in the wording of 2020 to 2025.

A line of ESPnet 202511::

    [node3:0/2] 2025-11-05 14:01:13,117 (trainer:811) INFO: 2epoch:train:51-100batch: iter_time=0.002, \
forward_time=0.097loss_ctc=24.175, loss_att=15.5, optim0_lr0=2.5e-05, train_time=0.219

A comma may be missing before one value (its writer compares a place with a length), so values are found by their names.

Source: espnet2/train/trainer.py, espnet2/train/reporter.py (0.9.3 to 202511).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.scan import Grammar, Message, Record


@dataclass(frozen=True, slots=True)
class StepMeans:
    """Means over the mini-batches since the last such line.

    Attributes:
        line_number: from 1.
        moment: when, as written: ``2025-11-05 14:01:13,117``.
        rank: of the process; 0 where there is only one.
        epoch: from 1.
        stage: ``train``, ``valid``, or another name of ESPnet's.
        first: mini-batch of the epoch that the means begin with, from 1.
        last: and end with.
        names: of the values, ESPnet's own.
        values: likewise.
    """

    line_number: int
    moment: str
    rank: int
    epoch: int
    stage: str
    first: int
    last: int
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EpochResults:
    """Means over an epoch.

    Attributes:
        line_number: from 1.
        moment: as in `StepMeans`.
        rank: likewise.
        epoch: from 1.
        stages: such as ``("train", "valid", "att_plot")``.
        names: of the values of each stage; ``time`` is in seconds, ``total_count`` in mini-batches since the start.
        values: likewise.
    """

    line_number: int
    moment: str
    rank: int
    epoch: int
    stages: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    values: tuple[tuple[float, ...], ...]

    def of(self, stage: str) -> dict[str, float]:
        """Return the values of a stage by name, none where it was not run."""
        for name, names, values in zip(self.stages, self.names, self.values, strict=True):
            if name == stage:
                return dict(zip(names, values, strict=True))
        return {}


@dataclass(frozen=True, slots=True)
class EpochStarted:
    """``2/20epoch started.``"""

    line_number: int
    moment: str
    rank: int
    epoch: int
    max_epoch: int


@dataclass(frozen=True, slots=True)
class TrainerEvent:
    """Something else that the trainer tells.

    Attributes:
        line_number: from 1.
        moment: as in `StepMeans`.
        rank: likewise.
        kind: a key of `EVENTS`.
        text: what follows the words it is known by.
    """

    line_number: int
    moment: str
    rank: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelSize:
    """``Total Number of model parameters: 46.25 M``: three digits are known.

    Attributes:
        trainable: whether those that are trained are counted, or all.
        parameters: so many.
    """

    trainable: bool
    parameters: int


EVENTS: dict[str, str] = {
    "resumed": r"The training was resumed using (.*)",
    "finished": r"The training was finished at (\d+) epochs?",
    "early-stopped": r"\[Early stopping\] (.*)",
    "invalid-gradients": r"The gradients at all steps are invalid in this epoch\.(.*)",
    "skipped-update": r"The grad norm is (\S+)\. Skipping updating the model",
    "best-updated": r"The best model has been updated: (.*)",
    "averaged": r"Averaging (\d+best models: .*)",
    "loaded": r"Loading pretrained params from (.*)",
}
"""Kind of event → regular expression of its message, with one group for what is kept of it."""

_EVENTS = [(kind, re.compile(pattern)) for kind, pattern in EVENTS.items()]
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+|nan|inf)"
# a name begins with a letter, so that the number before it ends where a comma is missing; `e` of an exponent is no name
_TIMESPAN = re.compile(r"([\d.]+) (year|week|day|hour|minute|second|millisecond)s?")
# three units at most, as in ``1 hour, 33 minutes and 20.5 seconds`` and ``1 day, 7 hours and 12 minutes``
_SPAN = r"[\d.]+ (?:year|week|day|hour|minute|second|millisecond)s?\b"
_VALUE = re.compile(
    rf"([A-Za-z_][\w./]*?)=({_NUMBER}(?=\s*$|\s*,|[A-Za-z_][\w./]*=)|{_SPAN}(?:(?:, | and ){_SPAN})*|[^=,\s\[\]]+)"
)
_SECONDS = {"year": 31557600.0, "week": 604800.0, "day": 86400.0, "hour": 3600.0, "minute": 60.0, "second": 1.0}
_STAGE = re.compile(r"(?:^|, )\[(\w+)\] ")
_STEP = re.compile(r"(\d{1,9})epoch:(\w+):(\d{1,12})-(\d{1,12})batch: ?(.*)")
_EPOCH = re.compile(r"(\d{1,9})epoch results: (.*)")
_DAMAGED = re.compile(r"\d+epoch(?:$|[: ])")
_STARTED = re.compile(r"(\d{1,9})/(\d{1,9})epoch started")
_RANK = re.compile(r":(\d{1,9})/\d+$")

_HEADER = rb"(?:\[([^\]\n]*)\] )?(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+) \(trainer:\d+\) [A-Z]+: ([^\n]*?)\s*$"
_OTHER = _HEADER.replace(rb"trainer", rb"(?:average_nbest_models|abs_task|reporter)")
_SCALE = {b"": 1, b"K": 10**3, b"M": 10**6, b"G": 10**9, b"B": 10**9, b"T": 10**12}


def timespan(text: str) -> float:
    """Return the seconds of a span of time as ESPnet writes it.

    >>> timespan("1 hour, 2 minutes and 3.5 seconds")
    3723.5

    Raises:
        ValueError: there is none in the text.
    """
    parts = _TIMESPAN.findall(text)
    if not parts:
        raise ValueError(text)
    return sum(float(count) * _SECONDS.get(unit, 0.001) for count, unit in parts)


def parse_values(text: str) -> Iterator[tuple[str, float]]:
    """Yield names and values of a list such as ``loss=1.5, acc=0.3cer=nan, time=1 minute and 3.5 seconds``.

    Raises:
        ValueError: something with ``=`` in it is no number.
    """
    for name, value in _VALUE.findall(text):
        yield name, timespan(value) if name == "time" else float(value)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "backslashreplace")


def _message(match: re.Match[bytes], line_number: int) -> Record | Problem | None:
    """The record of a message of the trainer; raises ValueError for one that is of no use."""
    host, moment, text = (_text(each) for each in match.groups())
    ranked = _RANK.search(host)
    at = (line_number, moment, int(ranked[1]) if ranked else 0)
    step = _STEP.match(text)
    results = _EPOCH.match(text) if step is None else None
    try:
        if step is not None:
            found = dict(parse_values(step[5]))
            if not found:
                raise ValueError(text)
            epoch, stage, first, last = int(step[1]), step[2], int(step[3]), int(step[4])
            return StepMeans(*at, epoch, stage, first, last, tuple(found), tuple(found.values()))
        if results is not None:
            return _epoch(at, int(results[1]), results[2])
        damaged = _DAMAGED.match(text) is not None
    except ValueError:
        damaged = True
    if damaged:
        reason = "a line of the trainer whose values cannot be read; expected 'name=number, name=number, …'"
        return Problem(line_number, shown(_text(match[0])), reason)
    started = _STARTED.match(text)
    if started is not None:
        return EpochStarted(*at, int(started[1]), int(started[2]))
    for kind, pattern in _EVENTS:
        event = pattern.match(text)
        if event is not None:
            return TrainerEvent(*at, kind, event[1].strip())
    raise ValueError(text)


def _epoch(at: tuple[int, str, int], epoch: int, text: str) -> EpochResults:
    places = list(_STAGE.finditer(text))
    if not places:
        raise ValueError(text)
    ends = [*(each.start() for each in places[1:]), len(text)]
    parts = [dict(parse_values(text[place.end() : end])) for place, end in zip(places, ends, strict=True)]
    return EpochResults(
        *at, epoch, tuple(each[1] for each in places), tuple(map(tuple, parts)), tuple(tuple(p.values()) for p in parts)
    )


def _size(match: re.Match[bytes]) -> ModelSize:
    return ModelSize(match[1] is not None, round(float(match[2]) * _SCALE[match[3]]))


_SIZE = rb"    (?:Total Number of model|Number of (trainable)) parameters: ([\d.]{1,12}) ?([KMGBT]?)\b"

TRAIN_LOG = Grammar(
    (
        *(
            Message(StepMeans, marker, pattern, open_ended=True, common=True, build=_message)
            for marker in (b"[", b"20")
            for pattern in (_HEADER, _OTHER)
        ),
        Message(ModelSize, b"    Total Number of model parameters: ", _SIZE, open_ended=True, build=_size),
        Message(ModelSize, b"    Number of trainable parameters: ", _SIZE, open_ended=True, build=_size),
    )
)
"""Messages of a training's log."""


def seconds_since_1970(moment: str) -> float | None:
    """Return a moment as written in the log; ESPnet writes local time, which is taken to be this machine's."""
    try:
        # ten times as fast as strptime; older Pythons want six digits of a second
        return datetime.fromisoformat(f"{moment[:19]}.{moment[20:26]:0<6}").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
