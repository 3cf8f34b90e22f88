"""From what is known of an output folder to the description of its run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from speech_tracker.ingest.found import FoundRun, Happening, JobTally, LocatedProblem, Point
from speech_tracker.integrations.speechbrain.checkpoints_found import best_of, found_checkpoints
from speech_tracker.integrations.speechbrain.epochs import may_be_fractions, metrics_of, ranges
from speech_tracker.integrations.speechbrain.evaluations import evaluations_of
from speech_tracker.integrations.speechbrain.experiment import Experiment
from speech_tracker.integrations.speechbrain.run_log import Parameters, TrainableParameters
from speech_tracker.integrations.speechbrain.train_log import UnfinishedLine
from speech_tracker.integrations.speechbrain.vocabulary import decoding_of, model_type, speech_of, task_of

_LONGEST_REASON = 500


def run_of(experiment: Experiment, *, live: bool) -> FoundRun:
    """Return the run that an experiment is.

    Args:
        experiment: the output folder.
        live: whether it goes on, so that what may still change has to wait.
    """
    best = best_of(experiment.kept, experiment.sessions)
    decoding = decoding_of(experiment.config)
    averaged = experiment.config.get("avg_checkpoints")
    if isinstance(averaged, int) and averaged > 1:
        decoding["averaged_checkpoints"] = averaged
    evaluations = evaluations_of(
        experiment.scored,
        experiment.tests,
        test_sets=experiment.data.test_sets,
        decoding=decoding,
        speakers=experiment.data.test_files,
        live=live,
        decoded=experiment.decoded(),
    )
    rates = {each.metric for each in evaluations} | {
        key.lower() for line in experiment.lines for _, key, _ in line.stats
    }
    recipe = experiment.hyperparameters.recipe if experiment.hyperparameters else None
    task = task_of(rates, _named(experiment), recipe, experiment.config)
    kind = model_type(experiment.config) or task
    return FoundRun(
        path=experiment.tree.shown(experiment.folder.path),
        folder=str(experiment.place.resolve()),
        name=_name(experiment),
        kind=kind,
        task=task,
        status=experiment.verdict.status,
        complete=experiment.verdict.status != "running",
        iterations=len(experiment.curves.epochs),
        points=(*experiment.curves.points, *_test_points(experiment, settled=not live)),
        evaluations=tuple(evaluations),
        jobs=JobTally(
            total=len(experiment.sessions),
            failed=sum(session.ending is not None for session in experiment.sessions),
            running=int(experiment.verdict.status == "running" and bool(experiment.sessions)),
            seconds=round(sum(session.seconds for session in experiment.sessions)),
            thread_seconds=round(sum(session.seconds for session in experiment.sessions)),
        ),
        happenings=tuple(_happenings(experiment)),
        datasets=experiment.data.datasets,
        config=_config(experiment),
        speech=speech_of(
            experiment.config,
            task,
            version=experiment.system.version_of("speechbrain") if experiment.system else None,
            parameters=_parameters(experiment),
            data=experiment.data.data,
        ),
        began=experiment.time(experiment.sessions[0].began) if experiment.sessions else None,
        problems=tuple(_problems(experiment)),
        checkpoints=found_checkpoints(experiment.kept, best, experiment.saved_in_epoch(), experiment.curves.steps),
        last_step=experiment.curves.last_step,
        group=_group(experiment),
    )


def _test_points(experiment: Experiment, *, settled: bool) -> list[Point]:
    """Results on the test sets, whose names are known for certain when all files are there."""
    found: dict[str, Point] = {}
    for tested in experiment.tests:
        values = metrics_of(tested.line, experiment.fractions, test_set=tested.test_set)
        epoch = tested.line.loaded
        for name, value in values.items():
            step = experiment.curves.steps.get(epoch or 0, experiment.curves.last_step)
            time, passes = experiment.times.get(tested.line.text), None if epoch is None else float(epoch)
            found[name] = Point(name, epoch if step is None else step, value, passes, time, settled)
    return list(found.values())


def _happenings(experiment: Experiment) -> Iterable[Happening]:
    log = next((experiment.tree.shown(file.entry.path) for file in experiment.folder.of("run_log")), "")
    for number, session in enumerate(experiment.sessions, start=1):
        if number > 1 and session.epochs:
            data: dict[str, Any] = {"epoch": session.epochs[0], "start": number}
            yield Happening(f"restarted:{number}", "restarted", data, experiment.time(session.began))
        if session.ending is not None:
            yield Happening(
                f"failed:{number}",
                "job-failed" if session.ending.status == "failed" else "job-killed",
                {"log": log, "line": session.ending.line_number, "error": session.ending.reason[:_LONGEST_REASON]},
                experiment.time(session.last),
            )
    if experiment.curves.repeated:
        yield Happening("repeated", "epochs-repeated", {"epochs": ranges(experiment.curves.repeated)})


def _parameters(experiment: Experiment) -> tuple[int | None, int | None]:
    """Parameters as rounded as the log prints them."""
    total = experiment.folder.records("run_log", Parameters)
    trainable = experiment.folder.records("run_log", TrainableParameters)
    return (
        _count(total[-1].total) if total else None,
        _count(trainable[-1].text) if trainable else _count(total[-1].trainable) if total else None,
    )


def _config(experiment: Experiment) -> dict[str, Any]:
    config = dict(experiment.config)
    system, written = experiment.system, experiment.hyperparameters
    if system is not None:
        config["env_log"] = {
            "python": system.python,
            "cuda": system.cuda,
            "git_revision": system.git_revision,
            "packages": dict(system.packages),
        }
    if written is not None and written.recipe is not None:
        config["recipe"] = {"file": written.recipe, "started_last": written.generated}
    if experiment.curves.texts:
        config["train_log_says"] = dict(experiment.curves.texts)
    return config


def _problems(experiment: Experiment) -> Iterable[LocatedProblem]:
    for file in (*experiment.folder.files, *experiment.folder.terminals):
        shown = experiment.tree.shown(file.entry.path)
        for problem in file.problems:
            yield LocatedProblem(shown, problem.line_number or None, problem.reason, problem.text)
        for record in file.records:
            if isinstance(record, UnfinishedLine) and experiment.verdict.status != "running":
                reason = "the last line has no end: it may have been cut within a number, and was left out"
                yield LocatedProblem(shown, record.line_number, reason, record.text)
    if experiment.curves.missing:
        plural = "s" if len(experiment.curves.missing) > 1 else ""
        reason = f"no line of epoch{plural} {ranges(experiment.curves.missing)}"
        yield LocatedProblem(experiment.tree.shown(experiment.log), None, reason)
    if not experiment.scored and may_be_fractions(experiment.lines):
        reason = (
            "all its error rates are below 1.5 and were taken as percent, as SpeechBrain computes them; if the recipe "
            "prints fractions, they are 100 times as high (a wer_*.txt beside it would tell)"
        )
        yield LocatedProblem(experiment.tree.shown(experiment.log), None, reason)
    if experiment.verdict.status in ("failed", "killed") and experiment.verdict.reason:
        logs = experiment.folder.of("run_log") or experiment.folder.of("train_log") or experiment.folder.files
        if experiment.verdict.of_job and experiment.job_output is not None:
            logs = [experiment.job_output]
        shown = experiment.tree.shown(logs[0].entry.path) if logs else experiment.tree.shown(experiment.folder.path)
        how = "the training was stopped" if experiment.verdict.status == "killed" else "the training failed"
        yield LocatedProblem(
            shown, experiment.verdict.line_number, f"{how}: {experiment.verdict.reason[:_LONGEST_REASON]}"
        )
    yield from experiment.data.problems


def _named(experiment: Experiment) -> str:
    return str(experiment.config.get("output_folder") or experiment.place.absolute())


def _group(experiment: Experiment) -> str:
    """The experiment's name, where its output folders differ by the seed alone."""
    parts = _name(experiment).split("/")
    return "/".join(parts[:-1]) if parts[-1] == str(experiment.config.get("seed")) else ""


def _name(experiment: Experiment) -> str:
    """``<experiment>/<seed>``, as recipes lay their output folders out below ``results``."""
    parts = list(experiment.place.resolve().parts[1:])
    if "results" in parts[:-1]:
        return "/".join(parts[len(parts) - parts[::-1].index("results") :]) or parts[-1]
    relative = experiment.folder.path.split("/") if experiment.folder.path else []
    return "/".join(relative if len(relative) > 1 else parts[-2:] if _is_seed(parts) else parts[-1:])


def _is_seed(parts: Sequence[str]) -> bool:
    return len(parts) > 1 and parts[-1].isdecimal()


def _count(text: str | None) -> int | None:
    """Return a count as SpeechBrain rounds it: ``13.3M``."""
    if not text:
        return None
    scale = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}.get(text[-1].lower(), 1.0)
    try:
        return round(float(text.rstrip("kKmMbBgGtT")) * scale)
    except (ValueError, OverflowError):
        return None
