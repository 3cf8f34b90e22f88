"""Under which names the numbers of evaluations are asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.catalog.measure import numbers_of
from speech_tracker.cli import main
from speech_tracker.evaluation import ErrorCounts
from speech_tracker.view import RunView

COUNTS = ErrorCounts(9, 1, 0, 0, 2, 1)


def recorded(*curves: str) -> RunView:
    with speech_tracker.init("digits", name="run", mode="local", capture_environment=False) as run:
        for name in curves:
            run.log_metrics({name: 0.3}, step=1)
        run.log_evaluation(COUNTS, test_set="test-clean", unit="word")
        run.log_evaluation(COUNTS, test_set="dev", unit="word", stage="valid")
    assert run.folder is not None
    return RunView.read(run.folder)


def test_a_validation_is_no_test_set() -> None:
    numbers = numbers_of(recorded())
    assert numbers["test/test-clean/wer"]["last"] == numbers["valid/dev/wer"]["last"] == 0.1
    assert not any(name.startswith("test/dev") for name in numbers)


def test_the_curve_of_a_validation_stays_the_curve() -> None:
    numbers = numbers_of(recorded("valid/wer"))
    assert numbers["valid/wer"]["last"] == 0.3
    assert "valid/dev/wer" not in numbers
    assert "test/test-clean/wer" in numbers


def test_a_list_is_sorted_by_the_rate_of_a_test_set(capsys: pytest.CaptureFixture[str]) -> None:
    recorded("valid/wer")
    store = str(Path(os.environ["SPEECH_TRACKER_DIR"]))
    assert main(["list", "--sort", "test/test-clean/wer", "--json", "--store", store]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)] == ["run"]
