"""``wer``: what ``tools/compute-wer.py --char=1 --v=1`` prints.

Source: tools/compute-wer.py of WeNet. It leaves out references without a hypothesis without a word, writes capitals, and of
equally good alignments takes another one than Kaldi and sclite do. Real lines::

    utt: BAC009S0764W0121
    WER: 4.17 % N=24 C=23 S=1 D=0 I=0
    lab: 甚 至 出 现
    rec: 甚 至 出 现

    Overall -> 4.62 % N=104765 C=100036 S=4609 D=120 I=109
    Mandarin -> 4.62 % N=104762 C=100033 S=4609 D=120 I=109
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown


@dataclass(frozen=True, slots=True)
class Overall:
    """``Overall -> 4.62 % N=104765 C=100036 S=4609 D=120 I=109``.

    Attributes:
        line_number: from 1.
        group: ``Overall``, or the script of the tokens: ``Mandarin``, ``English``, ``Other``.
        reference_length, hits, substitutions, deletions, insertions: counts of tokens.
    """

    line_number: int
    group: str
    reference_length: int
    hits: int
    substitutions: int
    deletions: int
    insertions: int


@dataclass(frozen=True, slots=True)
class UtteranceCount:
    """How many utterances were compared, and how many of them have an error."""

    utterances: int
    with_errors: int


@dataclass(frozen=True, slots=True)
class Compared:
    """An utterance.

    Attributes:
        line_number: of its id, from 1.
        utterance_id: its name.
        errors: as counted.
        reference, hypothesis: tokens.
    """

    line_number: int
    utterance_id: str
    errors: int
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]


_COUNTS = r"N=(\d+) C=(\d+) S=(\d+) D=(\d+) I=(\d+)"
_OVERALL = re.compile(rf"^(\S.*?) -> +\S+ % {_COUNTS}\s*$")
_WER = re.compile(rf"^WER: +\S+ % {_COUNTS}\s*$")
_SIDE = re.compile(r"^(lab|rec)(?:\([^)]*\))?:(?: (.*))?$")
_LINE = re.compile(rb"^(?:WER: +\S+ % N=\d+ C=\d+ S=(\d+) D=(\d+) I=(\d+)|(\S[^\n]*) -> +[^\n]*)", re.MULTILINE)


def parse_totals(data: bytes) -> Iterator[Overall | UtteranceCount | Problem]:
    """Yield the totals of a file and the number of its utterances, without taking these apart."""
    utterances = with_errors = 0
    whole = data[: data.rfind(b"\n") + 1].removeprefix(b"\xef\xbb\xbf")
    for match in _LINE.finditer(whole):
        if match[4] is None:
            utterances += 1
            with_errors += match[1] != b"0" or match[2] != b"0" or match[3] != b"0"
            continue
        line = match[0].decode("utf-8", "backslashreplace").rstrip("\r")
        found = _OVERALL.match(line)
        line_number = whole.count(b"\n", 0, match.start()) + 1
        if found is None:
            if line.startswith("Overall"):
                yield Problem(line_number, shown(line), "expected N=, C=, S=, D= and I=")
            continue
        length, hits, substitutions, deletions, insertions = (int(each) for each in found.groups()[1:])
        if hits + substitutions + deletions != length:
            yield Problem(line_number, shown(line), "C, S and D do not add up to N")
            continue
        yield Overall(line_number, found[1], length, hits, substitutions, deletions, insertions)
    if utterances:
        yield UtteranceCount(utterances, with_errors)


def parse_utterances(data: bytes) -> Iterator[Compared | Problem]:
    """Yield the utterances of a file; a `Problem` for each that cannot be rebuilt."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace").split("\n")
    current: _Open | None = None
    for line_number, raw in enumerate(lines[:-1], start=1):
        line = raw.rstrip("\r")
        if line.startswith("utt: "):
            if current is not None:
                yield current.close()
            current = _Open(line_number, line[5:].strip())
        elif current is not None and (side := _SIDE.match(line)) is not None:
            (current.reference if side[1] == "lab" else current.hypothesis).extend((side[2] or "").split())
        elif current is not None and (counts := _WER.match(line)) is not None:
            current.counts = tuple(int(each) for each in counts.groups())
        elif line.startswith("=====") and current is not None:
            yield current.close()
            current = None


class _Open:
    """An utterance of which more lines may come."""

    def __init__(self, line_number: int, utterance_id: str) -> None:
        self.line_number, self.utterance_id = line_number, utterance_id
        self.counts: tuple[int, ...] | None = None
        self.reference: list[str] = []
        self.hypothesis: list[str] = []

    def close(self) -> Compared | Problem:
        """Return the utterance, if its tokens are as many as were counted."""
        name = shown(f"utt: {self.utterance_id}")
        if self.counts is None:
            return Problem(self.line_number, name, "an utterance without its counts")
        length, hits, substitutions, deletions, insertions = self.counts
        heard = hits + substitutions + insertions
        for reference, hypothesis in (
            (self.reference, self.hypothesis),
            (_unpadded(self.reference), _unpadded(self.hypothesis)),
        ):
            if (len(reference), len(hypothesis)) == (length, heard):
                errors = substitutions + deletions + insertions
                return Compared(self.line_number, self.utterance_id, errors, tuple(reference), tuple(hypothesis))
        reason = f"{len(self.reference)} and {len(self.hypothesis)} tokens, where {length} and {heard} were counted"
        return Problem(self.line_number, name, reason)


def _unpadded(tokens: list[str]) -> list[str]:
    """The tokens without what ``--padding-symbol=underline`` fills them up with."""
    return [plain for token in tokens if (plain := token.rstrip("_"))]
