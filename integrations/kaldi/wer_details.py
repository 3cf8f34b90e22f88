"""What `score_kaldi.sh` computes about the best point: `wer_details/{per_utt,per_spk,ops,wer_bootci,lmwt,wip}`.

Source: utils/scoring/wer_per_utt_details.pl, utils/scoring/wer_per_spk_details.pl, utils/scoring/wer_ops_details.pl,
bin/compute-wer-bootci.cc.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.ingest.numerals import number


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """Four lines of `per_utt`, with the columns' padding and the symbol for an empty place taken out.

    Attributes:
        utterance_id: which.
        reference: words; None where the file was made without them.
        hypothesis: words; None likewise.
        operations: one letter per aligned pair: ``C``, ``S``, ``I``, ``D``.
        correct: words.
        substitutions: words.
        insertions: words.
        deletions: words.
    """

    utterance_id: str
    reference: tuple[str, ...] | None
    hypothesis: tuple[str, ...] | None
    operations: str
    correct: int
    substitutions: int
    insertions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class SpeakerResult:
    """The ``raw`` row of a speaker in `per_spk`. Kaldi's columns are Sub, **Ins, Del** (sclite's: Sub, Del, Ins).

    Attributes:
        speaker_id: ``SUM`` is the whole set.
        sentences: utterances.
        reference_length: words.
        correct: words.
        substitutions: words.
        insertions: words.
        deletions: words.
        sentences_with_errors: utterances.
    """

    speaker_id: str
    sentences: int
    reference_length: int
    correct: int
    substitutions: int
    insertions: int
    deletions: int
    sentences_with_errors: int


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of `ops`: ``substitution  sat  hat  1``; the empty place of an insertion or deletion is None."""

    kind: str
    reference: str | None
    hypothesis: str | None
    count: int


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """``Set1: %WER 8.20 95% Conf Interval [ 7.90, 8.50 ]``, as fractions.

    Kaldi resamples utterances, which are not independent within a speaker: the true interval is wider.
    """

    error_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SingleNumber:
    """The only number of a file such as `num_jobs`."""

    value: float


_SPACES = re.compile(r"[ \t]+")
_MOST_DIGITS = 15
_CSID = re.compile(r"^(\d{1,15})[ \t]+(\d{1,15})[ \t]+(\d{1,15})[ \t]+(\d{1,15})[ \t]*$")
_EMPTY = frozenset({"***", "<eps>"})


def parse_per_utt(data: bytes) -> Iterator[UtteranceResult | Problem]:
    """Yield the utterances of a `per_utt` file; `Problem` for an utterance whose lines contradict each other.

    An utterance ends with its ``#csid`` line, so a file that is still being written loses only its last one.
    """
    seen: dict[str, list[str]] = {}
    current = ""
    lines = _lines(data)
    for line_number, line in enumerate(lines, start=1):
        parts = _SPACES.split(line, maxsplit=2)
        if len(parts) < 2:
            if line.strip():
                yield Problem(line_number, shown(line), "expected an utterance id and one of ref, hyp, op, #csid")
            continue
        utterance_id, kind = parts[0], parts[1]
        rest = parts[2] if len(parts) > 2 else ""
        if utterance_id != current:
            if seen and "#csid" not in seen:
                yield Problem(line_number - 1, current, "this utterance has no #csid line")
            current, seen = utterance_id, {}
        if kind in ("ref", "hyp", "op"):
            seen[kind] = [token for token in _SPACES.split(rest) if token]
        elif kind == "#csid":
            seen["#csid"] = []
            if line_number == len(lines) and not data.endswith(b"\n"):
                return
            yield _utterance(utterance_id, seen, rest, line, line_number)
        else:
            yield Problem(line_number, shown(line), f"expected ref, hyp, op or #csid, got {kind!r}")


