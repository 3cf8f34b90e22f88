"""STM, NIST's segment time marks: ``file channel speaker begin end [<label,label>] words``.

Source: SCTK 2.4.12, doc/infmts.htm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from speech_tracker.formats.numbers import seconds, time_text
from speech_tracker.formats.parsed import BLANKS, Findings, lines_of
from speech_tracker.formats.problems import Problem
from speech_tracker.formats.utterance import checked_field, checked_text

IGNORE = "IGNORE_TIME_SEGMENT_IN_SCORING"
"""A transcript of this text takes the time out of scoring: hypothesis words in it are neither right nor wrong."""

_FIELDS = re.compile(
    r"\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+<([^<>\s]+)>(?=\s|$))?(?:\s+(.*))?", re.DOTALL | re.ASCII
)
_LABEL = re.compile(r';;\s*(LABEL|CATEGORY)\s+"([^"]*)"\s+"([^"]*)"\s+"([^"]*)"')


@dataclass(frozen=True, slots=True)
class StmSegment:
    """One segment; times in seconds from the start of the recording."""

    recording_id: str
    channel: str
    speaker_id: str
    begin_s: float
    end_s: float
    text: str
    labels: tuple[str, ...] = ()
    line_number: int = field(default=0, compare=False)

    @property
    def utterance_id(self) -> str:
        """Key made of speaker, recording, channel and times in milliseconds, sorting by time within a recording."""
        times = f"{round(self.begin_s * 1000):08d}-{round(self.end_s * 1000):08d}"
        return f"{self.speaker_id}-{self.recording_id}-{self.channel}-{times}"

    @property
    def is_ignored(self) -> bool:
        """Whether the segment is out of bounds for scoring."""
        return IGNORE in self.text or IGNORE.replace("_", "") in self.text


@dataclass(frozen=True, slots=True)
class StmLabel:
    """A subset (``LABEL``) or a group of subsets (``CATEGORY``) named in the comments of the file."""

    kind: str
    label_id: str
    heading: str
    description: str


@dataclass(frozen=True, slots=True)
class Stm:
    """A whole STM file."""

    segments: tuple[StmSegment, ...]
    labels: tuple[StmLabel, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def attributes(self, segment: StmSegment) -> Mapping[str, str]:
        """Return the segment's labels, named by the category of their position, or ``label_1``, ``label_2``, …."""
        names = {each.label_id: each.heading for each in self.labels if each.kind == "CATEGORY" and each.heading}
        return {names.get(str(i), f"label_{i + 1}"): label for i, label in enumerate(segment.labels)}


def parse_stm(text: str) -> Stm:
    """Parse STM text.

    >>> parse_stm("2345 A 2345-a 0.10 2.03 <O,F> uh huh { yes / yeah }\\n").segments[0].labels
    ('O', 'F')
    """
    findings = Findings()
    segments: list[StmSegment] = []
    labels: list[StmLabel] = []
    for number, line in lines_of(text, findings):
        if line.startswith(";;"):
            if (label := _LABEL.match(line)) is not None:
                labels.append(StmLabel(label[1], label[2], label[3], label[4]))
            continue
        found = _FIELDS.fullmatch(line)
        if found is None:
            findings.problem(
                number, line, "fewer than 5 fields, expected file channel speaker begin end [<labels>] words"
            )
            continue
        begin, end = seconds(found[4]), seconds(found[5])
        if begin is None or end is None:
            findings.problem(number, line, "fields 4 and 5 are no times in seconds")
            continue
        if end < begin:
            findings.problem(number, line, "the segment ends before it begins")
            continue
        names = tuple(found[6].split(",")) if found[6] else ()
        segments.append(
            StmSegment(found[1], found[2], found[3], begin, end, (found[7] or "").strip(BLANKS), names, number)
        )
    return Stm(tuple(segments), tuple(labels), findings.problems, findings.notes)


def format_stm(segments: Iterable[StmSegment], labels: Iterable[StmLabel] = ()) -> str:
    """Return STM text, labels first, segments in the order given (sclite wants file, channel, begin).

    Raises:
        InvalidArgumentError: a field is empty or holds white space, or a text a line end.
    """
    lines = [f';; {each.kind} "{each.label_id}" "{each.heading}" "{each.description}"\n' for each in labels]
    for each in segments:
        fields = [
            checked_field(each.recording_id, "the recording id"),
            checked_field(each.channel, "the channel"),
            checked_field(each.speaker_id, "the speaker id"),
            time_text(each.begin_s),
            time_text(each.end_s),
        ]
        if each.labels:
            fields.append(f"<{','.join(checked_field(name, 'a label', forbidden=' ,<>') for name in each.labels)}>")
        lines.append(" ".join([*fields, checked_text(each.text)]).rstrip(" ") + "\n")
    return "".join(lines)
