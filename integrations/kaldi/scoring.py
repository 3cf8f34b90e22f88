"""Scoring files: `wer_<LMWT>[_<WIP>]`, `cer_…`, `best_wer`, and lines of them quoted in a RESULTS file.

A scoring file holds the command, warnings, and three lines of `compute-wer`::

    %WER 8.20 [ 4459 / 54402, 695 ins, 427 del, 3337 sub ] [PARTIAL]
    %SER 66.67 [ 1802 / 2703 ]
    Scored 2703 sentences, 4 not present in hyp.

The label is ``%WER`` in character scoring too: what the tokens are, only the file's name says.

Source: bin/compute-wer.cc, utils/best_wer.sh, steps/scoring/score_kaldi_{wer,cer}.sh.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import number


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """A ``%WER`` line.

    Attributes:
        substitutions: tokens.
        deletions: tokens.
        insertions: tokens.
        reference_length: tokens; 0 where nothing was scored, and then there is no rate.
        partial: some references had no hypothesis and were left out.
        source: the scoring file that the line was taken from, as written beside it; `""` where nothing is.
    """

    substitutions: int
    deletions: int
    insertions: int
    reference_length: int
    partial: bool
    source: str

    @property
    def errors(self) -> int:
        """Substitutions + deletions + insertions."""
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True, slots=True)
class SentenceErrors:
    """A ``%SER`` line: utterances with an error, and utterances scored."""

    errors: int
    sentences: int


@dataclass(frozen=True, slots=True)
class Scored:
    """``Scored 2703 sentences, 4 not present in hyp.``."""

    sentences: int
    absent: int


@dataclass(frozen=True, slots=True)
class PercentLine:
    """A line of `best_wer.sh` over sclite's summaries, which has percentages and no counts.

    ``%WER 31.7 | 400 15057 | 71.8 19.5 8.7 3.5 31.7 100.0 | -0.457 | exp/mono/decode_dev/score_5/ctm_39phn.filt.sys``

    Attributes:
        error_rate: fraction, known to 0.0005.
        sentences: scored.
        reference_length: words.
        source: the file that the line was taken from.
    """

    error_rate: float
    sentences: int
    reference_length: int
    source: str


_WER = re.compile(
    r"%WER\s+(?P<percent>\S+)\s+\[\s*(?P<errors>\d{1,15})\s*/\s*(?P<length>\d{1,15}),\s*(?P<ins>\d{1,15})\s+ins,\s*(?P<del>\d{1,15})\s+del,"
    r"\s*(?P<sub>\d{1,15})\s+sub\s*\](?P<partial>\s*\[PARTIAL\])?(?P<rest>[^\n]*)"
)
_SER = re.compile(r"^%SER\s+\S+\s+\[\s*(\d{1,15})\s*/\s*(\d{1,15})\s*\]")
_SCORED = re.compile(r"^Scored (\d{1,15}) sentences, (\d{1,15}) not present in hyp")
_SCLITE = re.compile(
    r"%WER\s+(?P<percent>[\d.]+)\s+\|\s*(?P<sentences>\d{1,15})\s+(?P<words>\d{1,15})\s+\|(?:\s+[\d.]+){6}\s+\|[^/\n]*?(?P<source>[^\s|]*)\s*$"
)


def parse_error_line(line: str, line_number: int = 1) -> ErrorLine | PercentLine | Problem | None:
    """Return what a line with ``%WER`` says, or None when it has none.

    The counts must add up and give the printed rate: where they do not, the line is damaged and no value is taken.

    >>> parse_error_line("%WER 8.20 [ 4459 / 54402, 695 ins, 427 del, 3337 sub ] exp/tri4b/decode/wer_14_0.5")
    ErrorLine(substitutions=3337, deletions=427, insertions=695, reference_length=54402, partial=False, \
source='exp/tri4b/decode/wer_14_0.5')
    """
    if "%WER" not in line:
        return None
    match = _WER.search(line)
    if match is None:
        quoted = _SCLITE.search(line)
        if quoted is not None:
            return PercentLine(
                float(quoted["percent"]) / 100, int(quoted["sentences"]), int(quoted["words"]), quoted["source"]
            )
        return Problem(line_number, shown(line), "expected '%WER rate [ errors / words, i ins, d del, s sub ]'")
    errors, length = int(match["errors"]), int(match["length"])
    parts = {name: int(match[name]) for name in ("ins", "del", "sub")}
    if sum(parts.values()) != errors:
        return Problem(
            line_number,
            shown(line),
            f"the counts do not add up: {parts['ins']} + {parts['del']} + {parts['sub']} is not {errors}",
        )
    try:
        percent = number(match["percent"].encode())
    except ValueError:
        return Problem(line_number, shown(line), f"the rate {match['percent']!r} is no number")
    if length and not abs(percent - 100 * errors / length) <= _rounding(match["percent"]):
        return Problem(
            line_number, shown(line), f"{errors} of {length} is {100 * errors / length:.2f} %, not {percent:g} %"
        )
    if parts["del"] + parts["sub"] > length:
        return Problem(line_number, shown(line), f"more deletions and substitutions than the {length} reference words")
    before = line[: match.start()].strip().rstrip(":")
    source = match["rest"].strip() or (before.rpartition(" ")[2] if before else "")
    return ErrorLine(parts["sub"], parts["del"], parts["ins"], length, match["partial"] is not None, source.strip())


def _rounding(percent: str) -> float:
    """How far the printed rate may be from the true one: half a unit of its last digit, and float32's error."""
    return 0.5 * 10.0 ** -len(percent.partition(".")[2]) * 1.02