def _utterance(
    utterance_id: str, seen: dict[str, list[str]], rest: str, line: str, line_number: int
) -> UtteranceResult | Problem:
    counts = _CSID.match(rest)
    if counts is None:
        return Problem(line_number, shown(line), "expected four counts: correct, substituted, inserted, deleted")
    correct, substituted, inserted, deleted = (int(each) for each in counts.groups())
    operations = "".join(seen.get("op", ()))
    reference, hypothesis = seen.get("ref"), seen.get("hyp")
    if operations and tuple(map(operations.count, "CSID")) != (correct, substituted, inserted, deleted):
        return Problem(line_number, shown(line), f"the counts are not those of its op line ({operations[:60]})")
    for tokens in (reference, hypothesis):
        if operations and tokens is not None and len(tokens) != len(operations):
            return Problem(
                line_number, shown(line), f"{len(tokens)} columns of words stand above {len(operations)} operations"
            )
    return UtteranceResult(
        utterance_id,
        None if reference is None else _words(reference, operations, "I"),
        None if hypothesis is None else _words(hypothesis, operations, "D"),
        operations,
        correct,
        substituted,
        inserted,
        deleted,
    )


def _words(tokens: list[str], operations: str, empty_at: str) -> tuple[str, ...]:
    if operations:
        return tuple(token for token, operation in zip(tokens, operations, strict=True) if operation != empty_at)
    return tuple(token for token in tokens if token not in _EMPTY)


def parse_per_spk(data: bytes) -> Iterator[SpeakerResult | Problem]:
    """Yield the speakers of a `per_spk` file, the whole set (``SUM``) last; `Problem` for a damaged row."""
    lines = _lines(data)
    for line_number, line in enumerate(lines, start=1):
        # ids are cut to nothing by no one, but a wide one leaves no space before the next column's padding
        parts = line.split()
        if not parts or parts[0] == "SPEAKER" or "sys" in parts[1:2]:
            continue
        numbers = parts[2:]
        if len(parts) != 10 or parts[1] != "raw" or not all(each.isdecimal() for each in numbers):
            if line_number < len(lines) or data.endswith(b"\n"):
                yield Problem(line_number, shown(line), "expected a speaker, 'raw' and eight counts")
            continue
        sentences, words, correct, substituted, inserted, deleted, errors, sentence_errors = map(int, numbers)
        if correct + substituted + deleted != words or substituted + inserted + deleted != errors:
            yield Problem(line_number, shown(line), "the counts do not add up")
            continue
        yield SpeakerResult(parts[0], sentences, words, correct, substituted, inserted, deleted, sentence_errors)


def parse_ops(data: bytes) -> Iterator[Operation | Problem]:
    """Yield the rows of an `ops` file: what was recognised as what, how often; `Problem` for a damaged row."""
    lines = _lines(data)
    for line_number, line in enumerate(lines, start=1):
        parts = [token for token in _SPACES.split(line) if token]
        if not parts:
            continue
        if (
            len(parts) != 4
            or parts[0] not in ("correct", "substitution", "insertion", "deletion")
            or not parts[3].isdecimal()
            or len(parts[3]) > _MOST_DIGITS
        ):
            if line_number < len(lines) or data.endswith(b"\n"):
                yield Problem(line_number, shown(line), "expected an operation, two words and a count")
            continue
        if line_number == len(lines) and not data.endswith(b"\n"):
            return  # the count may have lost digits
        kind, reference, hypothesis, count = parts
        yield Operation(
            kind,
            None if kind == "insertion" else reference,
            None if kind == "deletion" else hypothesis,
            int(count),
        )


_INTERVAL = re.compile(r"^Set1: %WER (\S+) 95% Conf Interval \[ (\S+), (\S+) \]")


def parse_bootstrap(data: bytes) -> Iterator[ConfidenceInterval | Problem]:
    """Yield the confidence interval of a `wer_bootci` file; `Problem` when there is a line but no interval in it."""
    for line_number, line in enumerate(_lines(data), start=1):
        match = _INTERVAL.match(line)
        if match is None:
            if line.startswith("Set1") and data.endswith(b"\n"):
                yield Problem(line_number, shown(line), "expected 'Set1: %WER rate 95% Conf Interval [ low, high ]'")
            continue
        try:
            rate, low, high = (number(each.encode()) / 100 for each in match.groups())
        except ValueError:
            yield Problem(line_number, shown(line), "expected three numbers")
            continue
        yield ConfidenceInterval(rate, low, high)


def parse_single_number(data: bytes) -> float | None:
    """Return the only number of a file such as `lmwt` or `num_jobs`, or None when it is not one, or not finite.

    >>> parse_single_number(b"17\\n")
    17.0
    """
    try:
        value = number(data.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _lines(data: bytes) -> list[str]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    return lines
