"""The contract can fail: adapters with one fault each are caught by the test that is meant for it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.guard import shielded
from speech_tracker.integrations._example import SpeechTrackerToyCallback, ToyTrainer
from speech_tracker.testing.capture import capture
from speech_tracker.testing.contract import AdapterContract, Training


class MovesTheWeight(SpeechTrackerToyCallback):
    def on_step(self, trainer: ToyTrainer, metrics: dict[str, float]) -> None:
        super().on_step(trainer, metrics)
        trainer.weight += 1e-15


class ForeignNames(SpeechTrackerToyCallback):
    def on_step(self, trainer: ToyTrainer, metrics: dict[str, float]) -> None:
        if self.run is not None:
            self.run.log_metrics(metrics, step=trainer.step)


class StandingStill(SpeechTrackerToyCallback):
    def on_step(self, trainer: ToyTrainer, metrics: dict[str, float]) -> None:
        if self.run is not None:
            self.run.log_metrics({"train/loss": metrics["train_loss"]}, step=1)


class ConfiguresTwice(SpeechTrackerToyCallback):
    def on_end(self, trainer: ToyTrainer) -> None:
        if self.run is not None:
            self.run.log_config({"lr": trainer.lr})
        super().on_end(trainer)


class SwallowsSomething(SpeechTrackerToyCallback):
    def on_end(self, trainer: ToyTrainer) -> None:
        with shielded("the end"):
            raise ValueError("a bug of the adapter's")
        super().on_end(trainer)


class WrapsTheError(SpeechTrackerToyCallback):
    def on_error(self, trainer: ToyTrainer, error: BaseException) -> None:
        super().on_error(trainer, error)
        raise RuntimeError("tracking says") from error


class ForgetsTheError(SpeechTrackerToyCallback):
    def on_error(self, trainer: ToyTrainer, error: BaseException) -> None:
        """The run stays open, and ends with the process as if nothing had been wrong."""


class CannotBePickled(SpeechTrackerToyCallback):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.function: Callable[[], None] = lambda: None


class StartsAnew(SpeechTrackerToyCallback):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, resume="never", **options)


FAULTS: dict[type[SpeechTrackerToyCallback], str] = {
    MovesTheWeight: "test_the_trained_weights_are_bit_identical",
    ForeignNames: "test_metrics_have_our_names",
    StandingStill: "test_steps_rise",
    ConfiguresTwice: "test_the_configuration_is_recorded_once",
    SwallowsSomething: "test_nothing_is_swallowed_in_a_training",
    WrapsTheError: "test_an_exception_comes_out_unchanged_and_the_run_failed",
    ForgetsTheError: "test_an_exception_comes_out_unchanged_and_the_run_failed",
    CannotBePickled: "test_the_tracker_can_be_pickled",
    StartsAnew: "test_a_restart_continues_the_same_run",
}


def contract_of(callback: type[SpeechTrackerToyCallback]) -> AdapterContract:
    class Contract(AdapterContract):
        def tracker(self) -> Any:
            return callback("toy", task="asr")

        def train(self, training: Training) -> bytes:
            def fail(trainer: ToyTrainer, metrics: dict[str, float]) -> None:
                if training.error is not None and trainer.step == 3:
                    raise training.error

            user = type("User", (), {"on_step": staticmethod(fail)})
            callbacks = [*([self.tracker()] if training.tracked else []), user]
            trainer = ToyTrainer(callbacks, epochs=3 if training.resume else 2)
            return struct.pack("d", trainer.fit(training.folder, resume=training.resume))

    return Contract()


def hold(contract: AdapterContract, test: str, folder: Path) -> None:
    """Run one test of the contract, with what its fixtures would give."""
    arguments: dict[str, Any] = {}
    names = getattr(contract, test).__code__.co_varnames
    if "finished" in names:
        with capture(folder / "finished") as captured:
            weights = contract.train(Training(folder / "finished" / "experiment"))
        arguments["finished"] = (captured, weights)
    if "untracked" in names:
        arguments["untracked"] = contract.train(Training(folder / "untracked", tracked=False))
    if "tmp_path" in names:
        arguments["tmp_path"] = folder
    getattr(contract, test)(**arguments)


@pytest.mark.expects_swallowed
@pytest.mark.parametrize(("callback", "test"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_is_caught(callback: type[SpeechTrackerToyCallback], test: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, AttributeError, RuntimeError)):
        hold(contract_of(callback), test, tmp_path / "faulty")


@pytest.mark.parametrize("test", sorted(set(FAULTS.values())))
def test_without_a_fault_the_same_tests_pass(test: str, tmp_path: Path) -> None:
    hold(contract_of(SpeechTrackerToyCallback), test, tmp_path)
