"""From read files to the description of an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from speech_tracker.ingest.found import Found, FoundLink, FoundRun, LocatedProblem, Status
from speech_tracker.ingest.logfile import pieces_of
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.kaldi.curves import Curves, build_curves
from speech_tracker.integrations.kaldi.datasets import data_of
from speech_tracker.integrations.kaldi.details import located
from speech_tracker.integrations.kaldi.evaluations import evaluations_of
from speech_tracker.integrations.kaldi.facts import config_of, speech_of, trainer_arguments
from speech_tracker.integrations.kaldi.folders import RunFolder, find_runs
from speech_tracker.integrations.kaldi.job_headers import JobEnd, QueueJobEnd
from speech_tracker.integrations.kaldi.jobs import Job, failures, jobs_of, stages, stray_errors, tally
from speech_tracker.integrations.kaldi.kinds import MODEL_KINDS, kind_of
from speech_tracker.integrations.kaldi.layout import FileRole
from speech_tracker.integrations.kaldi.lineage import in_order, parents_of, relation_of
from speech_tracker.integrations.kaldi.nnet2_logs import Backprop
from speech_tracker.integrations.kaldi.nnet3_logs import PHASES, PhaseObjective, TrainObjective
from speech_tracker.integrations.kaldi.read import ReadFile
from speech_tracker.integrations.kaldi.rnnlm_logs import LanguageModelObjective
from speech_tracker.integrations.kaldi.trainer_output import ReportedTotal
from speech_tracker.integrations.kaldi.walk import Tree
from speech_tracker.integrations.kaldi.wer_details import SingleNumber

LOOKED_FOR = (
    "Kaldi's job logs (log/*.log), scoring files (wer_<LMWT>[_<WIP>], cer_…, score_<LMWT>/*.sys), accuracy.report, "
    "or a final model, in it or below it"
)

_LAST_STEMS = frozenset({"combine", "analyze_alignments", "train_nnet", "adjust_priors"})
"""Jobs that come after the last iteration: of nnet3, of GMM systems, of nnet1, of nnet2."""

_SUMMARIES = (TrainObjective, Backprop, LanguageModelObjective)

_FINAL_NAMES = ("final.mdl", "final.nnet", "final.raw", "final.ie", "final.ubm", "final.dubm")


def assemble(tree: Tree, files: Iterable[ReadFile], *, now: float, follow: bool = False) -> Found:
    """Return the description of an experiment.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a running job from a killed one.
        follow: whether the newest values wait until nothing can change them.
    """
    files = list(files)
    folders, strays = find_runs(tree, files)
    root = tree.root.absolute()
    places = {str(root / folder.path) if folder.path else str(root): folder.path for folder in folders}
    kinds = {folder.path: kind_of(folder, root.name) for folder in folders}
    parents: dict[str, dict[str, bool]] = {}
    built: dict[str, FoundRun] = {}
    for folder in folders:
        arguments = trainer_arguments(folder, tree)
        parents[folder.path] = parents_of(folder, places, arguments)
        links = tuple(
            FoundLink(tree.shown(parent), relation_of(kinds[folder.path], kinds[parent], by_alignments=by_alignments))
            for parent, by_alignments in parents[folder.path].items()
        )
        built[folder.path] = _run(folder, kinds[folder.path], links, arguments, tree, now=now, follow=follow)
    runs = tuple(built[path] for path in in_order([folder.path for folder in folders], parents))
    problems = [*tree.problems, *(problem for run in runs for problem in run.problems)]
    # files that the jobs' data folders consist of are used, other tables and texts beside them are not
    used = [entry for entry in strays if entry.role.kind == "data" and _is_used(tree.root / entry.folder, runs)]
    skipped = tree.skipped + len(strays) - len(used)
    return Found(
        toolkit="kaldi",
        root=str(tree.root),
        runs=runs,
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(tree.entries) - len(strays) + len(used),
        files_skipped=skipped,
        looked_for=LOOKED_FOR,
    )


def _is_used(folder: Path, runs: Iterable[FoundRun]) -> bool:
    return any(Path(dataset.path) == folder.absolute() for run in runs for dataset in run.datasets)


def _run(
    folder: RunFolder,
    kind: str,
    links: tuple[FoundLink, ...],
    arguments: dict[str, object],
    tree: Tree,
    *,
    now: float,
    follow: bool,
) -> FoundRun:
    everything = [*folder.files, *(file for decode in folder.decodes.values() for file in decode.files)]
    jobs = jobs_of(everything, now)
    own = {file.entry.path for file in folder.files}
    training = [job for job in jobs if job.file.entry.path in own]
    status = _status(folder, jobs, training)
    live = follow or status == "running"
    running = {job.file.entry.path for job in training if job.running}
    logs = [file if file.entry.path in running else _with_phases(file, tree) for file in folder.files]
    curves = build_curves(logs, training, live=live, num_jobs=_num_jobs(folder))
    evaluations, wrong = evaluations_of(folder.decodes.values(), folder.path, tree, live=live)
    data = data_of(folder, evaluations, tree)
    events, failed = failures(jobs, folder.path, tree)
    config = config_of(folder, kind, arguments, data, tree)
    reported = next((each for each in evaluations if each.reported is not None), None)
    decoding = dict(reported.decoding) if reported is not None else {}
    if reported is not None and reported.reported is not None:
        decoding["lm_weight"] = reported.reported.lm_weight
        decoding["word_insertion_penalty"] = reported.reported.word_insertion_penalty
    problems = [
        *(located(problem, tree.shown(file.entry.path)) for file in everything for problem in file.problems),
        *failed,
        *stray_errors(everything, tree),
        *wrong,
        *data.problems,
        *_gaps(folder, curves, kind, tree),
    ]
    return FoundRun(
        path=tree.shown(folder.path),
        folder=str((tree.root / folder.path).resolve()),
        name=_name(folder.path, tree),
        kind=kind,
        task="lm" if kind == "rnnlm" else "asr",
        status=status,
        complete=status != "running" and (kind not in MODEL_KINDS or is_done(folder)),
        iterations=len(curves.iterations),
        points=curves.points,
        evaluations=tuple(evaluations),
        jobs=tally(jobs),
        happenings=(*stages(jobs, folder.path), *events),
        datasets=data.datasets,
        links=links,
        config=config,
        speech=speech_of(folder, kind, config, data, decoding, tree),
        tables=curves.tables,
        model_files=_final_models(folder, tree),
        began=min((job.began for job in jobs if job.began is not None), default=None),
        problems=tuple(problems),
    )


def _with_phases(file: ReadFile, tree: Tree) -> ReadFile:
    """A training log that was cut before its summary, with what it said of each phase."""
    role = file.entry.role
    if role.stem != "train" or role.kind != "log" or any(isinstance(each, _SUMMARIES) for each in file.records):
        return file
    path = tree.root / file.entry.path
    phases = [each for each in scan(pieces_of(path), PHASES) if isinstance(each, PhaseObjective)]
    return replace(file, records=(*file.records, *phases)) if phases else file


def _name(path: str, tree: Tree) -> str:
    parts = path.split("/") if path else [tree.root.absolute().name]
    if "exp" in parts[:-1]:
        parts = parts[parts.index("exp") + 1 :]
    return "/".join(parts)


def _num_jobs(folder: RunFolder) -> int | None:
    for file in folder.files:
        if file.entry.name == "num_jobs":
            for record in file.records:
                if isinstance(record, SingleNumber):
                    return int(record.value)
    return None


def _final_models(folder: RunFolder, tree: Tree) -> tuple[str, ...]:
    here = {entry.name: entry for entry in folder.others if entry.folder == folder.path}
    return tuple(tree.shown(here[name].path) for name in _FINAL_NAMES if name in here)


def is_done(folder: RunFolder) -> bool:
    """Return whether there is proof that the training of a run has come to its end.

    That is a final model, a search with it, or a job of the kind that a recipe runs last.
    """
    names = {entry.name for entry in folder.others if entry.folder == folder.path}
    if names & set(_FINAL_NAMES) or folder.decodes:
        return True
    for file in folder.files:
        last = file.entry.role.stem in _LAST_STEMS or file.entry.role.iteration in ("final", "combined")
        for record in file.records:
            if isinstance(record, ReportedTotal) or (last and isinstance(record, (JobEnd, QueueJobEnd))):
                return True
    return False


def _status(folder: RunFolder, jobs: list[Job], training: list[Job]) -> Status:
    if any(job.running for job in jobs):
        return "running"
    if is_done(folder):
        return "finished"
    critical = [job for job in training if not _is_diagnostic(job.file.entry.role)]
    if any(job.status is None for job in critical):
        return "killed"
    return "failed" if any(job.failed for job in critical) else "finished"


def _is_diagnostic(role: FileRole) -> bool:
    """Whether a job only looks at what others made: its failure stops no training."""
    return role.stem.startswith(("analyze", "compute_prob", "progress", "get_", "show"))


def _gaps(folder: RunFolder, curves: Curves, kind: str, tree: Tree) -> list[LocatedProblem]:
    if not curves.missing or kind not in MODEL_KINDS:
        return []
    runs: list[list[int]] = []
    for step in curves.missing:
        if runs and step == runs[-1][1] + 1:
            runs[-1][1] = step
        else:
            runs.append([step, step])
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
    plural = "s" if len(curves.missing) > 1 else ""
    return [LocatedProblem(tree.shown(folder.path), None, f"no training log of iteration{plural} {shown}")]
