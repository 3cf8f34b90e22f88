"""Files of error rates, and the test lines of the training log, as evaluations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.ingest.found import FoundEvaluation, LocatedProblem, Outcome, Selection, Tally
from speech_tracker.integrations.speechbrain.epochs import metrics_of, same
from speech_tracker.integrations.speechbrain.names import is_percent
from speech_tracker.integrations.speechbrain.rescored import loader
from speech_tracker.integrations.speechbrain.score_files import ErrorRates, score_name
from speech_tracker.integrations.speechbrain.train_log import StatsLine

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

_ONLY = Selection("only-point", "", "the only one that was scored")


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """A file of error rates.

    Attributes:
        path: of the file.
        shown: the same, as the user would open it.
        relative: the same, relative to the experiment.
        reports: what it says.
    """

    path: Path
    shown: str
    relative: str
    reports: tuple[ErrorRates, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a test was made with.

    Attributes:
        checkpoint: its path; ``""`` where the log does not say.
        step: of training.
    """

    checkpoint: str
    step: int | None


@dataclass(frozen=True, slots=True)
class Tested:
    """A test line of the training log, with the test set that it is taken to be about.

    Attributes:
        line: the line.
        test_set: its name; the log has none.
        shown: the training log, as the user would open it.
    """

    line: StatsLine
    test_set: str
    shown: str


def name_tests(
    blocks: Iterable[Sequence[StatsLine]], files: Sequence[ScoredFile], test_sets: Sequence[str], shown: str
) -> list[Tested]:
    """Return the test lines with the names of their test sets.

    The file of error rates that has the same rate names it; else the place among the tests, as in the configuration's
    list of test sets.

    Args:
        blocks: test lines that follow each other.
        files: with error rates.
        test_sets: of the configuration, in its order.
        shown: the training log.
    """
    found: list[Tested] = []
    for block in blocks:
        for place, line in enumerate(block):
            by_place = test_sets[place % len(test_sets)] if test_sets else "test" if place == 0 else f"test_{place + 1}"
            by_rate = _sets_with_rate(line, files, by_place)
            found.append(Tested(line, by_place if by_place in by_rate or not by_rate else by_rate[0], shown))
    return found


def _sets_with_rate(line: StatsLine, files: Iterable[ScoredFile], otherwise: str) -> list[str]:
    rates = {key.lower(): value for key, value in line.of("test").items() if is_percent(key)}
    return [
        _name_of(file, otherwise)
        for file in files
        for report in file.reports
        for metric, value in rates.items()
        if metric == metric_of(file, report)
        and (same(value, report.percent) or abs(100 * value - report.percent) <= 0.0051 * report.percent)
    ]


def _name_of(file: ScoredFile, otherwise: str) -> str:
    named = score_name(file.path.name)
    return (named[1] if named else "") or otherwise


def metric_of(file: ScoredFile, report: ErrorRates) -> str:
    """Return what a report counts: what a heading says, else the file's name."""
    named = score_name(file.path.name)
    return report.title or (named[0] if named else "wer")


def evaluations_of(
    files: Sequence[ScoredFile],
    tests: Sequence[Tested],
    *,
    test_sets: Sequence[str],
    decoding: Mapping[str, Any],
    speakers: Mapping[str, Path],
    decoded: Decoded,
    live: bool,
) -> list[FoundEvaluation]:
    """Return the evaluations of an experiment.

    Args:
        files: with error rates.
        tests: test lines; those of which there is no file are evaluations without counts.
        test_sets: of the configuration.
        decoding: settings of the search.
        speakers: test set → manifest with the speakers of its utterances.
        decoded: what they were made with.
        live: whether a file may still be written.
    """
    found: dict[str, FoundEvaluation] = {}
    latest = {each.test_set: each for each in tests}
    only = test_sets[0] if len(test_sets) == 1 else "test"
    for file in files:
        for number, report in enumerate(file.reports):
            test_set, metric = _name_of(file, only), metric_of(file, report)
            key = f"{test_set}/{metric}"
            key = key if key not in found else f"{key}/{file.relative}" + (f":{number}" if number else "")
            load = None
            if metric in ("wer", "cer"):  # errors of phones must not pass for errors of words
                load = loader(file.path, file.shown, report, metric, speakers.get(test_set))
            evaluation = _of_report(file, report, test_set, metric, decoding, latest.get(test_set), load)
            settled = not live or report.sentences is None or report.utterances >= report.sentences
            found[key] = _finished(replace(evaluation, key=key, settled=settled), decoded)
    for tested in latest.values():
        for evaluation in _of_line(tested, decoding):
            if evaluation.key not in found:
                # its file of error rates may be about to be written
                found[evaluation.key] = _finished(replace(evaluation, settled=not live), decoded)
    return list(found.values())


