"""``wer_*.txt``, ``cer_*.txt``, ``per_*.txt``: error rates as `ErrorRateStats.write_stats` leaves them.

A file may hold several reports one after the other, under headings of the recipe's own (the TIMIT recipes put losses
first). Here a pass takes the heads only; the alignments, which are long, are read again when an evaluation is recorded
(`speech_tracker.formats.speechbrain_wer`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem

_NAME = re.compile(r"^(wer|cer|per|ter)(?:[_.\-](.+?))?(?:\.(?:txt|log))$", re.IGNORECASE)
_REVERSED = re.compile(r"^(.+?)[_.\-](wer|cer|per|ter)\.txt$", re.IGNORECASE)
_ALIKE = frozenset({"stats", "results", "report", "details", "file"})

_SUMMARY = re.compile(
    rb"^%WER (\S+) \[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]( \[PARTIAL\])?[ \r]*$", re.MULTILINE
)
_SENTENCES = re.compile(rb"^%SER \S+ \[ (\d+) / (\d+) \]", re.MULTILINE)
_SCORED = re.compile(rb"^Scored (\d+) sentences, (\d+) not present in hyp\.", re.MULTILINE)
_UTTERANCE = re.compile(rb"^.*, %WER \S+ \[ \d+ / \d+, \d+ ins, \d+ del, \d+ sub \][ \r]*$", re.MULTILINE)
_TITLE = re.compile(rb"^(?:[\w ]* )?(wer|cer|per|ter)(?: [\w ]+)?:$", re.IGNORECASE)
"""A heading of the recipe's own, such as ``CER stats:``."""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """One report of a file.

    Attributes:
        line_number: of its ``%WER`` line, which it begins with whatever was counted.
        title: ``wer``, ``cer``, …: what a heading above it says; ``""`` without one.
        percent: as printed; NaN for an empty reference.
        errors, reference_length, insertions, deletions, substitutions: the counts.
        sentence_errors, sentences: of the utterances; None where the line is missing.
        absent: references without hypothesis, which were left out; None where the line is missing.
        partial: whether it says ``[PARTIAL]``.
        utterances: alignments that follow.
    """

    line_number: int
    title: str
    percent: float
    errors: int
    reference_length: int
    insertions: int
    deletions: int
    substitutions: int
    sentence_errors: int | None
    sentences: int | None
    absent: int | None
    partial: bool
    utterances: int


def score_name(name: str) -> tuple[str, str] | None:
    """Return (``wer``, test set) of the name of a file with error rates, None when it is no such name.

    >>> score_name("wer_test-clean.txt"), score_name("per.txt"), score_name("test-other_cer.txt"), score_name("wer.py")
    (('wer', 'test-clean'), ('per', ''), ('cer', 'test-other'), None)
    """
    found = _NAME.match(name)
    if found is not None:
        test_set = found[2] or ""
        return found[1].lower(), "" if test_set.lower() in _ALIKE else test_set
    found = _REVERSED.match(name)
    return (found[2].lower(), found[1]) if found is not None else None


def parse_score_file(data: bytes) -> Iterator[ErrorRates | Problem]:
    """Yield the reports of a file; a line that begins like one and cannot be read is a problem."""
    heads = list(_SUMMARY.finditer(data))
    for place, head in enumerate(heads):
        end = heads[place + 1].start() if place + 1 < len(heads) else len(data)
        sentences = _SENTENCES.search(data, head.end(), end)
        scored = _SCORED.search(data, head.end(), end)
        try:
            percent = float(head[1])
        except ValueError:
            yield Problem(_line(data, head.start()), head[0].decode("utf-8", "replace"), "the rate is no number")
            continue
        yield ErrorRates(
            line_number=_line(data, head.start()),
            title=_title(data, head.start()),
            percent=percent,
            errors=int(head[2]),
            reference_length=int(head[3]),
            insertions=int(head[4]),
            deletions=int(head[5]),
            substitutions=int(head[6]),
            sentence_errors=int(sentences[1]) if sentences else None,
            sentences=int(sentences[2]) if sentences else None,
            absent=int(scored[2]) if scored else None,
            partial=head[7] is not None,
            utterances=sum(1 for _ in _UTTERANCE.finditer(data, head.end(), end)),
        )
    for damaged in re.finditer(rb"^%WER.*$", data, re.MULTILINE):
        if not any(head.start() == damaged.start() for head in heads):
            line = damaged[0].decode("utf-8", "replace").strip()
            yield Problem(_line(data, damaged.start()), line[:160], "expected %WER RATE [ ERRORS / WORDS, … ]")


def _title(data: bytes, position: int) -> str:
    """What a heading right above a report says that it counts."""
    above = data[max(0, position - 200) : position].rstrip().rpartition(b"\n")[2]
    found = _TITLE.match(above.strip())
    return found[1].decode("ascii").lower() if found else ""


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def report_text(data: bytes, line_number: int) -> bytes:
    """Return the part of a file that belongs to the report whose ``%WER`` line this is."""
    heads = [head.start() for head in _SUMMARY.finditer(data)]
    for place, start in enumerate(heads):
        if _line(data, start) == line_number:
            return data[start : heads[place + 1] if place + 1 < len(heads) else len(data)]
    return b""
