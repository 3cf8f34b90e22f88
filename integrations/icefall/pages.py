"""Results that a recipe's ``RESULTS.md`` tells, for when the folders that they came from are gone.

The first column of a table names the method, the columns of test sets hold rates in percent, the last one often the
options of decode.py. Source: egs/*/*/RESULTS.md of icefall.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, FoundRun, Outcome, Selection, Tally
from speech_tracker.ingest.markdown_tables import MarkdownTable
from speech_tracker.ingest.pages import run_of_section, with_keys_of_their_own
from speech_tracker.integrations.icefall.read import ReadFile, Tree
from speech_tracker.schema import Data, Decoding, Model, Speech

_RATE = re.compile(r"^[*_~]*(\d{1,3}(?:\.\d+)?)\s*%?(?:\s.*)?[*_~]*$")
_COUNTS = re.compile(r"N=(\d+)\s+C=(\d+)\s+S=(\d+)\s+D=(\d+)\s+I=(\d+)")
_TEST_SET = re.compile(
    r"(?i)(?:^|[^a-z])(?:test|dev|eval|valid|val|clean|other|meeting|net|meet|dt|cv|swbd|callhome|fleurs|giga\w*|commonvoice)"
    r"(?:[^a-z]|\d|$)|^(?:wer|cer|per)\b"
)
_NOT_A_SET = re.compile(
    r"(?i)comment|note|param|epoch|size|rtf|time|second|speed|hour|latency|memory|command|#|link|date|delta|avg|chunk|&"
)
_TWO_SETS = re.compile(r"^(.*?)\(\s*([\w-]+) & ([\w-]+)\s*\)$")
_OPTION = re.compile(r"--([a-z][\w-]*)[ =]+([^\s,;|]+)")
_CHARACTERS = re.compile(r"\bCER\b")
_WORDS = re.compile(r"\bWERs?\b")
_PHONES = re.compile(r"\bPER\b")
_CHARACTER_CORPORA = re.compile(
    r"(?i)aishell|wenetspeech|alimeeting|speechio|tal_csasr|kespeech|aidatatang|thchs|magicdata|csj"
)


def runs_of_page(file: ReadFile, tree: Tree) -> list[FoundRun]:
    """Return a run for each section of a page that has a table of results."""
    sections: dict[tuple[str, ...], list[MarkdownTable]] = {}
    for record in file.records:
        if isinstance(record, MarkdownTable):
            sections.setdefault(record.headings, []).append(record)
    shown = tree.shown(file.entry.path)
    runs = []
    for headings, tables in sections.items():
        evaluations = [each for table in tables for each in _evaluations(table, shown)]
        if evaluations:
            runs.append(_run(file, headings, tables[0].line_number, with_keys_of_their_own(evaluations), tree))
    return runs


def _evaluations(table: MarkdownTable, shown: str) -> Iterable[FoundEvaluation]:
    where = f"{shown}:{table.line_number}"
    text = " ".join((*table.headings[-1:], table.caption, *table.columns[:1]))
    whole_text = " ".join((*table.headings, table.caption))
    for line_number, row in table.records():
        names = list(row)
        first = row[names[0]] if names else ""
        metric = _metric(f"{first} {text}", whole_text, shown)
        comment = " ".join(value for value in row.values() if "--" in value)
        options: dict[str, Any] = {name.replace("-", "_"): _plain(value) for name, value in _OPTION.findall(comment)}
        options.update((_as_name(name), _plain(row[name])) for name in names[1:] if _is_setting(name, row[name]))
        for test_set, method, cell in _cells(row):
            outcome = _outcome(cell, f"{shown}:{line_number}", options)
            if outcome is None:
                continue
            yield FoundEvaluation(
                key=f"{test_set}/{method or 'result'}{_suffix(options)}",
                path=f"{shown}:{line_number}",
                test_set=test_set,
                metric=metric,
                points=(outcome,),
                best=outcome,
                reported=outcome,
                selection=Selection("only-point", "", f"as the page says for {method or 'this model'}"),
                rtf=None,
                decoding={"method": method or "decode"},
                facts={"table": where, **({"comment": comment} if comment else {})},
                fingerprint=hashlib.blake2b(
                    repr((test_set, method, outcome.error_rate, sorted(options.items(), key=str))).encode(),
                    digest_size=8,
                ).hexdigest(),
                checkpoint="",
            )


def _cells(row: dict[str, str]) -> Iterable[tuple[str, str, str]]:
    """The cells with results, each with its test set and method."""
    (_, first), *others = row.items()
    for column, cell in others:
        both = _TWO_SETS.match(column)
        values = cell.split("&")
        if both is not None and len(values) == 2:
            method = f"{both[1].strip()} ({first})"
            yield from ((both[2 + place], method, value.strip()) for place, value in enumerate(values))
        elif _TEST_SET.search(column) and not _NOT_A_SET.search(column):
            yield column, first, cell


def _is_setting(column: str, cell: str) -> bool:
    """Whether a column tells a setting of the search rather than a result."""
    known = re.search(r"(?i)scale|chunk size$|context$|decoding mode|num_paths|avg$|epoch$", column)
    return known is not None and bool(cell) and "--" not in cell


def _suffix(options: dict[str, Any]) -> str:
    return "".join(f"/{name}-{value}" for name, value in options.items())


def _as_name(column: str) -> str:
    return re.sub(r"\W+", "_", column.strip().lower()).strip("_")


def _metric(near: str, far: str, path: str) -> str:
    for text in (near, far):
        for pattern, name in ((_CHARACTERS, "cer"), (_WORDS, "wer"), (_PHONES, "per")):
            if pattern.search(text):
                return name
    return "cer" if _CHARACTER_CORPORA.search(path) else "wer"


def _outcome(cell: str, source: str, options: dict[str, Any]) -> Outcome | None:
    counts = _COUNTS.search(cell)
    if counts is not None:
        length, hits, substitutions, deletions, insertions = (int(each) for each in counts.groups())
        if hits + substitutions + deletions == length:
            tally = Tally(substitutions, deletions, insertions, length)
            return Outcome(source, None, None, tally.error_rate, length, tally, None, dict(options))
    match = _RATE.match(cell.strip())
    return (
        None if match is None else Outcome(source, None, None, float(match[1]) / 100, None, None, None, dict(options))
    )


def _plain(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _run(
    file: ReadFile, headings: tuple[str, ...], line_number: int, evaluations: tuple[FoundEvaluation, ...], tree: Tree
) -> FoundRun:
    titles = [each for each in headings if each.lower() not in ("results", "")]
    name = (
        " / ".join(each if len(each) <= 60 else f"{each[:59]}…" for each in titles[-2:])
        or Path(tree.shown(file.entry.path)).parent.name
    )
    parameters = re.search(r"number of model parameters: ?(\d[\d,]*)", " ".join(headings))
    speech = Speech(
        task="asr",
        toolkit="icefall",
        model=Model(parameters=int(parameters[1].replace(",", "")) if parameters is not None else None),
        data=Data(test_sets=tuple(dict.fromkeys(each.test_set for each in evaluations))),
        decoding=Decoding(),
    )
    return run_of_section(
        file, tree, headings=headings, line_number=line_number, name=name, evaluations=evaluations, speech=speech
    )
