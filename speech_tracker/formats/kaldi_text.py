"""Kaldi's tables of one line per key: ``text``, ``utt2spk`` and their kin, and ``wer_details/per_utt``.

WeNet's ``text`` and SDK output have the same form.
Source: Kaldi, "Data preparation"; egs/wsj/s5/utils/scoring/wer_per_utt_details.pl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.formats.parsed import BLANKS, Findings, Parsed, lines_of
from speech_tracker.formats.utterance import Utterance, UtterancePair, checked_field, checked_text

_FIELD = re.compile(r"\S+", re.ASCII)  # a no-break space is part of a word
_KEY = re.compile(r"[ \t]*([^ \t]+)[ \t]*(.*)", re.DOTALL)  # only blanks and tabs part fields in Kaldi


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One line of ``utt2spk``, ``utt2dur``, ``utt2lang``, …."""

    utterance_id: str
    value: str
    line_number: int = field(default=0, compare=False)


def parse_kaldi_text(text: str) -> Parsed[Utterance]:
    """Parse ``utterance-id word word …``; a line with an id alone is an empty transcript.

    >>> parse_kaldi_text("u1 a b\\nu2\\n").records[1].text
    ''
    """
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings):
        key, _, rest = line.partition(" ")
        if not key or "\t" in line:
            found = _KEY.fullmatch(line)
            if found is None:  # cannot be: the line holds something
                continue
            key, rest = found.groups()
            if line[0] in " \t":
                findings.note("lines that begin with a blank (Kaldi refuses them)", number)
            if line.startswith(f"{key}\t"):
                findings.note("a tab after the utterance id", number)
        records.append(Utterance(key, rest.strip(BLANKS), number))
    return findings.parsed(records)


def format_kaldi_text(utterances: Iterable[Utterance]) -> str:
    """Return Kaldi ``text``, in the order given (Kaldi wants it sorted with ``LC_ALL=C``).

    Raises:
        InvalidArgumentError: an id holds white space, or a text a line end.
    """
    return "".join(
        f"{checked_field(each.utterance_id, 'the utterance id')} {checked_text(each.text)}".rstrip(" ") + "\n"
        for each in utterances
    )


def parse_utt2spk(text: str, *, what: str = "speaker") -> Parsed[KeyValue]:
    """Parse ``utterance-id value``, exactly two fields: ``utt2spk``, ``utt2dur``, ``spk2gender``, `utt2lang`.

    Args:
        text: the content of the file.
        what: what the second field is, for the messages.
    """
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings):
        fields = line.split()
        if len(fields) == 2:
            records.append(KeyValue(fields[0], fields[1], number))
        elif len(fields) == 1:
            findings.problem(number, line, f"no {what} after the utterance id")
        else:
            findings.problem(
                number, line, f"{len(fields)} fields, expected 2 (utterance id and {what}); is it spk2utt?"
            )
    return findings.parsed(records)


def format_utt2spk(entries: Iterable[KeyValue]) -> str:
    """Return ``utt2spk`` text.

    Raises:
        InvalidArgumentError: a field is empty or holds white space.
    """
    return "".join(
        f"{checked_field(each.utterance_id, 'the utterance id')} {checked_field(each.value, 'the value')}\n"
        for each in entries
    )


def parse_per_utt(text: str) -> Parsed[UtterancePair]:
    """Parse ``scoring_kaldi/wer_details/per_utt``: lines ``id ref …``, ``id hyp …``, ``id op …``, ``id #csid …``.

    Words are padded into columns, and ``***`` marks an empty place.
    """
    findings = Findings()
    records = []
    reference: tuple[str, int, str] | None = None
    for number, line in lines_of(text, findings):
        fields = _FIELD.findall(line)
        kind = fields[1] if len(fields) > 1 else ""
        words = " ".join(word for word in fields[2:] if word != "***")
        if kind == "ref":
            if reference is not None:
                findings.problem(reference[1], reference[0], "a ref line without its hyp line")
            reference = (fields[0], number, words)
        elif kind == "hyp":
            if reference is None or reference[0] != fields[0]:
                findings.problem(number, line, "a hyp line without its ref line before it")
            else:
                records.append(UtterancePair(fields[0], reference[2], words, reference[1]))
            reference = None
        elif kind not in ("op", "#csid"):
            findings.problem(number, line, "expected ref, hyp, op or #csid after the utterance id")
    if reference is not None:
        findings.problem(reference[1], reference[0], "a ref line without its hyp line")
    return findings.parsed(records)
