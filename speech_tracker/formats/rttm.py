"""RTTM, rich transcription time marks: ``SPEAKER file channel onset duration <NA> <NA> speaker <NA> <NA>``.

Source: NIST RT-09 evaluation plan, appendix A (9 fields), and the 10-field form of md-eval and dscore.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.formats.numbers import seconds, time_text
from speech_tracker.formats.parsed import Findings, Parsed, lines_of
from speech_tracker.formats.utterance import checked_field

TYPES = frozenset(
    [
        "SEGMENT",
        "NOSCORE",
        "NO_RT_METADATA",
        "LEXEME",
        "NON-LEX",
        "NON-SPEECH",
        "FILLER",
        "EDIT",
        "IP",
        "SU",
        "CB",
        "A/P",
        "SPEAKER",
        "SPKR-INFO",
    ]
)
"""The object types of RTTM; only SPEAKER says who speaks when."""


@dataclass(frozen=True, slots=True)
class RttmTurn:
    """One speaker turn; times in seconds."""

    recording_id: str
    channel: str
    begin_s: float
    duration_s: float
    speaker_id: str
    line_number: int = field(default=0, compare=False)


def parse_rttm(text: str) -> Parsed[RttmTurn]:
    """Parse the SPEAKER lines of RTTM text; other object types are counted and left out."""
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings, comment=";;"):
        fields = line.split()
        if fields[0] != "SPEAKER":
            if fields[0] in TYPES:
                findings.note(f"{fields[0]} lines left out", number)
            else:
                findings.problem(number, line, "expected SPEAKER or another RTTM type in field 1")
            continue
        if len(fields) < 8:
            findings.problem(number, line, f"{len(fields)} fields, expected 9 or 10")
            continue
        begin, duration = seconds(fields[3]), seconds(fields[4])
        if begin is None or duration is None or duration < 0:
            findings.problem(number, line, "fields 4 and 5 are no onset and duration in seconds")
            continue
        records.append(RttmTurn(fields[1], fields[2], begin, duration, fields[7], number))
    return findings.parsed(records)


def format_rttm(turns: Iterable[RttmTurn]) -> str:
    """Return RTTM text of 10 fields a line.

    Raises:
        InvalidArgumentError: a field is empty or holds white space.
    """
    return "".join(
        f"SPEAKER {checked_field(each.recording_id, 'the recording id')} {checked_field(each.channel, 'the channel')} "
        f"{time_text(each.begin_s)} {time_text(each.duration_s)} <NA> <NA> "
        f"{checked_field(each.speaker_id, 'the speaker id')} <NA> <NA>\n"
        for each in turns
    )
