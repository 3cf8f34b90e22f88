"""``errs-<set>-….txt`` and ``wer-summary-<set>-….txt``.

Source: icefall/utils.py, `write_error_stats`; egs/*/*/decode.py, `save_results`. The utterances in ``errs`` are lossy
(adjacent errors are joined), so only the counts are taken; ``recogs`` has the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import NUMBER, number


@dataclass(frozen=True, slots=True)
class ErrorCountsLine:
    """``Errors: 23 insertions, 57 deletions, 212 substitutions, over 2606 reference words (2337 correct)``."""

    line_number: int
    insertions: int
    deletions: int
    substitutions: int
    reference_length: int
    hits: int


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """``greedy_search	2.45``.

    Attributes:
        line_number: from 1.
        setting: of the decoder.
        error_rate: a fraction.
    """

    line_number: int
    setting: str
    error_rate: float


@dataclass(frozen=True, slots=True)
class SummaryHead:
    """``settings	WER``: what is summarised."""

    metric: str


_ERRORS = re.compile(
    rb"^Errors: (\d+) insertions, (\d+) deletions, (\d+) substitutions, over (\d+) reference words \((\d+) correct\)",
    re.MULTILINE,
)
_BEGINS = re.compile(rb"^Errors: ", re.MULTILINE)
_ROW = re.compile(rb"^(\S+)\s+" + NUMBER + rb"\s*(?:best for .*)?$")


def parse_errs(data: bytes) -> Iterator[ErrorCountsLine | Problem]:
    """Yield the counts of a file; a `Problem` where they contradict themselves or cannot be read."""
    head = data[: 1 << 16]
    match = _ERRORS.search(head)
    if match is None:
        begins = _BEGINS.search(head)
        if begins is not None and b"\n" in head[begins.start() :]:
            line = head[begins.start() :].partition(b"\n")[0].decode("utf-8", "backslashreplace")
            yield Problem(head.count(b"\n", 0, begins.start()) + 1, shown(line), "expected counts of errors")
        return
    line_number = head.count(b"\n", 0, match.start()) + 1
    insertions, deletions, substitutions, length, hits = (int(each) for each in match.groups())
    if hits + deletions + substitutions != length:
        line = match[0].decode("ascii", "replace")
        yield Problem(
            line_number, shown(line), "correct words, deletions and substitutions are not the reference words"
        )
        return
    yield ErrorCountsLine(line_number, insertions, deletions, substitutions, length, hits)


def parse_summary(data: bytes) -> Iterator[SummaryHead | SummaryLine | Problem]:
    """Yield the rows of a summary, the best first as it stands there; `Problem` for a damaged row."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for line_number, raw in enumerate(lines[:-1], start=1):
        line = raw.rstrip(b"\r")
        if not line.strip():
            continue
        words = line.split()
        if line_number == 1 and words[0] == b"settings":
            yield SummaryHead(b" ".join(words[1:]).decode("ascii", "replace"))
            continue
        match = _ROW.match(line)
        if match is not None:
            yield SummaryLine(line_number, match[1].decode("utf-8", "backslashreplace"), number(match[2]) / 100)
        else:
            yield Problem(line_number, shown(line.decode("utf-8", "backslashreplace")), "expected a setting and a rate")
