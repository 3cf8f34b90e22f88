"""SpeechBrain's ``wer_*.txt`` and ``cer_*.txt``: Kaldi's summary lines, then one alignment per utterance.

::

    t1-test-a-1, %WER 66.67 [ 2 / 3, 1 ins, 1 del, 0 sub ]
    <eps> ; b ; a ;   a
      I   ; = ; = ;   D
      c   ; b ; a ; <eps>

Source: SpeechBrain 1.1, ``speechbrain.dataio.wer.print_alignments``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from speech_tracker.formats.parsed import BLANKS, Findings
from speech_tracker.formats.problems import Problem
from speech_tracker.formats.utterance import UtterancePair, checked_text

GAP = "<eps>"
RULE = "=" * 80
_COUNTS = r"%WER (\S+) \[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]"
_SUMMARY = re.compile(_COUNTS + r"( \[PARTIAL\])?\s*")
_UTTERANCE = re.compile(rf"(.*), {_COUNTS}\s*", re.DOTALL)  # an id may hold commas: the last one counts
_SCORED = re.compile(r"Scored (\d+) sentences, (\d+) not present in hyp\.")


@dataclass(frozen=True, slots=True)
class SpeechBrainSummary:
    """The head of the file: counts as SpeechBrain found them, WER in percent (``nan`` for an empty reference)."""

    wer_percent: str
    errors: int
    reference_length: int
    insertions: int
    deletions: int
    substitutions: int
    is_partial: bool
    scored: int | None = None
    absent: int | None = None


@dataclass(frozen=True, slots=True)
class SpeechBrainWer:
    """A whole file."""

    pairs: tuple[UtterancePair, ...]
    summary: SpeechBrainSummary | None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def parse_speechbrain_wer(text: str) -> SpeechBrainWer:
    """Parse the file; an utterance whose alignment does not have the counts of its head line is a problem."""
    findings = Findings()
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    summary: SpeechBrainSummary | None = None
    scored: tuple[int, int] | None = None
    pairs: list[UtterancePair] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if (head := _SUMMARY.fullmatch(line)) is not None and summary is None:
            numbers = (int(head[2]), int(head[3]), int(head[4]), int(head[5]), int(head[6]))
            summary = SpeechBrainSummary(head[1], *numbers, bool(head[7]))
        elif (sentences := _SCORED.match(line)) is not None:
            scored = (int(sentences[1]), int(sentences[2]))
        elif (utterance := _UTTERANCE.fullmatch(line)) is not None:
            pair = _pair(utterance, lines, index, findings)
            if pair is not None:
                pairs.append(pair)
            index += 3
        index += 1
    if summary is not None and scored is not None:
        counts = (
            summary.errors,
            summary.reference_length,
            summary.insertions,
            summary.deletions,
            summary.substitutions,
        )
        summary = SpeechBrainSummary(summary.wer_percent, *counts, summary.is_partial, *scored)
    return SpeechBrainWer(tuple(pairs), summary, findings.problems, findings.notes)


def _pair(head: re.Match[str], lines: list[str], index: int, findings: Findings) -> UtterancePair | None:
    number = index + 1
    if index + 4 > len(lines) or (index + 4 == len(lines) and not lines[index + 3]):
        findings.problem(number, lines[index], "the alignment is cut short: 3 lines were expected")
        return None
    reference, hypothesis = (
        [word for word in (token.strip(BLANKS) for token in lines[row].split(" ; ")) if word and word != GAP]
        for row in (index + 1, index + 3)
    )
    operations = [token.strip() for token in lines[index + 2].split(" ; ")]
    errors = [operations.count(name) for name in ("I", "D", "S")]
    if [int(head[i]) for i in (5, 6, 7)] != errors or int(head[4]) != len(reference):
        findings.problem(number, lines[index], "the alignment does not have the counts of this line")
        return None
    return UtterancePair(head[1], " ".join(reference), " ".join(hypothesis), number)


def format_alignment(utterance_id: str, aligned: Iterable[tuple[str | None, str | None]]) -> str:
    """Return one utterance's block as SpeechBrain prints it, from its aligned words (None = a gap)."""
    columns = []
    counts = {"=": 0, "S": 0, "D": 0, "I": 0}
    for reference, hypothesis in aligned:
        operation = "I" if reference is None else "D" if hypothesis is None else "=" if reference == hypothesis else "S"
        counts[operation] += 1
        cells = (reference or GAP, operation, hypothesis or GAP)
        width = max(map(len, cells))
        columns.append([cell.center(width) for cell in cells])
    errors, length = counts["S"] + counts["D"] + counts["I"], counts["="] + counts["S"] + counts["D"]
    rate = f"{100 * errors / length:.2f}" if length else ("0.00" if errors == 0 else "inf")
    head = (
        f"{checked_text(utterance_id)}, %WER {rate} [ {errors} / {length}, {counts['I']} ins, {counts['D']} del, "
        f"{counts['S']} sub ]"
    )
    rows = [" ; ".join(column[row] for column in columns) for row in range(3)]
    return "\n".join([head, *rows]) + "\n"
