from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.evaluation import score


def test_every_point_has_step_epoch_value_and_time(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    folder = make_run(metrics={"train/loss": [3.0, 2.0], "valid/wer": [0.5]})
    answer = cli("history", folder.name, "train/loss", "valid/wer", "--json")
    found = answer.json()
    assert list(found) == ["train/loss", "valid/wer"]
    assert [{**point, "time": None} for point in found["train/loss"]] == [
        {"step": 0, "epoch": 0, "value": 3.0, "time": None},
        {"step": 1, "epoch": 0, "value": 2.0, "time": None},
    ]
    assert all(isinstance(point["time"], float) for point in found["train/loss"])


def test_what_json_has_no_number_for_is_a_string(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    values = [float("nan"), float("inf"), float("-inf"), 2**70, 1]
    folder = make_run(metrics={"train/loss": values})
    found = cli("history", folder.name, "train/loss", "--json").json()["train/loss"]
    assert [point["value"] for point in found] == ["NaN", "Infinity", "-Infinity", 2**70, 1]
    assert isinstance(found[-1]["value"], int)


def test_plain_output_has_one_point_a_line_with_every_digit(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    folder = make_run(metrics={"train/loss": [0.1 + 0.2]})
    header, row = cli("history", folder.name, "train/loss").out.splitlines()
    assert header == "METRIC\tSTEP\tEPOCH\tVALUE\tTIME"
    assert row.split("\t")[:4] == ["train/loss", "0", "0", "0.30000000000000004"]


def test_an_unknown_metric_is_wrong_use_and_the_closest_is_named(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    folder = make_run(metrics={"train/loss": [1.0], "valid/wer": [0.5]})
    answer = cli("history", folder.name, "valid/loss", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert "try train/loss" in answer.err


def test_a_run_without_metrics_says_so(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    answer = cli("history", make_run().name, "train/loss")
    assert answer.code == 2
    assert "no metrics" in answer.err


def test_the_error_rates_of_evaluations_have_a_history(cli: Callable[..., Any]) -> None:
    with speech_tracker.init("digits", "asr", mode="local", capture_environment=False) as run:
        run.log_evaluation(score({"u1": "one two"}, {"u1": "one too"}), test_set="clean", step=7)
    (point,) = cli("history", run.id, "test/clean/wer", "--json").json()["test/clean/wer"]
    assert (point["step"], point["value"]) == (7, 0.5)
    assert cli("list", "--json", "--sort", "test/clean/wer").json()[0]["metrics"]["test/clean/wer"]["min"] == 0.5