def _of_report(
    file: ScoredFile,
    report: ErrorRates,
    test_set: str,
    metric: str,
    decoding: Mapping[str, Any],
    tested: Tested | None,
    load: Callable[[list[LocatedProblem]], Evaluation | None] | None,
) -> FoundEvaluation:
    tally = Tally(
        report.substitutions,
        report.deletions,
        report.insertions,
        report.reference_length,
        report.sentences,
        report.sentence_errors,
    )
    outcome = Outcome(
        file.relative,
        decoding.get("lm_weight"),
        None,
        tally.error_rate,
        report.reference_length,
        tally,
        absent=report.absent or None,
    )
    if tested is not None and not _is_of(tested.line, report, metric):
        tested = None
    facts: dict[str, Any] = {"partial": True} if report.partial else {}
    if tested is not None:
        facts.update(_facts(tested.line))
    return FoundEvaluation(
        key="",
        path=file.shown,
        test_set=test_set,
        metric=metric,
        points=(outcome,),
        best=outcome,
        reported=outcome,
        selection=_ONLY,
        rtf=None,
        decoding=dict(decoding),
        facts=facts,
        load=load,
    )


def _is_of(line: StatsLine, report: ErrorRates, metric: str) -> bool:
    return any(
        key.lower() == metric
        and (same(value, report.percent) or abs(100 * value - report.percent) <= 0.0051 * report.percent)
        for key, value in line.of("test").items()
    )


def _facts(line: StatsLine) -> dict[str, Any]:
    others = {
        name.rpartition("/")[2]: value
        for name, value in metrics_of(line, test_set="x").items()
        if name.startswith("test/") and not is_percent(name.rpartition("/")[2])
    }
    return {**others, **({"epoch": line.loaded} if line.loaded is not None else {})}


def _of_line(tested: Tested, decoding: Mapping[str, Any]) -> Iterable[FoundEvaluation]:
    values = {
        name.rpartition("/")[2]: value for name, value in metrics_of(tested.line, test_set=tested.test_set).items()
    }
    rates = {name: value for name, value in values.items() if name in ("wer", "cer", "per", "ter")}
    common: dict[str, Any] = {
        "path": tested.shown, "test_set": tested.test_set, "selection": _ONLY, "rtf": None, "decoding": dict(decoding),
    }  # fmt: skip
    for metric, rate in rates.items():
        outcome = Outcome(Path(tested.shown).name, decoding.get("lm_weight"), None, rate, None, None)
        yield FoundEvaluation(
            key=f"{tested.test_set}/{metric}", metric=metric, points=(), best=outcome, reported=outcome,
            facts=_facts(tested.line), **common,
        )  # fmt: skip
    if values and not rates:
        epoch = {"epoch": tested.line.loaded} if tested.line.loaded is not None else {}
        yield FoundEvaluation(
            key=f"{tested.test_set}/values", metric=next(iter(values)), points=(), best=None, reported=None,
            facts=epoch, values=values, **common,
        )  # fmt: skip


def _finished(evaluation: FoundEvaluation, decoded: Decoded) -> FoundEvaluation:
    """The evaluation with what was decoded, and a digest of its content, the same wherever the folder lies."""
    evaluation = replace(evaluation, checkpoint=decoded.checkpoint, step=decoded.step)
    content = (
        evaluation.points,
        evaluation.reported,
        evaluation.test_set,
        evaluation.metric,
        sorted(evaluation.decoding.items()),
        sorted(evaluation.facts.items()),
        sorted(evaluation.values.items()),
        (Path(decoded.checkpoint).name, decoded.step),
    )
    return replace(evaluation, fingerprint=hashlib.blake2b(repr(content).encode(), digest_size=8).hexdigest())
