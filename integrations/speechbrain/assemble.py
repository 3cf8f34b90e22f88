"""From read files to the description of the experiments below a folder."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from speech_tracker.ingest.endings import Ending
from speech_tracker.ingest.found import (
    Found,
    FoundRun,
    Happening,
    JobTally,
    LocatedProblem,
    Point,
)
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.speechbrain.checkpoint_meta import CheckpointMeta, zone_offset
from speech_tracker.integrations.speechbrain.checkpoints_found import Kept, best_of, found_checkpoints, tested_with
from speech_tracker.integrations.speechbrain.data_files import DataUse, data_of
from speech_tracker.integrations.speechbrain.env_log import SystemDescription
from speech_tracker.integrations.speechbrain.epochs import Curves, epochs_of, metrics_of, ranges, rates_as_fractions
from speech_tracker.integrations.speechbrain.evaluations import (
    Decoded,
    ScoredFile,
    evaluations_of,
    metric_of,
    name_tests,
)
from speech_tracker.integrations.speechbrain.hyperparams_file import Hyperparameters
from speech_tracker.integrations.speechbrain.outcome import Progress, Verdict, cut_off, verdict
from speech_tracker.integrations.speechbrain.output_folders import File, OutputFolder, find_folders, folder_named
from speech_tracker.integrations.speechbrain.run_log import Parameters, TrainableParameters
from speech_tracker.integrations.speechbrain.score_files import ErrorRates
from speech_tracker.integrations.speechbrain.sessions import sessions_of, silence_allowed
from speech_tracker.integrations.speechbrain.train_log import StatsLine, UnfinishedLine
from speech_tracker.integrations.speechbrain.vocabulary import decoding_of, model_type, speech_of, task_of

LOOKED_FOR = (
    "the output folder of a recipe (train_log.txt, log.txt, env.log, hyperparams.yaml, save/CKPT+…/CKPT.yaml) or its "
    "error rates (wer_*.txt, cer_*.txt, per_*.txt), in it or below it"
)

_LONGEST_REASON = 500


def assemble(tree: Tree[FileRole], files: Iterable[File], *, now: float, follow: bool = False) -> Found:
    """Return the description of the experiments.

    Args:
        tree: that was walked.
        files: of it that were read.
        now: seconds since 1970, to tell a running training from a killed one.
        follow: whether the experiments go on.
    """
    files = list(files)
    folders, strays = find_folders(tree, files)
    paths = [folder.path for folder in folders]
    built = [_Experiment(folder, tree, paths, now=now, follow=follow) for folder in folders]
    runs = tuple(each.run() for each in built)
    manifests = {path.resolve() for each in built for path in each.data.used}
    unread = [entry for entry in tree.entries if entry.role.parser == "manifest"]
    unused = [entry for entry in unread if (tree.root / entry.path).resolve() not in manifests]
    problems = (*tree.problems, *(problem for run in runs for problem in run.problems))
    return Found(
        toolkit="speechbrain",
        root=str(tree.root),
        runs=runs,
        problems=tuple(dict.fromkeys(problems)),
        files_read=len(files) - len(strays) + len(unread) - len(unused),
        files_skipped=tree.skipped + len(strays) + len(unused),
        looked_for=LOOKED_FOR,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    config: dict[str, Any]
    system: SystemDescription | None
    hyperparameters: Hyperparameters | None


class _Experiment:
    """One output folder on its way to a run."""

    def __init__(
        self, folder: OutputFolder, tree: Tree[FileRole], folders: Sequence[str], *, now: float, follow: bool
    ) -> None:
        self.folder, self.tree, self._folders, self._follow = folder, tree, folders, follow
        self.place = tree.root / folder.path
        hyperparameters = next(iter(folder.records("hyperparams", Hyperparameters)), None)
        system = next(iter(folder.records("env", SystemDescription)), None)
        self.facts = _Facts(dict(hyperparameters.values) if hyperparameters else {}, system, hyperparameters)
        self.data: DataUse = data_of(self.facts.config, self.place)
        self.sessions = [session for file in folder.of("run_log") for session in sessions_of(file.records)]
        self.lines, self.log = self._stats_lines()
        self.kept = self._checkpoints()
        self.zone = self._zone()
        self.scored = self._scored_files()
        percents = [report.percent for file in self.scored for report in file.reports]
        self.fractions = rates_as_fractions(self.lines, percents)
        times = {line.text: self._time(local) for session in self.sessions for local, line in session.stats}
        self.curves: Curves = epochs_of(self.lines, lambda line: times.get(line.text), percents=self.fractions)
        self.times = times
        self.tests = name_tests(self._blocks(), self.scored, self.data.test_sets, tree.shown(self.log))
        self.job_output: File | None = None
        self.verdict: Verdict = self._verdict(now)

    def run(self) -> FoundRun:
        """Return the description of the run."""
        live = self._follow
        best = best_of(self.kept, self.sessions)
        decoding = decoding_of(self.facts.config)
        averaged = self.facts.config.get("avg_checkpoints")
        if isinstance(averaged, int) and averaged > 1:
            decoding["averaged_checkpoints"] = averaged
        evaluations = evaluations_of(
            self.scored,
            self.tests,
            test_sets=self.data.test_sets,
            decoding=decoding,
            speakers=self.data.test_files,
            live=live,
            decoded=self._decoded(),
        )
        rates = {each.metric for each in evaluations} | {key.lower() for line in self.lines for _, key, _ in line.stats}
        recipe = self.facts.hyperparameters.recipe if self.facts.hyperparameters else None
        task = task_of(rates, self._named(), recipe, self.facts.config)
        kind = model_type(self.facts.config) or task
        return FoundRun(
            path=self.tree.shown(self.folder.path),
            folder=str(self.place.resolve()),
            name=self._name(),
            kind=kind,
            task=task,
            status=self.verdict.status,
            complete=self.verdict.status != "running",
            iterations=len(self.curves.epochs),
            points=(*self.curves.points, *self._test_points(settled=not live)),
            evaluations=tuple(evaluations),
            jobs=JobTally(
                total=len(self.sessions),
                failed=sum(session.ending is not None for session in self.sessions),
                running=int(self.verdict.status == "running" and bool(self.sessions)),
                seconds=round(sum(session.seconds for session in self.sessions)),
                thread_seconds=round(sum(session.seconds for session in self.sessions)),
            ),
            happenings=tuple(self._happenings()),
            datasets=self.data.datasets,
            links=(),
            config=self._config(),
            speech=speech_of(
                self.facts.config,
                task,
                version=self.facts.system.version_of("speechbrain") if self.facts.system else None,
                parameters=self._parameters(),
                data=self.data.data,
            ),
            tables=(),
            model_files=(),
            began=self._time(self.sessions[0].began) if self.sessions else None,
            problems=tuple(self._problems()),
            checkpoints=found_checkpoints(self.kept, best, self._saved(), self.curves.steps),
            last_step=self.curves.last_step,
            group=self._group(),
        )

    def _stats_lines(self) -> tuple[list[StatsLine], str]:
        """The lines of the training log; those in SpeechBrain's own log, which are the same, where there is none."""
        for file in self.folder.of("train_log"):
            lines = [record for record in file.records if isinstance(record, StatsLine)]
            if lines:
                return lines, file.entry.path
        told = [line for session in self.sessions for _, line in session.stats]
        return told, next((file.entry.path for file in self.folder.of("run_log")), self.folder.path)

    def _blocks(self) -> list[list[StatsLine]]:
        """Test lines that follow each other."""
        blocks: list[list[StatsLine]] = []
        before: StatsLine | None = None
        for line in self.lines:
            if line.is_test:
                if before is None or not before.is_test:
                    blocks.append([])
                blocks[-1].append(line)
            before = line
        return blocks

    def _checkpoints(self) -> list[Kept]:
        found = []
        for file in self.folder.of("checkpoint"):
            meta = next((record for record in file.records if isinstance(record, CheckpointMeta)), None)
            if meta is not None:
                name = file.entry.folder.rpartition("/")[2]
                found.append(Kept(name, self.tree.shown(file.entry.folder), meta))
        return found

    def _zone(self) -> float | None:
        offsets = [offset for each in self.kept if (offset := zone_offset(each.name, each.meta)) is not None]
        return offsets[-1] if offsets else None

    def _time(self, local: float) -> float:
        """A local time of the log as seconds since 1970; the zone is told by the checkpoints, else taken to be ours."""
        if self.zone is not None:
            return local - self.zone
        parts = clock.gmtime(local)
        try:
            return clock.mktime((*parts[:8], -1)) + local % 1
        except (OverflowError, ValueError):
            return local

    def _scored_files(self) -> list[ScoredFile]:
        found = []
        for file in self.folder.of("scores"):
            reports = tuple(record for record in file.records if isinstance(record, ErrorRates))
            relative = file.entry.path.removeprefix(self.folder.path).lstrip("/")
            if reports:
                path = self.tree.root / file.entry.path
                found.append(ScoredFile(path, self.tree.shown(file.entry.path), relative, reports))
        return found

    def _verdict(self, now: float) -> Verdict:
        watched = [file for file in self.folder.files if file.entry.role.parser in ("run_log", "train_log", "scores")]
        newest = max((file.entry.stat.st_mtime for file in watched), default=0.0)
        logs = max((file.entry.stat.st_mtime for file in self.folder.of("run_log")), default=0.0)
        last = self.sessions[-1] if self.sessions else None
        tests = 0
        for line in self.lines:
            tests = tests + 1 if line.is_test else 0
        tests = max(
            tests, sum(metric_of(each, each.reports[0]) == "wer" for each in self.scored) if not self.lines else 0
        )
        progress = Progress(
            epochs=self.curves.epochs[-1] if self.curves.epochs else 0,
            limit=_limit(self.facts.config),
            tests=tests,
            test_sets=len(self.data.test_sets),
            silent=max(0.0, now - newest),
            allowed=silence_allowed(self.sessions),
        )
        cut: Ending | None = None
        for file in self.folder.terminals:
            ending = cut_off(file.records, self._is_ours, last, newer=file.entry.stat.st_mtime >= logs - 60)
            if ending is not None:
                cut, self.job_output = ending, file
        return verdict(self.sessions, progress, cut)

    def _is_ours(self, named: str) -> bool:
        return folder_named(named, self._folders, self.tree) == self.folder.path

    def _test_points(self, *, settled: bool) -> list[Point]:
        """Results on the test sets, whose names are known for certain when all files are there."""
        found: dict[str, Point] = {}
        for tested in self.tests:
            values = metrics_of(tested.line, self.fractions, test_set=tested.test_set)
            epoch = tested.line.loaded
            for name, value in values.items():
                step = self.curves.last_step if self.curves.last_step is not None else epoch
                time, passes = self.times.get(tested.line.text), None if epoch is None else float(epoch)
                found[name] = Point(name, step, value, passes, time, settled)
        return list(found.values())

    def _happenings(self) -> Iterable[Happening]:
        log = next((self.tree.shown(file.entry.path) for file in self.folder.of("run_log")), "")
        for number, session in enumerate(self.sessions, start=1):
            if number > 1 and session.epochs:
                data: dict[str, Any] = {"epoch": session.epochs[0], "start": number}
                yield Happening(f"restarted:{number}", "restarted", data, self._time(session.began))
            if session.ending is not None:
                yield Happening(
                    f"failed:{number}",
                    "job-failed" if session.ending.status == "failed" else "job-killed",
                    {"log": log, "line": session.ending.line_number, "error": session.ending.reason[:_LONGEST_REASON]},
                    self._time(session.last),
                )
        if self.curves.repeated:
            yield Happening("repeated", "epochs-repeated", {"epochs": ranges(self.curves.repeated)})

    def _parameters(self) -> tuple[int | None, int | None]:
        """Parameters as rounded as the log prints them."""
        total = self.folder.records("run_log", Parameters)
        trainable = self.folder.records("run_log", TrainableParameters)
        return (
            _count(total[-1].total) if total else None,
            _count(trainable[-1].text) if trainable else _count(total[-1].trainable) if total else None,
        )

    def _config(self) -> dict[str, Any]:
        config = dict(self.facts.config)
        system, written = self.facts.system, self.facts.hyperparameters
        if system is not None:
            config["env_log"] = {
                "python": system.python,
                "cuda": system.cuda,
                "git_revision": system.git_revision,
                "packages": dict(system.packages),
            }
        if written is not None and written.recipe is not None:
            config["recipe"] = {"file": written.recipe, "started_last": written.generated}
        if self.curves.texts:
            config["train_log_says"] = dict(self.curves.texts)
        return config

    def _problems(self) -> Iterable[LocatedProblem]:
        for file in (*self.folder.files, *self.folder.terminals):
            shown = self.tree.shown(file.entry.path)
            for problem in file.problems:
                yield LocatedProblem(shown, problem.line_number or None, problem.reason, problem.text)
            for record in file.records:
                if isinstance(record, UnfinishedLine) and self.verdict.status != "running":
                    reason = "the last line has no end: it may have been cut within a number, and was left out"
                    yield LocatedProblem(shown, record.line_number, reason, record.text)
        if self.curves.missing:
            plural = "s" if len(self.curves.missing) > 1 else ""
            reason = f"no line of epoch{plural} {ranges(self.curves.missing)}"
            yield LocatedProblem(self.tree.shown(self.log), None, reason)
        if self.verdict.status in ("failed", "killed") and self.verdict.reason:
            logs = self.folder.of("run_log") or self.folder.of("train_log") or self.folder.files
            if self.verdict.of_job and self.job_output is not None:
                logs = [self.job_output]
            shown = self.tree.shown(logs[0].entry.path) if logs else self.tree.shown(self.folder.path)
            how = "the training was stopped" if self.verdict.status == "killed" else "the training failed"
            yield LocatedProblem(shown, self.verdict.line_number, f"{how}: {self.verdict.reason[:_LONGEST_REASON]}")
        yield from self.data.problems

    def _named(self) -> str:
        return str(self.facts.config.get("output_folder") or self.place.absolute())

    def _saved(self) -> dict[str, int]:
        """Name of a checkpoint → epoch at whose end it was made."""
        return {PurePosixPath(path).name: epoch for session in self.sessions for path, epoch in session.saved}

    def _decoded(self) -> Decoded:
        """What the last test was made with, which may be gone by now."""
        name = tested_with(self.sessions)
        epoch = next((each.line.loaded for each in self.tests[::-1] if each.line.loaded is not None), None)
        if name is not None:
            epoch = self._saved().get(name, epoch)
        step = self.curves.steps.get(epoch) if epoch is not None else None
        path = str(self.place / "save" / name) if name is not None else ""
        path = next((each.path for each in self.kept if each.name == name), path)
        return Decoded(path, step if step is not None else self.curves.last_step)

    def _group(self) -> str:
        """The experiment's name, where its output folders differ by the seed alone."""
        parts = self._name().split("/")
        return "/".join(parts[:-1]) if parts[-1] == str(self.facts.config.get("seed")) else ""

    def _name(self) -> str:
        """``<experiment>/<seed>``, as recipes lay their output folders out below ``results``."""
        parts = list(self.place.resolve().parts[1:])
        if "results" in parts[:-1]:
            return "/".join(parts[len(parts) - parts[::-1].index("results") :]) or parts[-1]
        relative = self.folder.path.split("/") if self.folder.path else []
        return "/".join(relative if len(relative) > 1 else parts[-2:] if _is_seed(parts) else parts[-1:])


def _is_seed(parts: Sequence[str]) -> bool:
    return len(parts) > 1 and parts[-1].isdecimal()


def _limit(config: Mapping[str, Any]) -> int | None:
    counter = config.get("epoch_counter")
    values = [config.get("number_of_epochs"), counter.get("limit") if isinstance(counter, Mapping) else None]
    values.append(config.get("N_epochs"))
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _count(text: str | None) -> int | None:
    """Return a count as SpeechBrain rounds it: ``13.3M``."""
    if not text:
        return None
    scale = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}.get(text[-1].lower(), 1.0)
    try:
        return round(float(text.rstrip("kKmMbBgGtT")) * scale)
    except (ValueError, OverflowError):
        return None
