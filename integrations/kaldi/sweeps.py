"""The sweep over LM weight and insertion penalty that lies in a decode folder, and its best point.

Kaldi's `best_wer` is not trusted: it is recomputed from the files that it is made of, because it may be older than they
are, and its path is of the machine where it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from speech_tracker.ingest.found import LocatedProblem, Outcome, Tally
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.sclite_reports import DetailedCounts, SummaryRow
from speech_tracker.integrations.kaldi.scoring import (
    ErrorLine,
    Scored,
    SentenceErrors,
    SweepPoint,
    parse_score_folder,
    parse_score_name,
)
from speech_tracker.integrations.kaldi.walk import Tree
from speech_tracker.integrations.kaldi.wer_details import SingleNumber


@dataclass(frozen=True, slots=True)
class Sweep:
    """The points of one decode folder and one metric.

    Attributes:
        metric: ``wer`` or ``cer``.
        subset: of a test set that sclite scored in parts, such as ``swbd``; `""` for the whole.
        points: in the order in which Kaldi tries them: by penalty, then by LM weight.
        recorded: the setting that the recipe's own files call the best; None where they do not say.
        recorded_line: the line that says so.
        recorded_in: the file that it stands in.
    """

    metric: str
    subset: str
    points: tuple[Outcome, ...]
    recorded: SweepPoint | None = None
    recorded_line: ErrorLine | None = None
    recorded_in: str = ""

    @property
    def best(self) -> Outcome | None:
        """The point with the lowest error rate; among equals the recorded one, else the lowest penalty and LM weight.

        The latter is the choice of `score_kaldi.sh`; older scripts go through the files in the order of their names.
        Recorded was the first with the lowest *printed* rate (`utils/best_wer.sh`): in 50,000 words two decimals hide
        differences of five errors, so that another one may have a few less.
        """
        scored = [point for point in self.points if point.error_rate is not None]
        lowest = min(scored, key=lambda point: point.error_rate or 0.0, default=None)
        if self.recorded is None or lowest is None:
            return lowest
        chosen = self.at(self.recorded.lm_weight, self.recorded.word_insertion_penalty)
        return chosen if chosen is not None and is_tie(chosen, lowest) else lowest

    def at(self, lm_weight: float | None, penalty: float | None) -> Outcome | None:
        """Return the point with a setting, None when it was not scored."""
        for point in self.points:
            if point.lm_weight == lm_weight and (point.word_insertion_penalty or 0.0) == (penalty or 0.0):
                return point
        return None


def is_tie(one: Outcome, other: Outcome) -> bool:
    """Return whether two points have the same rate as Kaldi prints it: in percent with two decimals."""
    if one.error_rate is None or other.error_rate is None:
        return one.error_rate is other.error_rate
    return f"{100 * one.error_rate:.2f}" == f"{100 * other.error_rate:.2f}"


def sweeps_of(files: Iterable[ReadFile], tree: Tree) -> tuple[list[Sweep], list[LocatedProblem]]:
    """Return the sweeps of a decode folder, word error rates first, and what is wrong with them."""
    files = list(files)
    problems: list[LocatedProblem] = []
    sweeps = [sweep for metric in ("wer", "cer") if (sweep := _kaldi_sweep(files, metric, tree, problems)) is not None]
    if not any(sweep.metric == "wer" for sweep in sweeps):
        sweeps = [*_sclite_sweeps(files), *sweeps]
    for sweep in sweeps:
        _check(sweep, tree, problems)
    return sweeps, problems


def _kaldi_sweep(files: list[ReadFile], metric: str, tree: Tree, problems: list[LocatedProblem]) -> Sweep | None:
    points: dict[tuple[float | None, float | None], Outcome] = {}
    recorded: SweepPoint | None = None
    line: ErrorLine | None = None
    recorded_in = ""
    settings: dict[str, float] = {}
    for file in files:
        role, name = file.entry.role, file.entry.name
        if role.kind == "score" and name.startswith(metric):
            setting = parse_score_name(name)
            outcome = _outcome(file, setting, tree, problems)
            if outcome is not None:
                points[outcome.lm_weight, outcome.word_insertion_penalty] = outcome
        elif role.kind == "best" and name == f"best_{metric}":
            for record in file.records:
                if isinstance(record, ErrorLine):
                    line, recorded_in = record, file.entry.path
                    recorded = parse_score_name(record.source.rstrip("/").rpartition("/")[2])
        elif role.kind == "number" and file.entry.folder.endswith(f"{metric}_details"):
            settings.update((name, record.value) for record in file.records if isinstance(record, SingleNumber))
    if recorded is None and "lmwt" in settings:
        recorded = SweepPoint(metric, settings["lmwt"], settings.get("wip"))
    if not points and line is not None:
        # the sweep was cleaned away; what is left is its result
        setting = recorded or SweepPoint(metric, settings.get("lmwt", 0.0), settings.get("wip"))
        points[setting.lm_weight, setting.word_insertion_penalty] = Outcome(
            recorded_in,
            setting.lm_weight if recorded is not None else None,
            setting.word_insertion_penalty,
            Tally(line.substitutions, line.deletions, line.insertions, line.reference_length).error_rate,
            line.reference_length,
            Tally(line.substitutions, line.deletions, line.insertions, line.reference_length),
            1 if line.partial else None,
        )
    if not points:
        return None
    ordered = sorted(points.values(), key=lambda each: (each.word_insertion_penalty or 0.0, each.lm_weight or 0.0))
    return Sweep(metric, "", tuple(ordered), recorded, line, recorded_in)


def _outcome(file: ReadFile, setting: SweepPoint | None, tree: Tree, problems: list[LocatedProblem]) -> Outcome | None:
    lines = [record for record in file.records if isinstance(record, ErrorLine)]
    if not lines or setting is None:
        return None
    if len(lines) > 1:
        reason = f"{len(lines)} %WER lines; the last one is taken"
        problems.append(LocatedProblem(tree.shown(file.entry.path), None, reason))
    line = lines[-1]
    tally = Tally(line.substitutions, line.deletions, line.insertions, line.reference_length)
    absent: int | None = 1 if line.partial else None
    for record in file.records:
        if isinstance(record, SentenceErrors):
            tally = replace(tally, sentences=record.sentences, sentence_errors=record.errors)
        elif isinstance(record, Scored):
            absent = record.absent
    return Outcome(
        file.entry.path,
        setting.lm_weight,
        setting.word_insertion_penalty,
        tally.error_rate,
        line.reference_length,
        tally,
        absent,
    )


def _sclite_sweeps(files: list[ReadFile]) -> list[Sweep]:
    points: dict[str, dict[tuple[float, float | None], Outcome]] = {}
    for file in files:
        setting = parse_score_folder(file.entry.folder.rpartition("/")[2])
        if setting is None or file.entry.role.kind not in ("sys", "dtl"):
            continue
        outcome = _sclite_outcome(file, setting)
        if outcome is None:
            continue
        report = file.entry.name.removesuffix(".sys").removesuffix(".dtl")
        known = points.setdefault(report, {})
        key = (setting.lm_weight, setting.word_insertion_penalty)
        # `*.dtl` has the counts, `*.sys` only percentages of the same result
        if key not in known or outcome.tally is not None:
            known[key] = outcome
    labels = _subsets(points)
    return [
        Sweep(
            "wer",
            labels[report],
            tuple(sorted(known.values(), key=lambda each: (each.word_insertion_penalty or 0.0, each.lm_weight or 0.0))),
        )
        for report, known in sorted(points.items(), key=lambda item: labels[item[0]])
    ]


def _sclite_outcome(file: ReadFile, setting: SweepPoint) -> Outcome | None:
    for record in file.records:
        if isinstance(record, DetailedCounts):
            tally = Tally(
                record.substitutions,
                record.deletions,
                record.insertions,
                record.reference_length,
                record.sentences,
                record.sentences_with_errors,
            )
            return Outcome(file.entry.path, setting.lm_weight, setting.word_insertion_penalty, tally.error_rate,
                           tally.reference_length, tally)  # fmt: skip
        if isinstance(record, SummaryRow) and record.name == "Sum":
            if record.counted:
                tally = Tally(int(record.substitutions), int(record.deletions), int(record.insertions),
                              record.reference_length, record.sentences, int(record.sentence_errors))  # fmt: skip
                return Outcome(file.entry.path, setting.lm_weight, setting.word_insertion_penalty, tally.error_rate,
                               tally.reference_length, tally)  # fmt: skip
            return Outcome(file.entry.path, setting.lm_weight, setting.word_insertion_penalty, record.errors,
                           record.reference_length, None)  # fmt: skip
    return None


def _subsets(reports: Iterable[str]) -> dict[str, str]:
    """What tells the reports of one decode folder apart: ``eval2000.ctm.swbd.filt`` → ``swbd``."""
    words = {
        report: [part for part in report.split(".") if part not in ("ctm", "filt", "hyp", "stm")] for report in reports
    }
    shared = set.intersection(*(set(each) for each in words.values())) if words else set()
    return {
        report: "" if len(words) == 1 else ".".join(part for part in each if part not in shared)
        for report, each in words.items()
    }


def _check(sweep: Sweep, tree: Tree, problems: list[LocatedProblem]) -> None:
    """Report where the points contradict each other, and where `best_wer` contradicts them."""
    lengths = {point.reference_length for point in sweep.points if point.reference_length is not None}
    if len(lengths) > 1 and not any(point.partial for point in sweep.points):
        usual = max(lengths, key=lambda each: sum(point.reference_length == each for point in sweep.points))
        for point in sweep.points:
            if point.reference_length not in (None, usual):
                reason = f"scored against {point.reference_length} reference tokens, other points against {usual}"
                problems.append(LocatedProblem(tree.shown(point.source), None, reason))
    for point in sweep.points:
        if point.absent and point is sweep.best:
            reason = f"partial: at least {point.absent} of the references had no hypothesis and were left out"
            problems.append(LocatedProblem(tree.shown(point.source), None, reason))
    line, recorded, best = sweep.recorded_line, sweep.recorded, sweep.best
    if line is None or best is None or best.tally is None or best.source == sweep.recorded_in:
        return
    where = tree.shown(sweep.recorded_in)
    quoted = sweep.at(recorded.lm_weight, recorded.word_insertion_penalty) if recorded is not None else None
    said = (line.substitutions, line.deletions, line.insertions, line.reference_length)
    if quoted is None:
        if line.errors != best.tally.errors or line.reference_length != best.tally.reference_length:
            reason = f"says {line.errors} errors, but the best of the {len(sweep.points)} files beside it has {best.tally.errors}"
            problems.append(LocatedProblem(where, 1, reason))
    elif quoted.tally is not None and said != (
        quoted.tally.substitutions,
        quoted.tally.deletions,
        quoted.tally.insertions,
        quoted.tally.reference_length,
    ):
        reason = f"says other counts than {tree.shown(quoted.source)}, which it names; the files are taken"
        problems.append(LocatedProblem(where, 1, reason))
