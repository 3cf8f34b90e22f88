"""JSON lines (NeMo manifests, Hugging Face, Lhotse-like) and JSON documents of rows or of id → text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from speech_tracker.errors import FormatError
from speech_tracker.formats.columns import Row, Side, choose_columns, utterances
from speech_tracker.formats.parsed import BLANKS, Findings, Parsed, lines_of
from speech_tracker.formats.utterance import Utterance


def loads(text: str) -> Any:
    """Return the JSON value in `text`; NaN and Infinity, which Python writes, are read.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def parse_json_lines(text: str, *, side: Side = "reference", text_column: str | None = None) -> Parsed[Utterance]:
    """Parse one JSON object a line.

    Raises:
        FormatError: no object has the columns that are needed.
    """
    findings = Findings()
    rows: list[Row] = []
    lines = list(lines_of(text, findings))
    for number, line in lines:
        try:
            value = loads(line)
        except ValueError as error:
            torn = number == lines[-1][0] and not text.endswith("\n")
            findings.problem(
                number, line, "cut short (is the file still being written?)" if torn else f"no JSON: {error}"
            )
            continue
        if isinstance(value, dict):
            rows.append((number, value))
        else:
            findings.problem(number, line, "a JSON object was expected")
    return _from_rows(rows, findings, side, text_column)


def parse_json_document(text: str, *, side: Side = "reference", text_column: str | None = None) -> Parsed[Utterance]:
    """Parse a JSON array of objects, or one object of id → text; `line_number` is the place in it, from 1.

    Raises:
        FormatError: it is no JSON, or something else.
    """
    findings = Findings()
    try:
        value = loads(text)
    except ValueError as error:
        raise FormatError(f"no JSON document: {error}; is the file cut short?") from error
    if isinstance(value, dict):
        texts = list(enumerate(value.items(), start=1))
        if 2 * sum(isinstance(each, str) for each in value.values()) < len(value):
            raise FormatError("a JSON object of id and text was expected, and most of its values are no text")
        found = [Utterance(key, each.strip(BLANKS), number) for number, (key, each) in texts if isinstance(each, str)]
        for number, (key, each) in texts:
            if not isinstance(each, str):
                findings.problem(number, f"{key}: {each}", "the value is no text")
        return findings.parsed(found)
    if not isinstance(value, list):
        raise FormatError("a JSON array of objects, or an object of id and text, was expected")
    rows: list[Row] = []
    for number, each in enumerate(value, start=1):
        if isinstance(each, dict):
            rows.append((number, each))
        else:
            findings.problem(number, str(each), "a JSON object was expected")
    return _from_rows(rows, findings, side, text_column)


def _from_rows(rows: list[Row], findings: Findings, side: Side, text_column: str | None) -> Parsed[Utterance]:
    if not rows:
        return findings.parsed([])
    names: dict[str, None] = {}
    for _, row in rows:
        names.update(dict.fromkeys(row))
    columns = choose_columns(names, side, text_column=text_column)
    return findings.parsed(utterances(rows, columns, findings))


def format_json_lines(found: Iterable[Utterance], *, text_key: str = "text") -> str:
    """Return JSON lines with ``utterance_id``, `text_key`, and ``speaker_id``, ``duration`` where known."""
    lines = []
    for each in found:
        row: dict[str, object] = {"utterance_id": each.utterance_id, text_key: each.text}
        if each.speaker_id is not None:
            row["speaker_id"] = each.speaker_id
        if each.duration_s is not None:
            row["duration"] = each.duration_s
        lines.append(orjson.dumps(row | _without(each.attributes, row)).decode() + "\n")
    return "".join(lines)


def _without(attributes: Mapping[str, str], row: Mapping[str, object]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key not in row}
