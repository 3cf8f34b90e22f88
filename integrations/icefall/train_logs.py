"""Lines of ``log-train-<date>[-<rank>]``.

Source: egs/*/*/train.py of icefall, icefall/utils.py (`MetricsTracker`), icefall/checkpoint.py, the recipes' optim.py and
scaling.py. Real lines::

    2026-07-04 13:44:27,788 INFO [train.py:1175] Epoch 1, batch 50, loss[loss=1.206, simple_loss=1.072, pruned_loss=1.204,
        over 9542.00 frames. ], tot_loss[loss=3.265, …, over 436053.08 frames. ], batch size: 59, lr: 2.48e-02, grad_scale: 1.0
    2026-07-04 13:43:51,115 INFO [train.py:1207] Epoch 1, validation: loss=8.888, simple_loss=8.06, over 897381.00 frames.
    2026-07-04 13:44:42,984 INFO [checkpoint.py:78] Saving checkpoint to zipformer/exp/epoch-1.pt
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from speech_tracker.ingest.numerals import NUMBER, WHOLE, number
from speech_tracker.ingest.scan import Grammar, Message
from speech_tracker.integrations.icefall.headers import header_of
from speech_tracker.integrations.icefall.params import PARAMS

Pairs = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """``Epoch 1, batch 50, loss[…], tot_loss[…], batch size: 59, lr: 2.48e-02, grad_scale: 1.0``.

    Attributes:
        line_number: from 1.
        time: see `headers.Header`.
        rank: of the process; each prints its own batches.
        epoch: from 1, in the oldest recipes from 0.
        batch: within the epoch, from 0.
        losses: of this batch, per frame.
        totals: decaying means over about `reset_interval` batches, per frame.
        figures: the others: ``batch size``, ``lr``, ``grad_scale``.
        frames: in this batch.
    """

    line_number: int
    time: float | None
    rank: int
    epoch: int
    batch: int
    losses: tuple[tuple[str, float], ...]
    totals: tuple[tuple[str, float], ...]
    figures: tuple[tuple[str, float], ...]
    frames: float | None


@dataclass(frozen=True, slots=True)
class Validation:
    """``Epoch 1, validation: loss=8.888, …, over 897381.00 frames.``, over all processes and the whole set.

    Attributes:
        line_number: from 1.
        time: see `headers.Header`.
        rank: of the process.
        epoch: as in `TrainBatch`.
        losses: per frame.
        frames: in the set.
    """

    line_number: int
    time: float | None
    rank: int
    epoch: int
    losses: tuple[tuple[str, float], ...]
    frames: float | None


@dataclass(frozen=True, slots=True)
class OtherEpochLine:
    """A further sentence about an epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """``Saving checkpoint to zipformer/exp/epoch-1.pt``."""

    line_number: int
    time: float | None
    rank: int
    path: str


@dataclass(frozen=True, slots=True)
class CheckpointLoaded:
    """``Loading checkpoint from zipformer/exp/epoch-4.pt``."""

    line_number: int
    time: float | None
    rank: int
    path: str


@dataclass(frozen=True, slots=True)
class GradientNorms:
    """``Clipping_scale=2.0, grad-norm quartiles 2.4e+03 … 3.5e+03, threshold=9.962e+03, percent-clipped=0.0``.

    Attributes:
        rank: of the process.
        median: of the norms of the last batches (about 100).
        threshold: above which they are clipped.
        clipped: share of them, a fraction.
    """

    rank: int
    median: float
    threshold: float
    clipped: float


@dataclass(frozen=True, slots=True)
class BatchCount:
    """``ScheduledFloat: name=…, batch_count=13.33, ans=7.505``: batches so far, in the recipe's reference size."""

    line_number: int
    count: float


@dataclass(frozen=True, slots=True)
class MaximumMemory:
    """``Maximum memory allocated so far is 6058MB``, of 1,000,000 bytes each."""

    rank: int
    megabytes: int


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """``Number of model parameters: 25978115``."""

    count: int


