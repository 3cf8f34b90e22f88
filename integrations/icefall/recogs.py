r"""``recogs-<set>-….txt``: references and hypotheses, as Python lists of tokens or as plain text.

Source: icefall/utils.py, `store_transcripts` and `store_transcripts_and_timestamps`. Real lines::

    1089-134686-0000-0:	ref=['HE', 'HOPED']
    1089-134686-0000-0:	hyp=['HE', 'HOPES']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.integrations.icefall.literals import parse_literal


@dataclass(frozen=True, slots=True)
class Recognized:
    """An utterance.

    Attributes:
        line_number: of its reference, from 1.
        utterance_id: as lhotse names the cut, with its number at the end.
        reference, hypothesis: tokens; hypothesis is None where it is not in the file.
    """

    line_number: int
    utterance_id: str
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...] | None


_LINE = re.compile(r"^(?P<id>\S.*?):?\t?\s*(?P<what>ref|hyp|timestamp_ref|timestamp_hyp)=(?P<value>.*)$")


def parse_recogs(data: bytes) -> Iterator[Recognized | Problem]:
    """Yield the utterances of a file, and a `Problem` for each line that cannot be read.

    A reference at the very end is of an utterance that is not written yet.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace").split("\n")
    current: tuple[int, str, tuple[str, ...]] | None = None
    # what follows the last line end is still being written
    for line_number, raw in enumerate(lines[:-1], start=1):
        line = raw.rstrip("\r")
        if not line.strip():
            continue
        match = _LINE.match(line)
        if match is None:
            yield Problem(line_number, shown(line), "expected `id:<tab>ref=[…]` or `id:<tab>hyp=[…]`")
            continue
        if match["what"].startswith("timestamp"):
            continue
        tokens = _tokens(match["value"])
        if tokens is None:
            yield Problem(line_number, shown(line), "expected a list of tokens behind the `=`")
        elif match["what"] == "ref":
            if current is not None:
                yield Recognized(*current, None)
            current = (line_number, match["id"], tokens)
        elif current is not None and current[1] == match["id"]:
            yield Recognized(*current, tokens)
            current = None
        else:
            yield Problem(line_number, shown(line), "a hypothesis without its reference on the line before")


def _tokens(text: str) -> tuple[str, ...] | None:
    text = text.strip()
    if not text.startswith("["):
        if text[:1] in "'\"" and text[:1]:
            try:
                text = str(parse_literal(text))
            except ValueError:
                return None
        return tuple(text.split())
    try:
        value = parse_literal(text)
    except ValueError:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value)


def speaker_of(utterance_id: str) -> str | None:
    """Return the speaker that an id of LibriSpeech begins with, None for others.

    >>> speaker_of("1089-134686-0000-0"), speaker_of("BAC009S0764W0121-0")
    ('1089', None)
    """
    match = re.match(r"^(\d+)-(\d+)-(\d{4})(?:-\d+)?$", utterance_id)
    return match[1] if match is not None else None
