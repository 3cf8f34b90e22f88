"""What the result files of an experiment say, put together: one entry for each test set and setting of the search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speech_tracker.ingest.clock import time_of_wall
from speech_tracker.ingest.found import LocatedProblem, Tally
from speech_tracker.integrations.icefall.decode_logs import ErrorRate, SettingResult, SettingsBegin, SymbolDelay
from speech_tracker.integrations.icefall.errs import ErrorCountsLine, SummaryHead, SummaryLine
from speech_tracker.integrations.icefall.folders import RunFolder
from speech_tracker.integrations.icefall.names import ResultName, split_label, suffix_of_log
from speech_tracker.integrations.icefall.params import params_of
from speech_tracker.integrations.icefall.read import Entry, ReadFile, Tree
from speech_tracker.integrations.icefall.train_logs import Done


@dataclass(slots=True)
class Score:
    """The result of a search on a test set.

    Attributes:
        folder: that the files are in, relative to the root.
        test_set: its name.
        suffix: of the files' names.
        key: further setting.
        metric: ``wer``, ``cer``, ``per``; `""` where nothing says.
        tally: the counts.
        rate: a fraction, where there are no counts.
        source: file that says so, relative to the root.
        when: it was searched, in seconds since 1970.
        params: of the program.
        texts: the utterances.
        facts: what else is known.
        earlier: results of the same search that were overwritten.
        complete: whether the search came to its end, so that its files are whole.
    """

    folder: str
    test_set: str
    suffix: str
    key: str
    metric: str = ""
    tally: Tally | None = None
    rate: float | None = None
    source: str = ""
    when: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    texts: Entry | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    earlier: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    @property
    def error_rate(self) -> float | None:
        """A fraction; from the counts where they are there."""
        return self.tally.error_rate if self.tally is not None else self.rate


Place = tuple[str, str, str]
"""Folder, test set, suffix: what one file is of in newer recipes, however many settings there were."""


def scores_of(run: RunFolder, tree: Tree) -> tuple[list[Score], list[LocatedProblem]]:
    """Return the results of an experiment, and where its files contradict each other."""
    problems: list[LocatedProblem] = []
    found: dict[Place, dict[str, Score]] = {}
    test_sets = _test_sets(run.results)
    logs = [file for file in run.results if file.entry.role.parser == "decode"]
    for file in sorted(logs, key=lambda each: (each.entry.role.date, each.entry.path)):
        _add_log(found, file, tree)
    for file in run.results:
        if file.entry.role.parser == "errs":
            _add_errs(found, file, test_sets, tree, problems)
    for file in run.results:
        if file.entry.role.parser == "summary":
            _add_summary(found, file, test_sets)
    for entry in run.texts:
        _add_texts(found, entry, test_sets)
    return [score for scores in found.values() for score in scores.values()], problems


def _test_sets(files: Iterable[ReadFile]) -> tuple[str, ...]:
    found = {each.test_set for file in files for each in file.records if isinstance(each, SettingsBegin)}
    return tuple(name for name in found if name)


def _add_log(found: dict[Place, dict[str, Score]], file: ReadFile, tree: Tree) -> None:
    suffix = suffix_of_log(file.entry.name)
    # older recipes keep their results beside `log/`
    folder = file.entry.folder.removesuffix("/log") if file.entry.folder != "log" else ""
    params = params_of(file.records)
    test_sets = _test_sets([file])
    metrics = {each.test_set: each.metric.lower() for each in file.records if isinstance(each, SettingsBegin)}
    scores: dict[tuple[str, str], Score] = {}
    test_set = ""
    for record in file.records:
        if isinstance(record, ErrorRate):
            test_set, key = split_label(record.label, test_sets)
            metric = metrics.get(test_set, "")
            scores[test_set, key] = Score(
                folder,
                test_set,
                suffix,
                key,
                metric if metric in ("wer", "cer", "per") else "",
                Tally(record.substitutions, record.deletions, record.insertions, record.reference_length),
                None,
                file.entry.path,
                time_of_wall(record.time) or file.entry.stat.st_mtime,
                params,
            )
        elif isinstance(record, SymbolDelay):
            score = scores.get(split_label(record.label, test_sets))
            if score is not None:
                score.facts["symbol_delay_s"] = {"mean": record.mean, "variance": record.variance}
        elif isinstance(record, SettingsBegin):
            test_set = record.test_set
        elif isinstance(record, SettingResult) and (test_set, record.setting) not in scores:
            # its line with the counts is not there
            scores[test_set, record.setting] = Score(
                folder, test_set, suffix, record.setting, metrics.get(test_set, ""), None, record.error_rate,
                file.entry.path, file.entry.stat.st_mtime, params,
            )  # fmt: skip
    done = any(isinstance(record, Done) for record in file.records)
    for (name, key), score in scores.items():
        score.complete = done
        known = found.setdefault((score.folder, name, suffix), {})
        before = known.get(key)
        if before is not None:
            score.earlier = [*before.earlier, _as_earlier(before, tree)]
        known[key] = score


def _as_earlier(score: Score, tree: Tree) -> dict[str, Any]:
    return {"log": tree.shown(score.source), "error_rate": score.error_rate, "metric": score.metric or "wer"}


def _place(entry: Entry, test_sets: tuple[str, ...]) -> tuple[Place, ResultName]:
    result = entry.role.result
    assert result is not None
    label = f"{result.test_set}-{result.key}" if result.key else result.test_set
    test_set, key = split_label(label, test_sets)
    named = ResultName(result.kind, test_set, key, result.suffix, result.metric)
    return (entry.folder, test_set, result.suffix), named


def _add_errs(
    found: dict[Place, dict[str, Score]],
    file: ReadFile,
    test_sets: tuple[str, ...],
    tree: Tree,
    problems: list[LocatedProblem],
) -> None:
    line = next((each for each in file.records if isinstance(each, ErrorCountsLine)), None)
    if line is None:
        return
    place, name = _place(file.entry, test_sets)
    tally = Tally(line.substitutions, line.deletions, line.insertions, line.reference_length)
    scores = found.setdefault(place, {})
    if name.key:
        score = scores.get(name.key)
    else:  # it has the setting that was searched last
        same = [each for each in scores.values() if each.tally == tally]
        score = same[-1] if same else next(iter(scores.values())) if len(scores) == 1 else None
    if score is None:
        scores[name.key] = Score(*place, name.key, name.metric, tally, None, file.entry.path, file.entry.stat.st_mtime)
        return
    if score.tally is not None and score.tally != tally:
        said = score.tally
        reason = (
            f"says {tally.errors} errors in {tally.reference_length} tokens, {tree.shown(score.source)} "
            f"{said.errors} in {said.reference_length}; this file is taken"
        )
        problems.append(LocatedProblem(tree.shown(file.entry.path), line.line_number, reason))
        score.earlier = [*score.earlier, _as_earlier(score, tree)]
    score.tally, score.source = tally, file.entry.path
    score.metric = name.metric or score.metric


def _add_summary(found: dict[Place, dict[str, Score]], file: ReadFile, test_sets: tuple[str, ...]) -> None:
    place, name = _place(file.entry, test_sets)
    metric = name.metric
    for record in file.records:
        if isinstance(record, SummaryHead):
            first = record.metric.lower().partition("/")[0]
            metric = first if first in ("wer", "cer", "per") else metric
        elif isinstance(record, SummaryLine):
            scores = found.setdefault(place, {})
            score = scores.get(record.setting)
            if score is None and name.key and name.key in scores:
                score = scores[name.key]
            if score is None and "" in scores and _rounds_to(scores[""], record.error_rate):
                score = scores.pop("")  # `errs` does not say which setting it has
                score.key = record.setting
                scores[record.setting] = score
            if score is None:
                scores[record.setting] = score = Score(
                    *place, record.setting, metric, None, record.error_rate, file.entry.path, file.entry.stat.st_mtime
                )
            score.complete = True
            if metric == "cer" or not score.metric:
                score.metric = metric or score.metric


def _rounds_to(score: Score, rate: float) -> bool:
    own = score.error_rate
    return own is not None and abs(own - rate) < 0.000051


def _add_texts(found: dict[Place, dict[str, Score]], entry: Entry, test_sets: tuple[str, ...]) -> None:
    place, name = _place(entry, test_sets)
    if name.metric == "cer" and found.get(place) and not any(each.metric == "cer" for each in found[place].values()):
        return  # the characters of a set that is scored in words
    scores = found.setdefault(place, {})
    if name.key in scores:
        scores[name.key].texts = entry
        return
    counted = [each for each in scores.values() if each.tally is not None]
    if name.key or not counted:
        if scores and not name.key:
            return
        scores[name.key] = Score(
            *place, name.key, name.metric, texts=entry, source=entry.path, when=entry.stat.st_mtime
        )
        return
    # one file for all settings: the last one that was searched is in it, and `errs` beside it has the same
    last = next((each for each in reversed(counted) if "errs-" in each.source), counted[-1])
    last.texts = entry
