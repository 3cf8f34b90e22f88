"""CTM, NIST's time-marked conversations: ``file channel begin duration word [confidence]``.

Alternates stand between ``<ALT_BEGIN>``, ``<ALT>`` and ``<ALT_END>``, whose times are ``*``.
Source: SCTK 2.4.12, doc/infmts.htm; the rule that cuts words at segments is sclite's (src/sclite/stm2ctm.c).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from speech_tracker.formats.numbers import seconds, time_text
from speech_tracker.formats.parsed import Findings, Parsed, lines_of
from speech_tracker.formats.stm import StmSegment
from speech_tracker.formats.utterance import checked_field

_FIELD = re.compile(r"\S+", re.ASCII)  # a no-break space is part of a word

MARKS = {"<ALT_BEGIN>": "{", "<ALT>": "/", "<ALT_END>": "}"}
"""CTM's marks of alternates, and what TRN and STM write instead."""


@dataclass(frozen=True, slots=True)
class CtmWord:
    """One word or alternation mark.

    Attributes:
        recording_id: name of the recording.
        channel: usually ``A``, ``B`` or ``1``.
        begin_s: seconds from the start of the recording; None for an alternation mark.
        duration_s: seconds; None for an alternation mark.
        word: the word, or one of `MARKS`.
        confidence: as it stands (a probability or a log probability), None when there is none.
    """

    recording_id: str
    channel: str
    begin_s: float | None
    duration_s: float | None
    word: str
    confidence: float | None = None
    line_number: int = field(default=0, compare=False)


def parse_ctm(text: str) -> Parsed[CtmWord]:
    """Parse CTM text; fields after the confidence (types, speakers) are left out and noted."""
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings, comment=";;"):
        fields = _FIELD.findall(line)
        if len(fields) < 5:
            findings.problem(
                number, line, f"{len(fields)} fields, expected file channel begin duration word [confidence]"
            )
            continue
        word = fields[4].upper() if fields[4].upper() in MARKS else fields[4]
        begin, duration = seconds(fields[2]), seconds(fields[3])
        if word not in MARKS and (begin is None or duration is None):
            findings.problem(number, line, "fields 3 and 4 are no begin and duration in seconds")
            continue
        if word in MARKS:
            begin = duration = None
        elif duration is not None and duration < 0:
            findings.note("a negative duration, kept as sclite does", number)
        confidence = seconds(fields[5]) if len(fields) > 5 else None
        if len(fields) > 5 and confidence is None and fields[5].upper() != "NA":
            findings.note("a confidence that is no number, left out", number)
        if len(fields) > 6:
            findings.note("fields after the confidence, left out", number)
        records.append(CtmWord(fields[0], fields[1], begin, duration, word, confidence, number))
    return findings.parsed(records)


def format_ctm(words: Iterable[CtmWord]) -> str:
    """Return CTM text.

    Raises:
        InvalidArgumentError: a field is empty or holds white space.
    """
    lines = []
    for each in words:
        begin = "*" if each.begin_s is None else time_text(each.begin_s)
        duration = "*" if each.duration_s is None else time_text(each.duration_s)
        fields = [checked_field(each.recording_id, "the recording id"), checked_field(each.channel, "the channel")]
        fields += [begin, duration, checked_field(each.word, "the word")]
        if each.confidence is not None:
            fields.append(time_text(each.confidence))
        lines.append(" ".join(fields) + "\n")
    return "".join(lines)


def ctm_text(words: Iterable[CtmWord]) -> str:
    """Return the words as one line, alternates written ``{ a / b }`` and an empty alternate ``@``.

    >>> ctm_text(parse_ctm("f A * * <ALT_BEGIN>\\nf A 1 1 um\\nf A * * <ALT>\\nf A * * <ALT_END>\\n").records)
    '{ um / @ }'
    """
    parts: list[str] = []
    for each in words:
        mark = MARKS.get(each.word)
        if mark in ("/", "}") and parts and parts[-1] in ("{", "/"):
            parts.append("@")
        parts.append(each.word if mark is None else mark)
    return " ".join(parts)


def cut_at_segments(words: Sequence[CtmWord], segments: Sequence[StmSegment]) -> tuple[dict[str, str], list[CtmWord]]:
    """Give each word of a recognised conversation to the reference segment that it falls in, as sclite does.

    Within a recording and channel (compared without case), a word goes to the first segment whose end lies after the
    word's middle, so words in a gap go to the segment that follows; the last segment takes all that is left. An
    alternation goes as a whole, by its latest middle. Words in a segment marked `stm.IGNORE` are out of scoring.

    Returns:
        Text per utterance id of the segments that are scored, and the words of recordings or channels that the
        reference does not have (sclite stops there; here they are reported and not scored).
    """
    by_channel: dict[tuple[str, str], list[CtmWord]] = {}
    for word in words:
        by_channel.setdefault((word.recording_id.lower(), word.channel.lower()), []).append(word)
    cuts: dict[tuple[str, str], list[StmSegment]] = {}
    for segment in segments:
        cuts.setdefault((segment.recording_id.lower(), segment.channel.lower()), []).append(segment)
    texts: dict[str, str] = {}
    for key, group in cuts.items():
        units = _units(by_channel.pop(key, []))
        position = 0
        group = sorted(group, key=lambda each: each.begin_s)
        for index, segment in enumerate(group):
            start = position
            is_last = index == len(group) - 1
            while position < len(units) and (is_last or units[position][0] < _single(segment.end_s)):
                position += 1
            if not segment.is_ignored:
                texts[segment.utterance_id] = ctm_text(word for _, unit in units[start:position] for word in unit)
    return texts, [word for group in by_channel.values() for word in group]


def _units(words: Sequence[CtmWord]) -> list[tuple[float, list[CtmWord]]]:
    """Return single words and whole alternations, each with its (latest) middle."""
    units: list[tuple[float, list[CtmWord]]] = []
    inside = False
    for word in words:
        if inside:
            middle, unit = units[-1]
            unit.append(word)
            units[-1] = (max(middle, _middle(word)), unit)
        else:
            units.append((_middle(word), [word]))
        inside = word.word == "<ALT_BEGIN>" or (inside and word.word != "<ALT_END>")
    return units


def _middle(word: CtmWord) -> float:
    if word.begin_s is None or word.duration_s is None:
        return 0.0
    return word.begin_s + word.duration_s / 2


def _single(value: float) -> float:
    """Return the value in the single precision in which sclite holds the ends of segments.

    It holds the times of words in double precision, so this decides where a word's middle is a segment's end.
    """
    found: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return found


_SINGLE = struct.Struct("f")
