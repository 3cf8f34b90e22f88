"""SegLST, MeetEval's segment list: a JSON array of ``session_id``, ``speaker``, ``start_time``, ``end_time``, ``words``.

Source: CHiME-7/8 DASR; MeetEval documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from speech_tracker.errors import FormatError
from speech_tracker.formats.json_rows import loads
from speech_tracker.formats.numbers import seconds
from speech_tracker.formats.parsed import BLANKS, Findings, Parsed


@dataclass(frozen=True, slots=True)
class SeglstSegment:
    """One segment; times in seconds, None when not given."""

    session_id: str
    speaker_id: str | None
    begin_s: float | None
    end_s: float | None
    words: str
    place: int = field(default=0, compare=False)

    @property
    def utterance_id(self) -> str:
        """Key made of session, speaker and times in milliseconds; the place in the file when there are no times."""
        if self.begin_s is None or self.end_s is None:
            return f"{self.session_id}-{self.speaker_id or ''}-{self.place:06d}"
        return (
            f"{self.session_id}-{self.speaker_id or ''}-{round(self.begin_s * 1000):08d}-{round(self.end_s * 1000):08d}"
        )


def parse_seglst(text: str) -> Parsed[SeglstSegment]:
    """Parse a SegLST document; `place` counts segments from 1.

    Raises:
        FormatError: it is no JSON array.
    """
    findings = Findings()
    try:
        value = loads(text)
    except ValueError as error:
        raise FormatError(f"no JSON document: {error}; is the file cut short?") from error
    if not isinstance(value, list):
        raise FormatError("a JSON array of segments was expected")
    records = []
    for place, each in enumerate(value, start=1):
        if not isinstance(each, dict) or not isinstance(each.get("words"), str) or "session_id" not in each:
            findings.problem(place, str(each), "a segment with session_id and words was expected")
            continue
        begin, end = seconds(each.get("start_time")), seconds(each.get("end_time"))
        speaker = each.get("speaker")
        name = None if speaker is None else str(speaker)
        records.append(SeglstSegment(str(each["session_id"]), name, begin, end, each["words"].strip(BLANKS), place))
    return findings.parsed(records)


def format_seglst(segments: Iterable[SeglstSegment]) -> str:
    """Return a SegLST document."""
    rows = []
    for each in segments:
        row: dict[str, object] = {"session_id": each.session_id, "words": each.words}
        if each.speaker_id is not None:
            row["speaker"] = each.speaker_id
        if each.begin_s is not None:
            row["start_time"] = each.begin_s
        if each.end_s is not None:
            row["end_time"] = each.end_s
        rows.append(row)
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n"
