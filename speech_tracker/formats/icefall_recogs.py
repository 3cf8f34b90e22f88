r"""icefall's ``recogs-*.txt``: two lines per cut, each a Python list.

::

    1089-134686-0000-0:\tref=['HE', 'HOPED']
    1089-134686-0000-0:\thyp=['HE', 'HOPES']

Source: icefall, ``icefall.utils.store_transcripts``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from speech_tracker.formats.parsed import BLANKS, Findings, Parsed, lines_of
from speech_tracker.formats.utterance import UtterancePair, checked_field

_LINE = re.compile(r"(.*?):\t(ref|hyp|timestamp_ref|timestamp_hyp)=(.*)", re.DOTALL)
_OLD_LINE = re.compile(r"(ref|hyp)=(.*)", re.DOTALL)  # before cut ids were written


def parse_icefall_recogs(text: str) -> Parsed[UtterancePair]:
    """Parse recogs text; time stamps are left out, and files of the time before cut ids are refused line by line."""
    findings = Findings()
    records = []
    reference: tuple[int, str, str] | None = None
    for number, line in lines_of(text, findings):
        found = _LINE.fullmatch(line)
        if found is None:
            old = _OLD_LINE.match(line) is not None
            findings.problem(
                number, line, "no cut id (an old icefall wrote none)" if old else "expected id:<tab>ref=[…]"
            )
            continue
        key, kind, rest = found.groups()
        if kind.startswith("timestamp"):
            continue
        words = _words(rest)
        if words is None:
            findings.problem(number, line, "what follows the = is no Python list of words")
        elif kind == "ref":
            if reference is not None:
                findings.problem(reference[0], reference[1], "a ref line without its hyp line")
            reference = (number, key, words)
            continue
        elif reference is None or reference[1] != key:
            findings.problem(number, line, "a hyp line without its ref line before it")
        else:
            records.append(UtterancePair(key, reference[2], words, reference[0]))
        reference = None
    if reference is not None:
        findings.problem(reference[0], reference[1], "a ref line without its hyp line")
    return findings.parsed(records)


def _words(text: str) -> str | None:
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, str):  # recipes that score characters store one string
        return value.strip(BLANKS)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    return None


def format_icefall_recogs(pairs: Iterable[UtterancePair]) -> str:
    """Return recogs text; words are what white space parts.

    Raises:
        InvalidArgumentError: an id is empty or holds a tab or a line end.
    """
    lines = []
    for each in pairs:
        key = checked_field(each.utterance_id, "the cut id", forbidden="\t\r\n")
        lines.append(f"{key}:\tref={each.reference.split()!r}\n{key}:\thyp={each.hypothesis.split()!r}\n")
    return "".join(lines)
