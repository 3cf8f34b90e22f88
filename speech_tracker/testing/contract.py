"""What every adapter of a toolkit that trains in this process has to keep: inherit it, give it a real training."""

# ruff: noqa: D102 - the names of tests are sentences

from __future__ import annotations

import importlib.util
import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from speech_tracker.journal.merge import read_journal
from speech_tracker.testing.capture import Captured, capture
from speech_tracker.testing.faults import full_disk
from speech_tracker.testing.isolation import environment
from speech_tracker.view import RunView

OUR_NAMES = re.compile(r"^(train|valid|test|decode|data|system)/\S+$")


@dataclass(frozen=True)
class Training:
    """How the contract wants a training.

    Attributes:
        folder: where it writes its checkpoints; the same one when it is started again.
        tracked: whether the adapter takes part.
        error: to be raised from within the training, by the user's own code, after at least one record of a step.
        resume: go on from the last checkpoint in `folder`, for at least one epoch more.
        pause: seconds to sleep in each step, and then to train on for minutes: it will be killed.
    """

    folder: Path
    tracked: bool = True
    error: BaseException | None = None
    resume: bool = False
    pause: float = 0.0


class AdapterContract(ABC):
    """Tests to inherit: ``class TestMyAdapter(AdapterContract)`` with one method that trains something real for seconds.

    The training has to be deterministic and to record at least two steps and one validation. The class must be in a file
    that can be imported on its own: some tests run it in a process of its own, to kill it.
    """

    interrupt_raises: ClassVar[tuple[type[BaseException], ...]] = (KeyboardInterrupt,)
    """What comes out of the toolkit when the user presses Ctrl-C."""

    sigterm_status: ClassVar[str] = "killed"
    """How a run ends that is sent SIGTERM outside of a scheduler's job."""

    namespaces: ClassVar[re.Pattern[str]] = OUR_NAMES
    """What the names of metrics look like."""

    @abstractmethod
    def train(self, training: Training) -> bytes:
        """Train, and return the trained weights, every bit of them."""

    @abstractmethod
    def tracker(self) -> Any:
        """Return what a user gives to the toolkit, for example the callback, before any training."""

    @pytest.fixture(scope="class")
    @classmethod
    def finished(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Captured, bytes]:
        """A training that was recorded from beginning to end, and its weights."""
        folder = tmp_path_factory.mktemp("finished training")
        with capture(folder) as captured:
            weights = cls().train(Training(folder / "experiment"))
        return captured, weights

    @pytest.fixture(scope="class")
    @classmethod
    def untracked(cls, tmp_path_factory: pytest.TempPathFactory) -> bytes:
        """The weights of the same training without us."""
        folder = tmp_path_factory.mktemp("untracked")
        with capture(folder) as captured:
            weights = cls().train(Training(folder / "experiment", tracked=False))
        assert captured.runs == []
        return weights

    def test_nothing_is_swallowed_in_a_training(self, finished: tuple[Captured, bytes]) -> None:
        assert finished[0].swallowed == []
        assert finished[0].run.problems == []

    def test_a_training_that_ends_is_finished(self, finished: tuple[Captured, bytes]) -> None:
        assert finished[0].run.status == "finished"

    def test_the_configuration_is_recorded_once(self, finished: tuple[Captured, bytes]) -> None:
        captured, _ = finished
        names = [name for record in captured.records("config") for name in record["config"]]
        assert names, "no configuration was recorded"
        assert len(names) == len(set(names)), f"recorded more than once: {sorted(names)}"
        assert captured.run.speech.get("toolkit")
        assert len(captured.records("environment")) == 1

    def test_metrics_have_our_names(self, finished: tuple[Captured, bytes]) -> None:
        names = list(finished[0].run.metrics)
        assert [name for name in names if not self.namespaces.match(name)] == []
        assert any(name.startswith("train/") for name in names), names
        assert any(name.startswith("valid/") for name in names), names

    def test_steps_rise(self, finished: tuple[Captured, bytes]) -> None:
        for name, points in finished[0].run.histories.items():
            steps = [point["step"] for point in points]
            assert None not in steps, f"{name} has no step"
            assert steps == sorted(set(steps)), f"{name}: {steps}"

    def test_the_trained_weights_are_bit_identical(self, finished: tuple[Captured, bytes], untracked: bytes) -> None:
        assert finished[1] == untracked

    def test_a_full_disk_changes_nothing_and_loses_nothing(self, tmp_path: Path, untracked: bytes) -> None:
        with capture(tmp_path) as captured:
            with full_disk(after=8, times=5) as writes:
                weights = self.train(Training(tmp_path / "experiment"))
            assert writes.hurt == 5, "the training recorded too little to meet the full disk and to outlast it"
        assert weights == untracked
        journal = read_journal(captured.run.folder)
        assert journal.missing == ()
        assert captured.run.status == "finished"
        assert captured.swallowed == []

    @pytest.mark.expects_swallowed
    def test_a_store_that_cannot_be_written_changes_nothing(self, tmp_path: Path, untracked: bytes) -> None:
        (tmp_path / "store").write_text("a file where the store should be")
        with capture(tmp_path) as captured:
            assert self.train(Training(tmp_path / "experiment")) == untracked
        assert captured.swallowed

    def test_an_exception_comes_out_unchanged_and_the_run_failed(self, tmp_path: Path) -> None:
        error = RuntimeError("out of memory, says the user's code")
        with capture(tmp_path) as captured, pytest.raises(RuntimeError) as raised:
            self.train(Training(tmp_path / "experiment", error=error))
        assert raised.value is error
        assert error.__cause__ is None
        assert error.__context__ is None
        assert captured.run.status == "failed"
        assert "out of memory" in str(captured.run.status_reason)
        assert captured.swallowed == []

    def test_an_interrupted_training_is_killed(self, tmp_path: Path) -> None:
        with capture(tmp_path) as captured, pytest.raises(self.interrupt_raises):
            self.train(Training(tmp_path / "experiment", error=KeyboardInterrupt()))
        assert captured.run.status == "killed"

    def test_a_process_that_is_killed_leaves_every_record(self, tmp_path: Path) -> None:
        run = self._send(signal.SIGKILL, tmp_path)
        assert run.status == "killed"
        assert run.metrics

    def test_a_terminated_process_says_so(self, tmp_path: Path) -> None:
        run = self._send(signal.SIGTERM, tmp_path)
        assert run.status == self.sigterm_status
        assert any(event["name"] == "signal" for event in run.events)

    def test_other_ranks_are_silent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untracked: bytes) -> None:
        with capture(tmp_path) as captured:
            monkeypatch.setenv("RANK", "1")
            assert self.train(Training(tmp_path / "experiment")) == untracked
            assert captured.runs == []
        assert captured.swallowed == []

    def test_the_tracker_can_be_pickled(self) -> None:
        tracker = self.tracker()
        assert type(pickle.loads(pickle.dumps(tracker))) is type(tracker)

    def test_a_restart_continues_the_same_run(self, tmp_path: Path) -> None:
        with capture(tmp_path) as captured:
            self.train(Training(tmp_path / "experiment"))
        first = captured.run
        with capture(tmp_path) as captured:
            self.train(Training(tmp_path / "experiment", resume=True))
        again = captured.run
        assert again.id == first.id
        assert len(again.segments()) == 2
        assert again.status == "finished"
        for name in ("train/loss",):
            steps = [point["step"] for point in again.history(name)]
            assert steps == sorted(set(steps)), f"{name} after the restart: {steps}"
            assert steps[-1] > first.history(name)[-1]["step"]
        assert captured.swallowed == []

    def _send(self, number: signal.Signals, folder: Path) -> RunView:
        """Train in a process of its own, send it a signal once it has recorded something, and return its run."""
        code = "import sys; from speech_tracker.testing.contract import train_here; train_here(*sys.argv[1:])"
        arguments = [inspect.getfile(type(self)), type(self).__qualname__, str(folder / "experiment")]
        wanted = {**environment(folder), "SPEECH_TRACKER_MODE": "local"}
        variables = {name: value for name, value in {**os.environ, **wanted}.items() if value is not None}
        log = folder / "output.txt"
        (folder / "wandb-home").mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments], env=variables, stdout=output, stderr=output
            )
            try:
                run = _wait_for_metrics(folder / "store", process, log)
                process.send_signal(number)
                process.wait(60)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        return RunView.read(run)


def train_here(file: str, name: str, folder: str) -> None:
    """Train as the class `name` of the test file says, until killed: what the contract runs in processes of their own."""
    spec = importlib.util.spec_from_file_location("contract_in_another_process", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    getattr(module, name)().train(Training(Path(folder), pause=0.05))


def _wait_for_metrics(store: Path, process: subprocess.Popen[bytes], log: Path) -> Path:
    for _ in range(6000):
        runs = list((store / "runs").glob("*/segments/*.jsonl"))
        if any(b'"metrics"' in each.read_bytes() for each in runs):
            return runs[0].parent.parent
        if process.poll() is not None:
            raise AssertionError(
                f"the training ended with {process.returncode} before it recorded a metric:\n{log.read_text()}"
            )
        time.sleep(0.1)
    raise AssertionError(f"no metric was recorded within ten minutes:\n{log.read_text()}")
