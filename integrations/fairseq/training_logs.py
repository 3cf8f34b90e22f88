"""What ``fairseq-train`` and ``fairseq-hydra-train`` log.

Wordings of Fairseq 0.6 to 0.12.2 and of its main branch: ``--log-format json`` and ``simple``, with each of the headers of
`log_lines`. Source: ``fairseq_cli/train.py``, ``fairseq/trainer.py``, ``fairseq/checkpoint_utils.py`` and
``fairseq/logging/progress_bar.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.numerals import NUMBER
from speech_tracker.ingest.scan import Grammar, Record, scan
from speech_tracker.integrations.fairseq.config_text import parse_config
from speech_tracker.integrations.fairseq.log_lines import header_of, said

Kind = Literal["updates", "epoch", "validation"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """``| train_inner | {"epoch": 1, "update": 0.5, "loss": "3.741", …}`` and its relatives.

    Attributes:
        line_number: from 1.
        clock: see `log_lines.header_of`.
        kind: the mean of the ``updates`` since the last report, of an ``epoch``, or a ``validation``.
        subset: name of the validation subset; ``""`` in training.
        epoch: from 1.
        step: updates of the optimizer so far; None where it is not said.
        values: as printed, without the name of the subset: rates of errors and accuracies in **percent**.
    """

    line_number: int
    clock: float | None
    kind: Kind
    subset: str
    epoch: int | None
    step: int | None
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """The line that begins a program: ``{'_name': None, 'common': {…}, …}`` or ``Namespace(…)``.

    Attributes:
        line_number: from 1.
        clock: see `log_lines.header_of`.
        program: name of the logger, such as ``fairseq_cli.train``; ``""`` where the line has no header.
        settings: what `config_text.parse_config` makes of it, as JSON.
    """

    line_number: int
    clock: float | None
    program: str
    settings: str


@dataclass(frozen=True, slots=True)
class Component:
    """``task: SpeechToTextTask``: the class of the ``task``, the ``model`` or the ``criterion``."""

    line_number: int
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """``num. shared model params: 11,784 (num. trained: 11,784)``; without ``shared`` before 0.11."""

    line_number: int
    parameters: int
    trained: int


@dataclass(frozen=True, slots=True)
class Devices:
    """``training on 4 devices (GPUs/TPUs)``; ``training on 4 GPUs`` before 0.10."""

    line_number: int
    devices: int


@dataclass(frozen=True, slots=True)
class NothingLoaded:
    """``No existing checkpoint found ck/checkpoint_last.pt``: a training begins with its first update."""

    line_number: int
    path: str


@dataclass(frozen=True, slots=True)
class CheckpointLoaded:
    """``Loaded checkpoint ck/checkpoint_last.pt (epoch 3 @ 4 updates)``."""

    line_number: int
    path: str
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """``Saved checkpoint ck/checkpoint1.pt (epoch 1 @ 2 updates, score 2.762) (writing took 0.1 seconds)``.

    Attributes:
        line_number: from 1.
        clock: see `log_lines.header_of`.
        path: as printed.
        epoch: from 1.
        step: updates.
        score: of the metric by which the best is chosen, as printed; None where nothing was validated.
        seconds: that writing took.
    """

    line_number: int
    clock: float | None
    path: str
    epoch: int
    step: int
    score: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class StoppedBecause:
    """``Stopping training due to num_updates: 100 >= max_update: 100``, ``early stop since valid performance …``."""

    line_number: int
    reason: str


@dataclass(frozen=True, slots=True)
class TrainingDone:
    """``done training in 7.4 seconds``."""

    line_number: int
    clock: float | None
    seconds: float


_VALUE = re.compile(rf"{NUMBER.decode()}(?:%| \(\S+\))?$", re.IGNORECASE)
_WORDS = frozenset({"none", "true", "false"})


def _values(pairs: Iterable[tuple[str, Any]]) -> tuple[tuple[str, float], ...]:
    """The numbers among what was printed.

    Raises:
        ValueError: something that begins like a number is none, so the line is damaged; or there is no number at all.
    """
    found = []
    for key, raw in pairs:
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            found.append((key, float(raw)))
        elif isinstance(raw, str):
            text = raw.strip()
            number = _VALUE.match(text)
            if number is not None:
                found.append((key, float(number[1])))
            elif text.lower() not in _WORDS and text[:1] in "+-.0123456789":
                raise ValueError(f"{key} is no number")
    if not found:
        raise ValueError("no numbers")
    return tuple(found)


def _statistics(
    match: re.Match[bytes],
    line_number: int,
    kind: Kind,
    subset: str,
    epoch: int | None,
    pairs: Iterable[tuple[str, Any]],
) -> Statistics:
    values = dict(_values(pairs))
    step = values.pop("num_updates", None)
    if step is None:
        raise ValueError("no num_updates")
    values.pop("update", None)
    return Statistics(line_number, header_of(match)[0], kind, subset, epoch, int(step), tuple(values.items()))


def _of_json(match: re.Match[bytes], line_number: int) -> Statistics:
    try:
        content = json.loads(match[1])
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(content, dict):
        raise ValueError("no object")  # noqa: TRY004 - a damaged line
    epoch = content.pop("epoch", None)
    epoch = int(epoch) if isinstance(epoch, (int, float, str)) else None
    if "update" in content:
        return _statistics(match, line_number, "updates", "", epoch, content.items())
    named = next((key for key in content if key.endswith("_num_updates")), "")
    subset = named.removesuffix("_num_updates") or header_of(match)[1]
    pairs = [(key.removeprefix(f"{subset}_"), value) for key, value in content.items()]
    kind: Kind = "epoch" if subset == "train" else "validation"
    return _statistics(match, line_number, kind, "" if kind == "epoch" else subset, epoch, pairs)


def _of_updates(match: re.Match[bytes], line_number: int) -> Statistics:
    """A line of the simple format between updates: ``epoch 001:      1 / 2 loss=4.203, …``."""
    pairs = [part.split("=", 1) for part in _text(match[2]).split(", ") if "=" in part]
    return _statistics(match, line_number, "updates", "", int(match[1]), [(key, value) for key, value in pairs])


def _of_epoch(match: re.Match[bytes], line_number: int) -> Statistics:
    """A line of the simple format after an epoch: ``epoch 001 | loss 3.73 | …``."""
    return _statistics(match, line_number, "epoch", "", int(match[1]), _barred(match[2], "train"))


def _of_validation(match: re.Match[bytes], line_number: int) -> Statistics:
    """A line of the simple format after a validation: ``epoch 001 | valid on 'dev' subset | loss 2.762 | …``."""
    return _statistics(match, line_number, "validation", _text(match[2]), int(match[1]), _barred(match[3], "valid"))


def _barred(raw: bytes, stage: str) -> list[tuple[str, str]]:
    split = [part.strip().rpartition(" ") for part in _text(raw).split(" | ")]
    # until 0.8 it was `valid_loss 8.1`, once `valid loss 8.1`; `train_wall` is a name of its own
    old = re.compile(rf"^{stage}[_ ](?!wall)")
    return [(old.sub("", key), value) for key, _, value in split]


def _configuration(match: re.Match[bytes], line_number: int) -> Configuration:
    clock, program = header_of(match)
    settings = parse_config(match[1].decode("utf-8", "backslashreplace"))
    return Configuration(line_number, clock, program, json.dumps(settings))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").strip()


def _count(raw: bytes) -> int:
    return int(raw.replace(b",", b""))


def _saved(match: re.Match[bytes], line_number: int) -> CheckpointSaved:
    path, epoch, step, score, seconds = match.groups()
    known = None if score in (None, b"None") else float(score)
    return CheckpointSaved(line_number, header_of(match)[0], _text(path), int(epoch), int(step), known, float(seconds))


_EPOCH = rb"epoch +(\d+)"

TRAINING = Grammar(
    (
        *said(Statistics, b'{"epoch": ', rb'(\{"epoch": [^\n]{0,65536}\})\s*$', build=_of_json),
        *said(
            Statistics,
            b"epoch ",
            _EPOCH + rb":? +\d+ / \d+ ([^\n=]{1,200}=[^\n]{0,8192})$",
            open_ended=True,
            build=_of_updates,
        ),
        *said(
            Statistics,
            b"epoch ",
            _EPOCH + rb" \| valid on '([^'\n]{0,1000})' subset \| ([^\n]{1,8192})$",
            open_ended=True,
            build=_of_validation,
        ),
        *said(Statistics, b"epoch ", _EPOCH + rb" \| (?!valid on)([^\n]{1,8192})$", open_ended=True, build=_of_epoch),
        *said(Configuration, b"{'_name': None, 'common'", rb"(\{[^\n]{0,1000000}\})\s*$", build=_configuration),
        *said(Configuration, b"Namespace(", rb"(Namespace\([^\n]{0,1000000}\))\s*$", build=_configuration),
        *(
            message
            for kind in (b"task", b"model", b"criterion")
            for message in said(Component, kind + b": ", rb"(" + kind + rb"): (\w+)\s*$", open_ended=True, common=True)
        ),
        *(
            message
            for marker in (b"num. shared model params: ", b"num. model params: ")
            for message in said(
                ParameterCount,
                marker,
                re.escape(marker) + rb"([\d,]+) \(num\. trained: ([\d,]+)\)",
                build=lambda match, line: ParameterCount(line, _count(match[1]), _count(match[2])),
            )
        ),
        *said(Devices, b"training on ", rb"training on (\d+) (?:devices|GPUs)", common=True),
        *(
            message
            for first in (b"N", b"n")
            for message in said(
                NothingLoaded,
                first + b"o existing checkpoint found ",
                rb".o existing checkpoint found (\S[^\n]*)",
                open_ended=True,
            )
        ),
        *(
            message
            for first in (b"L", b"l")
            for message in said(
                CheckpointLoaded,
                first + b"oaded checkpoint ",
                rb".oaded checkpoint ([^\n]{1,1000}?) \(epoch (\d+) @ (\d+) updates\)",
            )
        ),
        *(
            message
            for first in (b"S", b"s")
            for message in said(
                CheckpointSaved,
                first + b"aved checkpoint ",
                rb".aved checkpoint ([^\n]{1,1000}?) \(epoch (\d+) @ (\d+) updates(?:, score ([^)\s]+))?\) "
                rb"\(writing took ([\d.]+) ?s(?:econds)?\)",
                build=_saved,
            )
        ),
        *said(StoppedBecause, b"Stopping training due to ", rb"Stopping training due to ([^\n]+)", open_ended=True),
        *said(StoppedBecause, b"early stop since ", rb"(early stop since [^\n]+)", open_ended=True),
        *said(StoppedBecause, b"stopping training because ", rb"stopping training because ([^\n]+)", open_ended=True),
        *said(
            TrainingDone,
            b"done training in ",
            rb"done training in ([\d.]+) seconds",
            build=lambda match, line: TrainingDone(line, header_of(match)[0], float(match[1])),
        ),
    )
)


def parse_training_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield what a training log says, in file order, the end of a program that failed among it.

    Args:
        pieces: the log, whole or in pieces.

    Yields:
        The dataclasses of this module and of `speech_tracker.ingest.endings`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, TRAINING + ENDINGS)
