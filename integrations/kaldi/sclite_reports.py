"""sclite's reports under `score_<LMWT>/`: `*.sys` and `*.raw` (per speaker), `*.dtl` (counts of the whole set).

`*.sys` has percentages rounded to one decimal, `*.raw` the counts; recipes keep the first and often not the second. So
counts are given only where a file has them: a count guessed from a rounded percentage would be wrong.

Source: NIST SCTK, src/sclite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One row of a summary by speaker. sclite's columns are Sub, **Del, Ins** (Kaldi's `per_spk`: Sub, Ins, Del).

    Attributes:
        name: speaker; ``Sum`` for the whole set.
        sentences: utterances.
        reference_length: words.
        correct: fraction, or words when `counted`.
        substitutions: likewise.
        deletions: likewise.
        insertions: likewise.
        errors: likewise.
        sentence_errors: fraction, or utterances.
        counted: whether the values are counts (`*.raw`) rather than fractions known to 0.0005 (`*.sys`).
    """

    name: str
    sentences: int
    reference_length: int
    correct: float
    substitutions: float
    deletions: float
    insertions: float
    errors: float
    sentence_errors: float
    counted: bool


@dataclass(frozen=True, slots=True)
class DetailedCounts:
    """The counts of a `*.dtl` report."""

    correct: int
    substitutions: int
    deletions: int
    insertions: int
    errors: int
    reference_length: int
    sentences: int
    sentences_with_errors: int


_ROW = re.compile(r"^\s*\|(?P<name>[^|]*)\|\s*(?P<size>[\d.]+\s+[\d.]+)\s*\|(?P<values>[\s\d.]+)\|")


def parse_sclite_summary(data: bytes) -> Iterator[SummaryRow | Problem]:
    """Yield the rows of a `*.sys` or `*.raw` report, the whole set (``Sum``) after the speakers.

    The rows ``Mean``, ``S.D.`` and ``Median`` are of speakers, not of words, and are left out.
    """
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    rows: list[tuple[int, str, str, list[str], list[str]]] = []
    total_label = ""
    for line_number, line in enumerate(lines, start=1):
        match = _ROW.match(line)
        if match is None:
            continue
        name = match["name"].strip()
        if name.startswith("Sum"):
            total_label = name
        elif name in ("Mean", "S.D.", "Median"):
            continue
        rows.append((line_number, line, name, match["size"].split(), match["values"].split()))
    counted = total_label == "Sum"
    for line_number, line, name, size, values in rows:
        try:
            sentences, words = (int(each) for each in size)
            shares = [float(each) for each in values[:6]]
        except ValueError:
            yield Problem(line_number, shown(line), "expected two counts and six values between bars")
            continue
        name = "Sum" if name.startswith("Sum") else name
        if len(shares) < 6:
            yield Problem(line_number, shown(line), "expected two counts and six values between bars")
            continue
        if not counted:
            shares = [round(each / 100, 6) for each in shares]
        yield SummaryRow(
            name, sentences, words, shares[0], shares[1], shares[2], shares[3], shares[4], shares[5], counted
        )


_DETAIL = re.compile(
    r"^(?P<what>Percent [A-Z][\w ]+?|Ref\. words|\s*sentences|\s*with errors)\s*=?\s+(?:[\d.]+%\s+)?\(?\s*(?P<count>\d{1,15})(?!\d)\)?",
    re.MULTILINE,
)
_DETAIL_NAMES = {
    "Percent Correct": "correct",
    "Percent Substitution": "substitutions",
    "Percent Deletions": "deletions",
    "Percent Insertions": "insertions",
    "Percent Total Error": "errors",
    "Ref. words": "reference_length",
    "sentences": "sentences",
    "with errors": "sentences_with_errors",
}


def parse_sclite_details(data: bytes) -> DetailedCounts | Problem:
    """Return the counts of a `*.dtl` report, or a `Problem` naming what it lacks or what does not add up."""
    text = data.decode("utf-8", "backslashreplace")
    found: dict[str, int] = {}
    for match in _DETAIL.finditer(text):
        name = _DETAIL_NAMES.get(match["what"].strip())
        if name is not None:
            found.setdefault(name, int(match["count"]))
    missing = [label for label, name in _DETAIL_NAMES.items() if name not in found]
    if missing:
        return Problem(0, "", f"no whole sclite report: {', '.join(missing)} not found")
    counts = DetailedCounts(**found)
    if counts.substitutions + counts.deletions + counts.insertions != counts.errors:
        return Problem(0, "", "the counts of the report do not add up")
    return counts
