"""``train_log.txt``: one line for each epoch and each test, as `FileTrainLogger` writes them.

::

    epoch: 1, lr: 1.00e-02, steps: 4, optimizer: Adam - train loss: 25.93 - valid loss: 19.12, valid WER: 58.33
    Epoch loaded: 2 - test loss: 20.01, test WER: 1.10e+02

Before the first `` - `` stands what the recipe calls the meta statistics, then each stage with its name before every
key. Keys and their order are the recipe's own. Source: SpeechBrain 1.1, ``speechbrain.utils.train_logger``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown

STAGES = ("train", "valid", "test")

_STAGE = re.compile(r"(?:^| - )(train|valid|test) (?=[^:]+: )")
_NEXT_META = re.compile(r", (?=[A-Za-z_][^,:\[\](){}=]*: )")
_TENSOR = re.compile(r"^tensor\(\[?([^,\])]+)\]?(?:,.*)?\)$")
_NUMBER = re.compile(r"^[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StatsLine:
    """One line.

    Attributes:
        line_number: from 1.
        text: the whole line; `log.txt` has the same text with a time.
        meta: what stands before the stages, as it stands.
        stats: as (stage, key, value), in SpeechBrain's own units: error rates in percent.
    """

    line_number: int
    text: str
    meta: tuple[tuple[str, str], ...]
    stats: tuple[tuple[str, str, float], ...]

    @property
    def epoch(self) -> int | None:
        """The epoch that was trained; None for a test."""
        return self._whole("epoch")

    @property
    def loaded(self) -> int | None:
        """The epoch of the training when it was tested; None for an epoch."""
        return self._whole("epoch loaded", "epoch_loaded")

    @property
    def steps(self) -> int | None:
        """Optimizer steps so far, where the recipe says them."""
        return self._whole("steps", "step", "optimizer_step")

    @property
    def is_test(self) -> bool:
        """Whether it is the result of a test."""
        return any(stage == "test" for stage, _, _ in self.stats)

    def of(self, stage: str) -> dict[str, float]:
        """Return the numbers of a stage."""
        return {key: value for its_stage, key, value in self.stats if its_stage == stage}

    def _whole(self, *names: str) -> int | None:
        for key, text in self.meta:
            if key.lower() in names:
                value = number_of(text)
                return int(value) if value is not None and value == value and abs(value) < 1e15 else None  # noqa: PLR0124
        return None


@dataclass(frozen=True, slots=True)
class UnfinishedLine:
    """A last line without its end: it may have been cut in the middle of a number, so nothing is taken from it."""

    line_number: int
    text: str


def parse_train_log(data: bytes) -> Iterator[StatsLine | UnfinishedLine | Problem]:
    """Yield what each line of the file says; a line that twice says the same at once (two ranks) counts once."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    unfinished = lines.pop()
    before = ""
    for number, raw in enumerate(lines, start=1):
        text = raw.decode("utf-8", "backslashreplace").strip()
        if not text or text == before:
            continue
        before = text
        line = parse_stats(text, number)
        yield line if line is not None else Problem(number, shown(text), "a line without statistics of a stage")
    if unfinished.strip():
        yield UnfinishedLine(len(lines) + 1, shown(unfinished.decode("utf-8", "backslashreplace")))


def parse_stats(text: str, line_number: int = 0) -> StatsLine | None:
    """Return what a line says, None when it holds no statistics.

    >>> parse_stats("epoch: 3, lr: 1.00e-03 - train loss: 1.58").of("train")
    {'loss': 1.58}
    """
    starts = list(_STAGE.finditer(text))
    meta = _meta(text[: starts[0].start()] if starts else text)
    stats: list[tuple[str, str, float]] = []
    for place, start in enumerate(starts):
        end = starts[place + 1].start() if place + 1 < len(starts) else len(text)
        stage = start[1]
        for item in text[start.start() : end].removeprefix(" - ").split(f", {stage} "):
            key, separator, value = item.removeprefix(f"{stage} ").partition(": ")
            number = number_of(value) if separator else None
            if number is not None:
                stats.append((stage, key.strip(), number))
    return StatsLine(line_number, text, tuple(meta), tuple(stats)) if stats else None


def _meta(text: str) -> Iterator[tuple[str, str]]:
    for item in _NEXT_META.split(text):
        key, separator, value = item.partition(": ")
        if separator:
            yield key.strip(), value.strip()


def number_of(text: str) -> float | None:
    """Return the number that a value is, None when it is a text.

    >>> number_of("1.00e+02"), number_of("tensor(0.25, device='cuda:0')"), number_of("Adam")
    (100.0, 0.25, None)
    """
    text = text.strip()
    tensor = _TENSOR.match(text)
    if tensor is not None:
        text = tensor[1].strip()
    return float(text) if _NUMBER.match(text) else None
