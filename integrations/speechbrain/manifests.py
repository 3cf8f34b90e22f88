"""Data manifests, CSV and JSON, as SpeechBrain's data sets read them: what is in them, and which version it is.

CSV: ``ID,duration,wav,spk_id,wrd``; JSON: ``{"id": {"wav": …, "length": 3.2, "spk_id": …}}``. Columns are the recipe's
own; the duration is in seconds. Source: SpeechBrain 1.1, ``speechbrain.dataio.dataio.load_data_csv`` and
``load_data_json``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from speech_tracker.formats.problems import Problem

DURATIONS = ("duration", "length")
SPEAKERS = ("spk_id", "speaker_id", "speaker", "spk")
TEXTS = ("wrd", "words", "transcript", "text", "trn")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says.

    Attributes:
        version: of its content, as `data_sets.version` tells it.
        utterances: rows.
        seconds: of audio; None where a row has no duration.
        speakers: distinct ones; None where a row has none.
        words: of all transcripts; None where a row has none.
    """

    version: str
    utterances: int
    seconds: float | None
    speakers: int | None
    words: int | None


def parse_manifest(data: bytes, name: str) -> Iterator[Manifest | Problem]:
    """Yield what a manifest says; nothing where the file is none.

    Args:
        data: the file.
        name: of the file: its ending tells which of the two forms it has.
    """
    problems: list[Problem] = []
    utterances = words = 0
    seconds: list[float] = []
    speakers: list[str] = []
    transcripts = 0
    for row in _rows(data, name, problems):
        utterances += 1
        duration = _first(row, DURATIONS)
        try:
            value = float(duration) if duration is not None else math.nan
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            seconds.append(value)
        speaker = _first(row, SPEAKERS)
        if speaker:
            speakers.append(speaker)
        text = _first(row, TEXTS)
        if text is not None:
            transcripts += 1
            words += len(text.split())
    yield from problems
    if utterances:
        yield Manifest(
            hashlib.sha256(data).hexdigest()[:16],
            utterances,
            sum(seconds) if len(seconds) == utterances else None,
            len(set(speakers)) if len(speakers) == utterances else None,
            words if transcripts == utterances else None,
        )


def speakers_of(data: bytes, name: str) -> dict[str, str]:
    """Return utterance id → speaker of the rows that have one."""
    found: dict[str, str] = {}
    for row in _rows(data, name, []):
        speaker = _first(row, SPEAKERS)
        if speaker:
            found[str(row["ID"])] = speaker
    return found


def _rows(data: bytes, name: str, problems: list[Problem]) -> Iterator[Mapping[str, Any]]:
    if name.endswith(".json"):
        yield from _json_rows(data, problems)
    else:
        yield from _csv_rows(data, problems)


def _csv_rows(data: bytes, problems: list[Problem]) -> Iterator[Mapping[str, Any]]:
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""), skipinitialspace=True)
    try:
        header = [each.strip() for each in next(lines, [])]
        if "ID" not in header:
            return
        for row in lines:
            if not row:
                continue
            if len(row) != len(header):
                reason = f"a row of {len(row)} fields, expected {len(header)}: {','.join(header)}"
                problems.append(Problem(lines.line_num, ",".join(row)[:160], reason))
                continue
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        problems.append(Problem(lines.line_num, "", f"no CSV: {error}"))


def _json_rows(data: bytes, problems: list[Problem]) -> Iterator[Mapping[str, Any]]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(getattr(error, "lineno", 0), "", f"no JSON: {str(error)[:120]}"))
        return
    if not isinstance(content, dict):
        return
    for key, row in content.items():
        if not isinstance(row, dict):
            return  # a JSON file of another kind
        yield {**row, "ID": key}


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
    return None