@dataclass(frozen=True, slots=True)
class Started:
    """``Training started``, ``Decoding started``."""

    line_number: int
    time: float | None
    rank: int
    what: str


@dataclass(frozen=True, slots=True)
class Done:
    """``Done!``: the last line of a program that came to its end."""

    line_number: int
    time: float | None
    rank: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A message of the recipe before it gives up, or goes on with difficulty.

    Attributes:
        line_number: from 1.
        time: see `headers.Header`.
        rank: of the process.
        message: the line.
    """

    line_number: int
    time: float | None
    rank: int
    message: str


@dataclass(frozen=True, slots=True)
class CutsNamed:
    """``About to get train-clean-100 cuts``, ``About to get test cuts from data/fbank/aishell_cuts_test.jsonl.gz``.

    Attributes:
        name: of the part.
        path: of the manifest, `""` where it does not say.
    """

    name: str
    path: str


_PAIR = re.compile(rb"([A-Za-z_][\w.-]*)=" + NUMBER)
_GROUP = re.compile(rb"(tot_)?loss\[([^\]\n]*)\]")
_FIGURE = re.compile(rb"([A-Za-z][\w ]*?): " + NUMBER)
_FRAMES = re.compile(rb"over " + NUMBER + rb" (?:frames|utterances|samples|tokens)")
_AVERAGE = re.compile(rb"(batch|total) avg ((?:\w+ )?)loss:? " + NUMBER)


def _pairs(text: bytes) -> Pairs:
    return tuple([(_name(name), number(value)) for name, value in _PAIR.findall(text)])


@lru_cache(maxsize=1024)
def _name(text: bytes) -> str:
    return text.decode("ascii", "replace").strip()


def _frames(text: bytes) -> float | None:
    match = _FRAMES.search(text)
    return number(match[1]) if match is not None else None


def _train_batch(match: re.Match[bytes], line_number: int) -> TrainBatch:
    header = header_of(match)
    rest = match[3]
    groups = {bool(found[1]): found[2] for found in _GROUP.finditer(rest)}
    losses, totals = _pairs(groups.get(False, b"")), _pairs(groups.get(True, b""))
    if not groups:  # the style of 2021
        found = [
            (each[1], f"{each[2].decode().strip()}_loss".lstrip("_"), number(each[3]))
            for each in _AVERAGE.finditer(rest)
        ]
        losses = tuple((name, value) for which, name, value in found if which == b"batch")
        totals = tuple((name, value) for which, name, value in found if which == b"total")
    if not losses:
        raise ValueError("no loss")
    outside = _GROUP.sub(b"", rest) if groups else _AVERAGE.sub(b"", rest)
    figures = tuple([(_name(name), number(value)) for name, value in _FIGURE.findall(outside)])
    return TrainBatch(
        line_number, header.time, header.rank, int(match[1]), int(match[2]), losses, totals, figures,
        _frames(groups.get(False, b"")),
    )  # fmt: skip


def _validation(match: re.Match[bytes], line_number: int) -> Validation:
    header = header_of(match)
    losses = _pairs(match[2])
    if not losses:
        raise ValueError("no loss")
    return Validation(line_number, header.time, header.rank, int(match[1]), losses, _frames(match[2]))


def _path(match: re.Match[bytes]) -> str:
    return match[1].decode("utf-8", "backslashreplace").strip()


def _saved(match: re.Match[bytes], line_number: int) -> CheckpointSaved:
    header = header_of(match)
    return CheckpointSaved(line_number, header.time, header.rank, _path(match))


def _loaded(match: re.Match[bytes], line_number: int) -> CheckpointLoaded:
    header = header_of(match)
    return CheckpointLoaded(line_number, header.time, header.rank, _path(match))


def _norms(match: re.Match[bytes]) -> GradientNorms:
    return GradientNorms(header_of(match).rank, number(match[1]), number(match[2]), number(match[3]) / 100)


def _memory(match: re.Match[bytes]) -> MaximumMemory:
    return MaximumMemory(header_of(match).rank, int(match[1]))


def _started(match: re.Match[bytes], line_number: int) -> Started:
    header = header_of(match)
    return Started(line_number, header.time, header.rank, _path(match).lower())


def _done(match: re.Match[bytes], line_number: int) -> Done:
    header = header_of(match)
    return Done(line_number, header.time, header.rank)


def _trouble(match: re.Match[bytes], line_number: int) -> Trouble:
    header = header_of(match)
    return Trouble(line_number, header.time, header.rank, _path(match)[:500])


def _after_header(lead: bytes) -> tuple[Message, ...]:
    """The messages behind ``[train.py:1175] ``, or behind ``(0/8) `` where there are several processes."""
    rest_of_line = rb"([^\r\n]+)"
    return (
        Message(TrainBatch, b"Epoch ", rb"Epoch (\d+), batch (\d+),([^\r\n]*)", lead, open_ended=True, build=_train_batch),
        Message(Validation, b"Epoch ", rb"Epoch (\d+), validation:? ([^\r\n]*)", lead, open_ended=True, build=_validation),
        Message(OtherEpochLine, b"Epoch ", rb"Epoch " + WHOLE + rb"[,:]? (?!batch|validation|valid\w*=)[A-Za-z]", lead,
                open_ended=True),
        Message(CheckpointSaved, b"Saving checkpoint to ", rb"Saving checkpoint to " + rest_of_line, lead,
                open_ended=True, build=_saved),
        Message(CheckpointLoaded, b"Loading checkpoint from ", rb"Loading checkpoint from " + rest_of_line, lead,
                open_ended=True, build=_loaded),
        Message(GradientNorms, b"Clipping_scale=",
                rb"Clipping_scale=\S+, grad-norm quartiles \S+ \S+ " + NUMBER + rb" \S+ \S+, threshold=" + NUMBER
                + rb", percent-clipped=" + NUMBER, lead, open_ended=True, build=_norms),
        Message(MaximumMemory, b"Maximum memory allocated so far is ", rb"Maximum memory allocated so far is (\d+)MB", lead,
                build=_memory),
        Message(ParameterCount, b"Number of model parameters: ", rb"Number of model parameters: " + WHOLE, lead,
                open_ended=True),
        Message(Started, b"Training started", rb"(Training started)", lead, build=_started),
        Message(Started, b"Decoding started", rb"(Decoding started)", lead, build=_started),
        Message(Done, b"Done!", rb"Done!", lead, build=_done),
        *(
            Message(Trouble, marker, b"(" + re.escape(marker) + rb"[^\r\n]*)", lead, open_ended=True, build=_trouble)
            for marker in (
                b"Grad scale is small: ",
                b"Caught exception: ",
                b"Your GPU ran out of memory",
                b"CUDA out of memory",
                b"Saving batch to ",
                b"An error was encountered",
            )
        ),
        Message(CutsNamed, b"About to get ", rb"About to get ([\w./+-]+(?: [\w./+-]+)?) cuts()(?=\r?$|[,.]|\n)", lead,
                open_ended=True, common=True),
        Message(CutsNamed, b"About to get ", rb"About to get ([\w./+-]+(?: [\w./+-]+)?) cuts from ([^\r\n]+)", lead,
                open_ended=True, common=True),
    )  # fmt: skip


TRAIN = Grammar(
    (
        *PARAMS,
        *_after_header(b"] "),
        *_after_header(b") "),
        Message(BatchCount, b"batch_count=", rb"batch_count=" + NUMBER + rb"(?=[,\s])", lead=b", ", common=True,
                build=lambda match, line_number: BatchCount(line_number, number(match[1]))),
    )
)  # fmt: skip
