"""One output folder: what all its files say together."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from speech_tracker.ingest.clock import time_of_wall, written_last
from speech_tracker.ingest.endings import Ending
from speech_tracker.ingest.walk import FileRole, Tree
from speech_tracker.integrations.speechbrain.checkpoint_meta import CheckpointMeta, zone_offset
from speech_tracker.integrations.speechbrain.checkpoints_found import Kept, tested_with
from speech_tracker.integrations.speechbrain.data_files import DataUse, data_of
from speech_tracker.integrations.speechbrain.env_log import SystemDescription
from speech_tracker.integrations.speechbrain.epochs import Curves, epochs_of, rates_as_fractions
from speech_tracker.integrations.speechbrain.evaluations import Decoded, ScoredFile, metric_of, name_tests
from speech_tracker.integrations.speechbrain.hyperparams_file import Hyperparameters
from speech_tracker.integrations.speechbrain.outcome import Progress, Verdict, cut_off, verdict
from speech_tracker.integrations.speechbrain.output_folders import File, OutputFolder, folder_named
from speech_tracker.integrations.speechbrain.score_files import ErrorRates
from speech_tracker.integrations.speechbrain.sessions import sessions_of, silence_allowed
from speech_tracker.integrations.speechbrain.train_log import StatsLine


class Experiment:
    """What is known of an output folder.

    Args:
        folder: with its files.
        tree: that it is in.
        folders: all output folders of the tree.
        now: seconds since 1970, to tell a running training from a killed one.

    Attributes:
        place: of the folder.
        config: the configuration, empty where there is none.
        data: the data sets.
        sessions: the starts of the recipe.
        lines: of the training log, and `log`, the file that they stand in.
        kept: the checkpoints that are left.
        scored: the files of error rates.
        fractions: see `epochs.rates_as_fractions`.
        curves: the epochs.
        times: line of the training log → seconds since 1970.
        tests: the test lines with their test sets.
        verdict: what became of it, and `job_output`, the job's output that says so.
    """

    def __init__(self, folder: OutputFolder, tree: Tree[FileRole], folders: Sequence[str], *, now: float) -> None:
        self.folder, self.tree, self._folders = folder, tree, folders
        self.place = tree.root / folder.path
        self.hyperparameters = next(iter(folder.records("hyperparams", Hyperparameters)), None)
        self.system = next(iter(folder.records("env", SystemDescription)), None)
        self.config: Mapping[str, Any] = self.hyperparameters.values if self.hyperparameters else {}
        self.data: DataUse = data_of(self.config, self.place)
        self.sessions = [session for file in folder.of("run_log") for session in sessions_of(file.records)]
        self.lines, self.log = self._stats_lines()
        self.kept = self._checkpoints()
        self.zone = self._zone()
        self.scored = self._scored_files()
        percents = [report.percent for file in self.scored for report in file.reports]
        self.fractions = rates_as_fractions(self.lines, percents)
        times = {line.text: self.time(local) for session in self.sessions for local, line in session.stats}
        self.curves: Curves = epochs_of(self.lines, lambda line: times.get(line.text), percents=self.fractions)
        self.times = times
        self.tests = name_tests(self._blocks(), self.scored, self.data.test_sets, tree.shown(self.log))
        self.job_output: File | None = None
        self.verdict: Verdict = self._verdict(now)

    def time(self, local: float) -> float:
        """Return a local time of the log as seconds since 1970; the zone is told by the checkpoints, else taken to be ours."""
        if self.zone is not None:
            return local - self.zone
        parts = clock.gmtime(local)
        try:
            return clock.mktime((*parts[:8], -1)) + local % 1
        except (OverflowError, ValueError):
            return local

    def saved_in_epoch(self) -> dict[str, int]:
        """Return name of a checkpoint → epoch at whose end it was made."""
        return {PurePosixPath(path).name: epoch for session in self.sessions for path, epoch in session.saved}

    def decoded(self) -> Decoded:
        """Return what the last test was made with, which may be gone by now."""
        name = tested_with(self.sessions)
        epoch = next((each.line.loaded for each in self.tests[::-1] if each.line.loaded is not None), None)
        if name is not None:
            epoch = self.saved_in_epoch().get(name, epoch)
        step = self.curves.steps.get(epoch) if epoch is not None else None
        path = str(self.place / "save" / name) if name is not None else ""
        path = next((each.path for each in self.kept if each.name == name), path)
        return Decoded(path, step if step is not None else self.curves.last_step)

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
            limit=_limit(self.config),
            tests=tests,
            test_sets=len(self.data.test_sets),
            silent=max(0.0, now - written_last(newest, time_of_wall(last.last) if last is not None else None)),
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


def _limit(config: Mapping[str, Any]) -> int | None:
    counter = config.get("epoch_counter")
    values = [config.get("number_of_epochs"), counter.get("limit") if isinstance(counter, Mapping) else None]
    values.append(config.get("N_epochs"))
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
