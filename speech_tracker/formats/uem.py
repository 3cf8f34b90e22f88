"""UEM, un-partitioned evaluation map: ``file channel begin end``, the parts of a recording that are scored.

Source: NIST RT-09 evaluation plan, appendix A.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from speech_tracker.formats.numbers import seconds, time_text
from speech_tracker.formats.parsed import Findings, Parsed, lines_of
from speech_tracker.formats.utterance import checked_field


@dataclass(frozen=True, slots=True)
class UemRegion:
    """A part of a recording that is scored; times in seconds."""

    recording_id: str
    channel: str
    begin_s: float
    end_s: float
    line_number: int = field(default=0, compare=False)


def parse_uem(text: str) -> Parsed[UemRegion]:
    """Parse UEM text; lines that begin with ``;;`` are comments."""
    findings = Findings()
    records = []
    for number, line in lines_of(text, findings, comment=";;"):
        fields = line.split()
        if len(fields) != 4:
            findings.problem(number, line, f"{len(fields)} fields, expected 4 (file, channel, begin, end)")
            continue
        begin, end = seconds(fields[2]), seconds(fields[3])
        if begin is None or end is None or end <= begin:
            findings.problem(number, line, "fields 3 and 4 are no begin and later end in seconds")
            continue
        records.append(UemRegion(fields[0], fields[1], begin, end, number))
    return findings.parsed(records)


def format_uem(regions: Iterable[UemRegion]) -> str:
    """Return UEM text.

    Raises:
        InvalidArgumentError: a field is empty or holds white space.
    """
    return "".join(
        f"{checked_field(each.recording_id, 'the recording id')} {checked_field(each.channel, 'the channel')} "
        f"{time_text(each.begin_s)} {time_text(each.end_s)}\n"
        for each in regions
    )


def regions_of(regions: Iterable[UemRegion]) -> dict[str, list[tuple[float, float]]]:
    """Return recording → (begin, end) in seconds; channels of one recording are one."""
    found: dict[str, list[tuple[float, float]]] = {}
    for each in regions:
        span = (each.begin_s, each.end_s)
        if span not in found.setdefault(each.recording_id, []):
            found[each.recording_id].append(span)
    return found
