"""Searches as results: recognition scored anew with its utterances, translations as a table with the printed BLEU."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speech_tracker.ingest.found import FoundEvaluation, FoundTable, LocatedProblem, Outcome, Selection
from speech_tracker.integrations.fairseq.decodes import Decode
from speech_tracker.integrations.fairseq.facts import setting, task_name
from speech_tracker.integrations.fairseq.places import file_of
from speech_tracker.integrations.fairseq.scored import Texts, differs, manifest_rows, outcome_of, scored
from speech_tracker.integrations.fairseq.searches import Search

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
ONLY = Selection("only-point", "", "the only setting that was scored")


@dataclass(frozen=True, slots=True)
class Result:
    """What one search gave.

    Attributes:
        file: that tells it, absolute.
        model: checkpoint, as printed; ``""`` where it is not known.
        task: of the experiment, None where only a training can tell.
        evaluation: of a recognition.
        table: of a translation.
        config: of the search.
        problems: of the file.
    """

    file: Path
    model: str
    task: str | None
    evaluation: FoundEvaluation | None
    table: FoundTable | None
    config: dict[str, Any]
    problems: tuple[LocatedProblem, ...]


def result_of(decode: Decode, search: Search, file: Path, shown: str, key: str, root: Path, *, settled: bool) -> Result:
    """Return the result of a search whose hypotheses were printed.

    Args:
        decode: the hypotheses.
        search: what else is known.
        file: they stand in, absolute.
        shown: the same as the user would open it.
        key: stable name of the result.
        root: folder that is read, absolute.
        settled: whether nothing is to come.
    """
    problems = [LocatedProblem(shown, each.line_number or None, each.reason, each.text) for each in decode.problems]
    test_set = search.subset or _set_from_name(file.name)
    task = task_name(search.config) if search.config else None
    if _is_translation(decode, search, task):
        table = FoundTable(
            f"translations/{_part(test_set)}",
            ("row", "source", "reference", "hypothesis", "score"),
            tuple((pair.key, pair.source, pair.reference, pair.hypothesis, pair.score) for pair in decode.pairs),
        )
        counted = {"utterances": len(decode.pairs)}
        printed = figures(search, shown, key, test_set, settled=settled, facts=counted)
        if task in (None, "other"):
            task = "mt" if decode.is_translation else "st"
        return Result(file, search.model, task, printed, table, search.config, tuple(problems))
    texts, ids = _texts(decode, search, file, root)
    evaluation = recognition(texts, search, shown, key, test_set, problems, settled=settled, facts={"ids": ids})
    return Result(file, search.model, task, evaluation, None, search.config, tuple(problems))


def _is_translation(decode: Decode, search: Search, task: str | None) -> bool:
    if search.metric == "wer" or task == "asr":
        return False
    return decode.is_translation or search.metric in ("bleu", "chrf", "ter") or task in ("st", "mt")


def figures(
    search: Search, shown: str, key: str, test_set: str, *, settled: bool, facts: Mapping[str, Any] | None = None
) -> FoundEvaluation:
    """Return the evaluation of a search of which only the printed figure counts: WER as a fraction, BLEU in points.

    Args:
        search: what is known.
        shown: the file that says so, as the user would open it.
        key: stable name of the result.
        test_set: its name.
        settled: whether nothing is to come.
        facts: to be recorded beside those of the search.
    """
    rate = search.printed / 100 if search.metric == "wer" and search.printed is not None else None
    point = None if rate is None else Outcome(shown, None, None, rate, None, None)
    values = {search.metric: search.printed} if rate is None and search.metric and search.printed is not None else {}
    found = FoundEvaluation(
        key=key,
        path=shown,
        test_set=test_set,
        metric=search.metric or "wer",
        points=() if point is None else (point,),
        best=point,
        reported=point,
        selection=ONLY,
        rtf=None,
        decoding=search.decoding(),
        facts={**search.facts(), **(facts or {})},
        settled=settled,
        values=values,
    )
    return replace(found, fingerprint=_fingerprint(found, Texts({}, {}, {})))


def recognition(
    texts: Texts,
    search: Search,
    shown: str,
    key: str,
    test_set: str,
    problems: list[LocatedProblem],
    *,
    settled: bool,
    facts: Mapping[str, Any],
    sweep: Iterable[Outcome] = (),
    decoding: Mapping[str, Any] | None = None,
) -> FoundEvaluation:
    """Return the evaluation of texts, with the sweep that they are one point of.

    Args:
        texts: both sides; without references nothing is scored.
        search: what else is known.
        shown: where the texts are, as the user would open it.
        key: stable name of the result.
        test_set: its name.
        problems: takes what is wrong.
        settled: whether nothing is to come.
        facts: to be recorded beside those of the search.
        sweep: the points whose texts are gone.
        decoding: settings of the search; by default those that it printed.
    """
    evaluation = scored(texts, shown, problems) if texts.references else None
    points = list(sweep)
    best: Outcome | None = None
    if evaluation is not None:
        absent = len(texts.references.keys() - texts.hypotheses.keys())
        own = outcome_of(evaluation, shown, absent)
        twin = next((each for each in points if _is_same(each, own)), None)
        if twin is not None:
            own = replace(own, lm_weight=twin.lm_weight, word_insertion_penalty=twin.word_insertion_penalty)
            points[points.index(twin)] = own
        elif not points:
            points = [own]
            wrong = differs(own, search.printed if search.metric == "wer" else None)
            if wrong is not None:
                problems.append(LocatedProblem(shown, search.line, wrong))
        else:
            problems.append(
                LocatedProblem(shown, None, "these texts are of none of the searches whose rates stand beside")
            )
        best = own if own in points else None
    rates = [each for each in points if each.error_rate is not None]
    least = min(rates, key=lambda each: each.error_rate or 0.0, default=None)
    if best is None or (least is not None and (least.error_rate or 0.0) < (best.error_rate or 0.0)):
        best = least
        evaluation = None
    number = len(points)
    selection = ONLY if number < 2 else Selection(
        "this-set", "", f"the best of {number} settings, picked on {test_set} itself, which is optimistic"
    )  # fmt: skip
    if not points:
        selection = Selection("only-point", "", "nothing was scored")
    all_facts = {**search.facts(), **facts, "utterances": len(texts.hypotheses)}
    found = FoundEvaluation(
        key=key,
        path=shown,
        test_set=test_set,
        metric="wer",
        points=tuple(points),
        best=best,
        reported=best,
        selection=selection,
        rtf=None,
        decoding=dict(search.decoding() if decoding is None else decoding),
        facts={name: value for name, value in all_facts.items() if value is not None},
        load=(lambda _: evaluation) if evaluation is not None else None,
        settled=settled,
    )
    return replace(found, fingerprint=_fingerprint(found, texts))


def _part(test_set: str) -> str:
    return _UNSAFE.sub("_", test_set) or "test"


def _is_same(one: Outcome, other: Outcome) -> bool:
    if one.reference_length is None:
        return (
            one.error_rate is not None
            and other.error_rate is not None
            and abs(one.error_rate - other.error_rate) < 1e-6
        )
    same_length = one.reference_length == other.reference_length
    return same_length and one.error_rate == other.error_rate


def _set_from_name(name: str) -> str:
    """The set in the name of a file that holds no other: ``generate-test.txt`` and the like."""
    stem = name.rpartition(".")[0] or name
    return stem.partition("generate-")[2] or stem


def _texts(decode: Decode, search: Search, file: Path, root: Path) -> tuple[Texts, str]:
    """The texts by utterance, and what the ids are."""
    rows: list[tuple[str, str]] = []
    data = setting(search.config, "task", "data")
    if isinstance(data, str) and "," not in search.subset:  # of several sets each counts its rows from 0
        manifest = file_of(f"{data}/{search.subset}.tsv", file, root)
        rows = manifest_rows(manifest) if manifest is not None else []
    keys = [pair.key for pair in decode.pairs]
    if rows and all(key.isdecimal() and len(key) < 10 and int(key) < len(rows) for key in keys):
        ids = {key: rows[int(key)][0] for key in keys}
        if len(set(ids.values())) == len(ids):
            speakers = {ids[key]: rows[int(key)][1] for key in keys if rows[int(key)][1]}
            return _joined(decode, ids, speakers), "those of the manifest"
    is_row = search.beam is not None or decode.pairs[0].score is not None if decode.pairs else False
    return _joined(decode, {key: key for key in keys}, {}), "rows of the manifest" if is_row else "places in the log"


def _joined(decode: Decode, ids: Mapping[str, str], speakers: Mapping[str, str]) -> Texts:
    return Texts(
        {ids[pair.key]: pair.reference for pair in decode.pairs},
        {ids[pair.key]: pair.hypothesis for pair in decode.pairs},
        speakers,
    )


def _fingerprint(found: FoundEvaluation, texts: Texts) -> str:
    """A digest of the content, the same wherever the files lie."""
    content = (
        sorted(texts.references.items()),
        sorted(texts.hypotheses.items()),
        sorted(texts.speakers.items()),
        [replace(each, source="") for each in found.points],
        sorted(found.values.items()),
        found.test_set,
        sorted((name, repr(value)) for name, value in (*found.decoding.items(), *found.facts.items())),
    )
    return hashlib.blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
