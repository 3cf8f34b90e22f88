"""TRN, NIST's transcript format: ``words words (speaker-utterance)``.

Alternates ``{ a / b / @ }`` and optional words ``(word)`` stay in the text: they mean something to the scorer.
Source: SCTK 2.4.12, doc/infmts.htm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from speech_tracker.formats.parsed import BLANKS, Findings, Parsed, lines_of
from speech_tracker.formats.utterance import Utterance, checked_field, checked_text

_LINE = re.compile(r"(.*)\(([^()]*)\)\s*", re.DOTALL)


def parse_trn(text: str) -> Parsed[Utterance]:
    """Parse TRN text. Lines that start with ``;;`` are comments.

    >>> parse_trn("she had { your / a } dark suit (cmh-sa01)\\n").records[0].utterance_id
    'cmh-sa01'
    """
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings, comment=";;"):
        found = _LINE.fullmatch(line)
        if found is None:
            findings.problem(number, line, "no (utterance id) at the end of the line")
            continue
        utterance_id = found[2].strip()
        if not utterance_id:
            findings.problem(number, line, "the utterance id in parentheses is empty")
            continue
        records.append(Utterance(utterance_id, found[1].strip(BLANKS), number))
    return findings.parsed(records)


def format_trn(utterances: Iterable[Utterance]) -> str:
    """Return TRN text.

    Raises:
        InvalidArgumentError: an id holds a parenthesis or white space, or a text a line end.
    """
    lines = []
    for each in utterances:
        utterance_id = checked_field(each.utterance_id, "the utterance id", forbidden="() \t\r\n")
        words = checked_text(each.text)
        # a leading blank keeps a text that begins with ";;" from being read as a comment
        lines.append(f"{' ' if words.startswith(';;') else ''}{words} ({utterance_id})\n")
    return "".join(lines)


def speaker_by_sclite(utterance_id: str) -> str | None:
    """Return what sclite takes as the speaker (``-i rm``, ``-i spu_id``): the id up to its first ``-``, else ``_``.

    None where there is neither, or nothing before it; sclite refuses such ids.

    >>> speaker_by_sclite("1089-134686-0000"), speaker_by_sclite("spk_a-1"), speaker_by_sclite("f_0")
    ('1089', 'spk_a', 'f')
    """
    for mark in "-_":
        speaker, found, _ = utterance_id.partition(mark)
        if found:
            return speaker or None
    return None
