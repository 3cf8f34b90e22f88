"""Results that a recipe's README tells, for when the folders that they came from are gone.

The first column of a table names the mode of the search. The others are test sets, or chunk sizes (``full``, ``16``), or one
``CER``; a cell is a rate in percent, or WeNet's ``2.57 % N=104765 C=102142 S=2529 D=94 I=74``. Tables of sclite are read too.
Source: examples/*/*/README.md of WeNet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, FoundRun, Outcome, Selection, Tally
from speech_tracker.ingest.markdown_tables import MarkdownItem, MarkdownTable
from speech_tracker.ingest.pages import run_of_section, with_keys_of_their_own
from speech_tracker.integrations.wenet.read import ReadFile, Tree
from speech_tracker.schema import Data, Speech

_RATE = re.compile(r"^[*_~]*(\d{1,3}(?:\.\d+)?)\s*%?[*_~+‡]*(?:\s.*)?$")
_COUNTS = re.compile(r"N=(\d+)\s+C=(\d+)\s+S=(\d+)\s+D=(\d+)\s+I=(\d+)")
_CHUNK = re.compile(r"^(full|-?\d+)$")
_TEST_SET = re.compile(
    r"(?i)(?:^|[^a-z])(?:test|dev|eval|valid|clean|other|meeting|net|swbd|callhome|chm)(?:[^a-z]|\d|$)"
)
_CHARACTER_CORPORA = re.compile(r"(?i)aishell|csj|wenetspeech|multi_cn|hkust|thchs|timit_no")
_MODE = re.compile(r"(?i)decod|mode|method|chunk|search")


def runs_of_page(file: ReadFile, tree: Tree) -> list[FoundRun]:
    """Return a run for each section of a page that has a table of results."""
    sections: dict[tuple[str, ...], list[MarkdownTable]] = {}
    notes: dict[tuple[str, ...], list[str]] = {}
    parts: dict[tuple[str, ...], int] = {}
    for record in file.records:
        plain = _section(record.headings)
        section = (*plain, *([f"({parts[plain]})"] if parts.get(plain, 1) > 1 else []))
        if isinstance(record, MarkdownTable):
            sections.setdefault(section, []).append(record)
        elif isinstance(record, MarkdownItem) and record.depth is not None:
            if section in sections:  # what is said of another model begins
                parts[plain] = parts.get(plain, 1) + 1
                section = (*plain, f"({parts[plain]})")
            notes.setdefault(section, []).append(record.text)
    shown = tree.shown(file.entry.path)
    runs = []
    for headings, tables in sections.items():
        evaluations = with_keys_of_their_own(each for table in tables for each in _evaluations(table, shown))
        if evaluations:
            runs.append(_run(file, headings, tables[0].line_number, evaluations, notes.get(headings, []), tree))
    return runs


def _section(headings: tuple[str, ...]) -> tuple[str, ...]:
    """The headings without those that only name the test set of a table of sclite."""
    return headings[:-1] if len(headings) > 1 and "scoring" in headings[-1].lower() else headings


def _evaluations(table: MarkdownTable, shown: str) -> Iterable[FoundEvaluation]:
    names = [name.strip() for _, row in table.records() for name in row][: len(table.columns)]
    if names[:1] == ["SPKR"]:
        yield from _of_sclite(table, shown)
        return
    if not names or not (_MODE.search(names[0]) or any(_TEST_SET.search(name) for name in names[1:])):
        return
    for line_number, row in table.records():
        (_, mode), *cells = row.items()
        for column, cell in cells:
            options: dict[str, Any] = {}
            test_set = "test"
            metric = _metric(column, table, shown)
            if (chunk := _CHUNK.match(column)) is not None:
                options["chunk_size"] = -1 if chunk[1] == "full" else int(chunk[1])
            elif re.search(r"\b[CW]ER\b", column):
                test_set = re.sub(r"\s*\b[CW]ER\b\s*", " ", column).strip() or test_set
            elif _TEST_SET.search(column):
                test_set = column
            else:
                continue
            outcome = _outcome(cell, f"{shown}:{line_number}", options)
            if outcome is not None:
                yield _evaluation(test_set, mode, metric, outcome, f"{shown}:{line_number}", options)


def _of_sclite(table: MarkdownTable, shown: str) -> Iterable[FoundEvaluation]:
    """The sum line of a table that was copied from sclite: percentages of the words."""
    heading = table.headings[-1] if table.headings else ""
    match = re.match(r"(?i)(\w+) set", heading)
    chunk = re.search(r"(?i)chunk (\d+)", heading)
    options = {"chunk_size": int(chunk[1])} if chunk is not None else {}
    for line_number, row in table.records():
        if not row["SPKR"].lower().startswith("sum") or "Err" not in row:
            continue
        rate = _RATE.match(row["Err"])
        words = row.get("# Wrd", "")
        if rate is None:
            continue
        length = int(words) if words.isdecimal() else None
        source = f"{shown}:{line_number}"
        outcome = Outcome(source, None, None, float(rate[1]) / 100, length, None, None, options)
        yield _evaluation(match[1] if match is not None else "test", "decode", "wer", outcome, source, options)


def _evaluation(
    test_set: str, mode: str, metric: str, outcome: Outcome, place: str, options: dict[str, Any]
) -> FoundEvaluation:
    suffix = "".join(f"/{name}-{value}" for name, value in options.items())
    content = repr((test_set, mode, metric, outcome.error_rate, outcome.tally, sorted(options.items())))
    return FoundEvaluation(
        key=f"{test_set}/{mode or 'result'}{suffix}",
        path=place,
        test_set=test_set,
        metric=metric,
        points=(outcome,),
        best=outcome,
        reported=outcome,
        selection=Selection("only-point", "", f"as the page says for {mode or 'this model'}"),
        rtf=None,
        decoding={"method": mode or "decode"},
        facts={},
        fingerprint=hashlib.blake2b(content.encode(), digest_size=8).hexdigest(),
        checkpoint="",
    )


def _metric(column: str, table: MarkdownTable, path: str) -> str:
    for text in (column, " ".join((table.caption, *table.headings))):
        if re.search(r"\bCER\b", text):
            return "cer"
        if re.search(r"\bWER\b", text):
            return "wer"
    return "cer" if _CHARACTER_CORPORA.search(path) else "wer"


def _outcome(cell: str, source: str, options: dict[str, Any]) -> Outcome | None:
    counts = _COUNTS.search(cell)
    if counts is not None:
        length, hits, substitutions, deletions, insertions = (int(each) for each in counts.groups())
        if hits + substitutions + deletions == length and length:
            tally = Tally(substitutions, deletions, insertions, length)
            return Outcome(source, None, None, tally.error_rate, length, tally, None, dict(options))
    match = _RATE.match(cell.strip())
    return (
        None if match is None else Outcome(source, None, None, float(match[1]) / 100, None, None, None, dict(options))
    )


def _run(
    file: ReadFile,
    headings: tuple[str, ...],
    line_number: int,
    evaluations: tuple[FoundEvaluation, ...],
    notes: list[str],
    tree: Tree,
) -> FoundRun:
    place = "/".join(Path(tree.shown(file.entry.path)).absolute().parts[-3:-1])
    return run_of_section(
        file,
        tree,
        headings=headings,
        line_number=line_number,
        name=" / ".join((place, *headings[-2 if headings[-1:] and headings[-1].startswith("(") else -1 :])),
        evaluations=evaluations,
        speech=Speech(
            task="asr",
            toolkit="wenet",
            data=Data(test_sets=tuple(dict.fromkeys(each.test_set for each in evaluations))),
        ),
        facts={"notes": notes},
    )
