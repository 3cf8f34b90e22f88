"""A score as one page of HTML: no network, no other file, safe against markup in transcripts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.evaluation.grouped import attribute_breakdowns
from speech_tracker.evaluation.show import LABELS, interval_line, percent
from speech_tracker.evaluation.show_alignment import visible
from speech_tracker.evaluation.worst import WorstUtterance, confusions, worst_utterances
from speech_tracker.optional import require

if TYPE_CHECKING:
    from speech_tracker.evaluation.counts import ErrorCounts
    from speech_tracker.evaluation.result import Evaluation
    from speech_tracker.evaluation.score_files import FileScore

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_ROWS = 200
_NAMES = {"C": "hit", "S": "substitution", "D": "deletion", "I": "insertion"}


@dataclass(frozen=True, slots=True)
class _Group:
    """One row of a table of groups."""

    name: str
    counts: ErrorCounts
    rate: float | None


def write_html(scored: FileScore, path: str | os.PathLike[str], *, worst: int = 100) -> None:
    """Write the page, atomically.

    Args:
        scored: what `score_files` returned.
        path: the file to write.
        worst: how many utterances with their alignment.

    Raises:
        MissingExtraError: jinja2 is not installed.
        OSError: the file cannot be written.
    """
    text = html_page(scored, worst=worst)
    path = Path(path)
    temporary = path.parent / f".score-{secrets.token_hex(8)}.tmp"
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def html_page(scored: FileScore, *, worst: int = 100) -> str:
    """Return the page as text; the arguments are those of `write_html`.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    jinja2 = require("jinja2", extra="report", purpose="write HTML")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = percent
    return str(environment.get_template("score.html.j2").render(**_values(scored, worst)))


def _values(scored: FileScore, worst: int) -> dict[str, Any]:
    evaluation = scored.evaluation
    counts = evaluation.counts
    confused = confusions(evaluation, 25)
    return {
        "title": Path(scored.sides.hypothesis.path).name or "score",
        "reference": scored.sides.reference,
        "hypothesis": scored.sides.hypothesis,
        "label": LABELS[evaluation.unit],
        "token": "character" if evaluation.unit == "char" else "word",
        "evaluation": evaluation,
        "counts": counts,
        "kaldi_line": counts.kaldi_line(LABELS[evaluation.unit]),
        "interval": scored.interval,
        "interval_line": "" if scored.interval is None else interval_line(scored.interval),
        "axis": _axis(scored),
        "cer": scored.characters.counts.error_rate,
        "wer": scored.words.counts.error_rate,
        "parts": _parts(counts),
        "groups": _groups(evaluation, scored.asked),
        "worst": [_utterance(each) for each in worst_utterances(evaluation, worst)],
        "confusions": {
            "substitutions": [(visible(a), visible(b), count) for a, b, count in confused.substitutions],
            "deletions": [(visible(word), count) for word, count in confused.deletions],
            "insertions": [(visible(word), count) for word, count in confused.insertions],
        },
        "remarks": scored.remarks,
        "version": _version(),
    }


def _axis(scored: FileScore) -> dict[str, float] | None:
    """Return where the interval stands on a bar that begins at 0, in percent of the bar's length."""
    interval = scored.interval
    if interval is None:
        return None
    end = max(interval.high * 1.25, 1e-9)
    low = max(interval.low, 0.0)
    rate = scored.evaluation.error_rate or 0.0
    return {"low": 100 * low / end, "width": 100 * (interval.high - low) / end, "rate": 100 * rate / end, "end": end}


def _parts(counts: ErrorCounts) -> list[tuple[str, str, int, float]]:
    """Return class, name, count and share (percent of all errors) of the three kinds of errors."""
    total = max(counts.errors, 1)
    found = (("S", counts.substitutions), ("D", counts.deletions), ("I", counts.insertions))
    return [(code, f"{_NAMES[code]}s", count, 100 * count / total) for code, count in found]


def _groups(evaluation: Evaluation, asked: Sequence[str]) -> list[dict[str, Any]]:
    """Return a table for the speakers, worst first, and for each attribute that groups utterances."""
    tables = []
    if "speaker_id" in evaluation.attributes:
        speakers = evaluation.by("speaker_id").items()
        rows = [
            _Group("(none)" if name is None else visible(str(name)), each, each.error_rate) for name, each in speakers
        ]
        rows.sort(key=lambda row: (1.0 if row.rate is None else -row.rate, row.name))
        tables.append(_table("Speakers", rows))
    for found in attribute_breakdowns(evaluation, asked=asked):
        rows = [
            _Group(
                "(none)" if group.value is None else visible(str(group.value)), group.counts, group.counts.error_rate
            )
            for group in (found.groups if len(found.groups) <= _MOST_ROWS else found.worst_first())
        ]
        title = "Duration (s)" if found.attribute == "duration_s" else visible(found.attribute.removesuffix("_id"))
        tables.append(_table(title.replace("_", " ").capitalize(), rows))
    return tables


def _table(title: str, rows: list[_Group]) -> dict[str, Any]:
    highest = max((row.rate or 0.0 for row in rows), default=0.0) or 1.0
    return {"title": title, "rows": rows[:_MOST_ROWS], "total": len(rows), "highest": highest}


def _utterance(each: WorstUtterance) -> dict[str, Any]:
    shown = {name: visible(str(value)) for name, value in each.attributes.items() if value is not None}
    return {
        "id": visible(each.utterance_id),
        "counts": each.counts,
        "attributes": shown,
        "cells": [_cell(code, pair) for code, pair in zip(each.operations, each.aligned, strict=True)],
    }


def _cell(code: str, pair: Sequence[str | None]) -> tuple[str, str, str, str]:
    """Return class, reference, hypothesis and what a screen reader says."""
    reference, hypothesis = ("" if word is None else visible(word) or "@" for word in pair)
    return code, reference, hypothesis, _NAMES[code]


def _version() -> str:
    try:
        return version("speech-tracker")
    except PackageNotFoundError:
        return ""