def parse_score_file(data: bytes) -> Iterator[ErrorLine | PercentLine | SentenceErrors | Scored | Problem]:
    """Yield what a `wer_*`, `cer_*` or `best_wer` file says, in file order; `Problem` for what cannot be right."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    lines = text.split("\n")
    for line_number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r")
        if "%WER" in line and not line.startswith("#"):
            found = parse_error_line(line, line_number)
            # the last line of a file that is still being written is no damage
            if isinstance(found, Problem) and line_number == len(lines):
                continue
            if found is not None:
                yield found
        elif (sentence_errors := _SER.match(line)) is not None:
            yield SentenceErrors(int(sentence_errors[1]), int(sentence_errors[2]))
        elif (scored := _SCORED.match(line)) is not None:
            yield Scored(int(scored[1]), int(scored[2]))
        elif line.startswith("ERROR ("):
            yield Problem(line_number, shown(line), "the scorer reported an error")


_NAME = re.compile(r"^(wer|cer)_(\d+(?:\.\d+)?)(?:_(-?\d+(?:\.\d+)?))?$")
_SCORE_FOLDER = re.compile(r"^score_(\d+(?:\.\d+)?)(?:_(-?\d+(?:\.\d+)?))?$")


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """Where in the sweep a scoring file or folder belongs, from its name.

    Attributes:
        metric: ``wer`` or ``cer``.
        lm_weight: Kaldi's LMWT, the inverse of the acoustic scale.
        word_insertion_penalty: Kaldi's WIP; None in the older naming, which has none.
    """

    metric: str
    lm_weight: float
    word_insertion_penalty: float | None


def parse_score_name(name: str) -> SweepPoint | None:
    """Return the point that a file's name says, or None when it is no scoring file.

    >>> parse_score_name("wer_14_0.5")
    SweepPoint(metric='wer', lm_weight=14.0, word_insertion_penalty=0.5)
    >>> parse_score_name("wer_details") is None
    True
    """
    match = _NAME.match(name)
    if match is None:
        return None
    return SweepPoint(match[1], float(match[2]), None if match[3] is None else float(match[3]))


def parse_score_folder(name: str) -> SweepPoint | None:
    """Return the point of a folder of sclite's results, such as ``score_10`` or ``score_10_0.5``."""
    match = _SCORE_FOLDER.match(name)
    return None if match is None else SweepPoint("wer", float(match[1]), None if match[2] is None else float(match[2]))
