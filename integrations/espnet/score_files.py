"""What scoring leaves: sclite's `result.txt`, sacrebleu's `result.lc.txt`, means of enhancement, a perplexity."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.formats.sclite_report import ScliteCounts, parse_sclite_report


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """The whole set in the table of counts of a `result.txt`.

    Attributes:
        sentences: utterances.
        reference_length: words, characters or tokens.
        hits: right ones.
        substitutions: tokens.
        deletions: tokens.
        insertions: tokens.
        sentence_errors: utterances with an error.
        speakers: each as its name, reference length and errors; sclite writes their names in lower case.
    """

    sentences: int
    reference_length: int
    hits: int
    substitutions: int
    deletions: int
    insertions: int
    sentence_errors: int
    speakers: tuple[tuple[str, int, int], ...]

    @property
    def errors(self) -> int:
        """Substitutions + deletions + insertions."""
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True, slots=True)
class ScoreRates:
    """The whole set in the table of percentages, where there is no table of counts.

    Attributes:
        sentences: utterances.
        reference_length: words, characters or tokens.
        error_rate: fraction, known to 0.0005.
        sentence_error_rate: likewise.
    """

    sentences: int
    reference_length: int
    error_rate: float
    sentence_error_rate: float


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """A figure.

    Attributes:
        name: of the metric, as in `speech_tracker.metrics`; `""` where the file does not say.
        value: in the unit of the metric.
    """

    name: str
    value: float


_MOST = 10**15
"""Utterances, words: what is more is damage."""

_ROW = re.compile(r"^\s*\|\s*(?P<name>Sum/Avg|Sum|Avg)\s*\|\s*(?P<size>[\d.]+\s+[\d.]+)\s*\|(?P<values>[\s\d.*]+)\|")


def parse_result(data: bytes) -> Iterator[ScoreCounts | ScoreRates | Problem]:
    """Yield the result of a whole set from what ``sclite -o all`` or ``-o sum`` wrote."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    try:
        report = parse_sclite_report(text)
    except ValueError:  # a count of thousands of digits
        yield Problem(0, "", "a count in it has too many digits")
        return
    if report.total is not None:
        yield _counts(report.total, report.speakers)
        return
    for line_number, line in enumerate(text.split("\n"), start=1):
        row = _ROW.match(line)
        if row is None or row["name"] == "Sum":
            continue
        try:
            sentences, words = (int(each) for each in row["size"].split())
            *_, rate, sentence_rate = (float(each.rstrip("*")) for each in row["values"].split())
        except ValueError:
            yield Problem(line_number, shown(line), "expected two counts and six percentages between bars")
            return
        if max(sentences, words) > _MOST:
            yield Problem(line_number, shown(line), "a count in it has too many digits")
            return
        yield ScoreRates(sentences, words, round(rate / 100, 6), round(sentence_rate / 100, 6))
        return
    if text.strip():
        yield Problem(0, "", "no 'Sum/Avg' row in it; expected a report of sclite (scoring may have been cut off)")


def _counts(total: ScliteCounts, speakers: tuple[ScliteCounts, ...]) -> ScoreCounts | Problem:
    if max(total.errors, total.reference_length, total.sentences, total.sentence_errors) > _MOST:
        return Problem(0, "", "a count in it has too many digits")
    if total.hits + total.substitutions + total.deletions != total.reference_length or (
        total.substitutions + total.deletions + total.insertions != total.errors
    ):
        return Problem(0, "", "the counts of its row 'Sum' do not add up")
    return ScoreCounts(
        total.sentences, total.reference_length, total.hits, total.substitutions, total.deletions, total.insertions,
        total.sentence_errors, tuple((each.speaker_id, each.reference_length, each.errors) for each in speakers),
    )  # fmt: skip


_BLEU = re.compile(r"\bBLEU\S*\s*=\s*(\d+(?:\.\d+)?)")
_TRANSLATION = (("BLEU", "bleu"), ("CHRF", "chrf"))


def parse_translation(data: bytes) -> Iterator[MeasuredValue | Problem]:
    """Yield BLEU and chrF of a `result.lc.txt` or `result.tc.txt`: sacrebleu's JSON below a title, or its line of text.

    Source: egs2/TEMPLATE/st1/st.sh (``sacrebleu -m bleu chrf ter``).
    """
    text = data.decode("utf-8", "backslashreplace")
    begin = next((place for place, character in enumerate(text) if character in "[{"), None)
    rows: list[object] = []
    if begin is not None:
        try:
            found, _ = json.JSONDecoder().raw_decode(text[begin:])
            rows = found if isinstance(found, list) else [found]
        except (ValueError, RecursionError):
            rows = []
    seen = False
    for row in rows:
        for name, ours in _TRANSLATION:
            if isinstance(row, dict) and str(row.get("name", "")).upper().startswith(name):
                value = row.get("score")
                if isinstance(value, (int, float)) and math.isfinite(value):
                    seen = True
                    yield MeasuredValue(ours, float(value))
    line = _BLEU.search(text)
    if not seen and line is not None:
        seen = True
        yield MeasuredValue("bleu", float(line[1]))
    if not seen:
        yield Problem(0, "", "no BLEU in it; expected what sacrebleu prints (scoring may have been cut off)")


def parse_perplexity(data: bytes) -> Iterator[MeasuredValue | Problem]:
    """Yield the perplexity of a `ppl` file, which holds nothing else."""
    text = data.decode("utf-8", "backslashreplace").strip()
    try:
        value = float(text)
    except ValueError:
        yield Problem(1, shown(text), "expected one number, the perplexity")
        return
    if value < 1 or not math.isfinite(value):
        yield Problem(1, shown(text), "a perplexity is at least 1")
        return
    yield MeasuredValue("perplexity", value)


def parse_measure(data: bytes) -> Iterator[MeasuredValue | Problem]:
    """Yield the mean that a file such as `scoring/result_stoi.txt` holds alone; what of, only its name says.

    Source: egs2/TEMPLATE/enh1/enh.sh (stage 8).
    """
    text = data.decode("utf-8", "backslashreplace").strip()
    try:
        value = float(text)
    except ValueError:
        yield Problem(1, shown(text), "expected one number, a mean over utterances")
        return
    if not math.isfinite(value):
        yield Problem(1, shown(text), "the mean is no finite number")
        return
    yield MeasuredValue("", value)


def in_its_unit(name: str, value: float) -> float:
    """Return a figure in the unit of its metric: ESPnet writes STOI in percent since 2022, and wrote fractions before.

    >>> in_its_unit("stoi", 97.43), in_its_unit("stoi", 0.9743), in_its_unit("si_snr", 20.0)
    (0.9743, 0.9743, 20.0)
    """
    return round(value / 100, 8) if name in ("stoi", "estoi") and value > 1 else value
