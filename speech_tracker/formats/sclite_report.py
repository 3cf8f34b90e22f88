"""sclite's reports: the speaker tables (``-o sum rsum``) and the alignments (``-o pra``), as in ESPnet's ``result.txt``.

The percentages have one decimal, so the counts are taken from the second table and from the ``Scores:`` lines. sclite
folds case, writes errors in capitals and gaps as ``***``: the texts come back in lower case.
Source: SCTK 2.4.12, doc/outputs.htm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.formats.parsed import Findings, lines_of
from speech_tracker.formats.problems import Problem
from speech_tracker.formats.utterance import UtterancePair

_ID = re.compile(r"id: \((.*)\)\s*")
_SCORES = re.compile(r"Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)\s*")
_TEXT = re.compile(r"(?:>> )?(REF|HYP): (.*)", re.DOTALL)
_COUNT = re.compile(r"(\d+)\*?")


@dataclass(frozen=True, slots=True)
class ScliteCounts:
    """One row of the table of counts; `speaker_id` is ``Sum`` for the total."""

    speaker_id: str
    sentences: int
    reference_length: int
    hits: int
    substitutions: int
    deletions: int
    insertions: int
    errors: int
    sentence_errors: int


@dataclass(frozen=True, slots=True)
class ScliteUtterance:
    """One aligned utterance, with sclite's own counts."""

    pair: UtterancePair
    hits: int
    substitutions: int
    deletions: int
    insertions: int


@dataclass(frozen=True, slots=True)
class ScliteReport:
    """A report; parts that were not asked of sclite are empty."""

    speakers: tuple[ScliteCounts, ...]
    total: ScliteCounts | None
    utterances: tuple[ScliteUtterance, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def parse_sclite_report(text: str) -> ScliteReport:
    """Parse what sclite wrote to stdout or to ``.raw`` and ``.pra`` files."""
    findings = Findings()
    speakers: list[ScliteCounts] = []
    total: ScliteCounts | None = None
    utterances: list[ScliteUtterance] = []
    head: tuple[int, str] | None = None
    scores: tuple[int, ...] | None = None
    texts = {"REF": "", "HYP": ""}

    def finish() -> None:
        if head is None:
            return
        if scores is None:
            findings.problem(head[0], head[1], "no Scores line after the id")
            return
        words = [" ".join(w for w in texts[side].lower().split() if w.strip("*")) for side in ("REF", "HYP")]
        utterances.append(ScliteUtterance(UtterancePair(head[1], words[0], words[1], head[0]), *scores))

    for number, line in lines_of(text, findings):
        if (found := _ID.fullmatch(line)) is not None:
            finish()
            head, scores, texts = (number, found[1]), None, {"REF": "", "HYP": ""}
        elif (found := _SCORES.fullmatch(line)) is not None:
            scores = tuple(int(found[i]) for i in range(1, 5))
        elif (found := _TEXT.fullmatch(line)) is not None:
            texts[found[1]] += " " + found[2]
        elif (row := _row(line)) is not None:
            if row.speaker_id == "Sum":
                total = row
            elif total is None:
                speakers.append(row)
    finish()
    return ScliteReport(tuple(speakers), total, tuple(utterances), findings.problems, ())


def _row(line: str) -> ScliteCounts | None:
    """Return a row of counts; None for headings, percentages, and the mean, deviation and median under the total."""
    cells = line.strip().strip("|").split("|")
    if len(cells) not in (3, 4) or not line.strip().startswith("|"):  # the fourth is the confidence measure (NCE)
        return None
    fields = cells[1].split() + cells[2].split()
    found = [_COUNT.fullmatch(field) for field in fields]
    if len(fields) != 8:
        return None
    numbers = [int(each[1]) for each in found if each is not None]
    name = cells[0].strip()
    if len(numbers) != 8 or name in ("Mean", "S.D.", "Median"):
        return None
    return ScliteCounts(name, *numbers)
