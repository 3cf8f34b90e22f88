"""A wrong argument is refused at the call: what happened, the value, what was expected, what to do."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import speech_tracker
from speech_tracker import Run
from speech_tracker.arguments import axis
from speech_tracker.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    SpeechTrackerError,
    StoreError,
    UnsafePathError,
)
from speech_tracker.view import RunView

FOUR_PARTS = re.compile(r"^.+: got .+, expected .+; .+$", re.DOTALL)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return speech_tracker.init("p", store=tmp_path, mode="local", capture_environment=False)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"task": "asrr"}, InvalidArgumentError, ["unknown task", "'asrr'", "asr", "`task=`"]),
        ({"task": 3}, InvalidTypeError, ["`task` is not text", "got 3"]),
        ({"mode": "on"}, InvalidArgumentError, ["unknown mode", "online, offline, local, disabled"]),
        ({"resume": "maybe"}, InvalidArgumentError, ["unknown resume", "auto, never, must"]),
        ({"durability": "safe"}, InvalidArgumentError, ["unknown durability", "os, fsync, interval"]),
        ({"languages": "english please"}, InvalidArgumentError, ["not a language tag", "BCP 47", "zh-CN"]),
        ({"languages": ["en", ""]}, InvalidArgumentError, ["`languages` is empty"]),
        ({"tags": [1]}, InvalidTypeError, ["`tags` is not text", "got 1"]),
        ({"config": [("a", 1)]}, InvalidTypeError, ["`config` is no configuration", "namespace"]),
        ({"config": dict}, InvalidTypeError, ["`config` is no configuration"]),
        ({"name": 5}, InvalidTypeError, ["`name` is not text", "got 5"]),
        ({"experiment": 5}, InvalidTypeError, ["`experiment` is not text"]),
        ({"description": ["a"]}, InvalidTypeError, ["`description` is not text"]),
        ({"tags": 5}, InvalidTypeError, ["`tags` is not text", "got 5"]),
        ({"created_at": "today"}, InvalidTypeError, ["`created_at` is no number"]),
        ({"created_at": float("nan")}, InvalidTypeError, ["`created_at` is no number"]),
        ({"created_at": 1_763_690_000_000}, InvalidArgumentError, ["in no calendar", "milliseconds"]),
        ({"experiment_folder": __file__}, StoreError, ["is not a folder", "test_arguments.py"]),
        ({"project": 5}, InvalidTypeError, ["`project` is not text"]),
        ({"id": "../escape"}, UnsafePathError, ["not a run id", "'../escape'", "letters, digits"]),
        ({"id": "a/b"}, UnsafePathError, ["not a run id"]),
        ({"id": ".."}, UnsafePathError, ["not a run id"]),
        ({"id": "newline\n"}, UnsafePathError, ["not a run id"]),
        ({"id": "-dash"}, UnsafePathError, ["not a run id"]),
        ({"id": "x" * 65}, UnsafePathError, ["1 to 64"]),
        ({"id": "nul\x00"}, UnsafePathError, ["not a run id"]),
        ({"resume": "must"}, InvalidArgumentError, ["no run to continue", "id="]),
        ({"resume": "must", "id": "absent"}, InvalidArgumentError, ["no such run to continue", "'absent'"]),
    ],
)
def test_init_refuses_a_wrong_argument(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], says: list[str]
) -> None:
    with pytest.raises(error) as refusal:
        speech_tracker.init(**{"project": "p", "store": tmp_path, "mode": "local", **arguments})
    assert FOUR_PARTS.match(str(refusal.value)), str(refusal.value)
    assert [part for part in says if part not in str(refusal.value)] == []
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())  # nothing was begun


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda run: run.link("other", "cousin-of"), InvalidArgumentError, ["unknown relation", "'cousin-of'", "ablation-of"]),
        (lambda run: run.link("", "continues"), InvalidArgumentError, ["`run` is empty"]),
        (lambda run: run.link(3, "continues"), InvalidTypeError, ["`run` is not text"]),
        (lambda run: run.finish("done"), InvalidArgumentError, ["unknown status", "'done'", "finished, failed, killed"]),
        (lambda run: run.finish("running"), InvalidArgumentError, ["unknown status"]),
        (lambda run: run.alert("t", level="loud"), InvalidArgumentError, ["unknown level", "info, warn, error"]),
        (lambda run: run.log_checkpoint("/x", action="lost"), InvalidArgumentError, ["unknown action", "saved, replaced"]),
        (lambda run: run.log_checkpoint("/x", metrics={"wer": "low"}), InvalidTypeError, ["metric 'wer' is not a number"]),
        (lambda run: run.log_metrics({"a": 1}, step="ten"), InvalidTypeError, ["`step` is no number", "'ten'"]),
        (lambda run: run.log_metrics({"a": 1}, step=float("nan")), InvalidTypeError, ["`step` is no number", "nan"]),
        (lambda run: run.log_metrics({"a": 1}, epoch=float("inf")), InvalidTypeError, ["`epoch` is no number"]),
        (lambda run: run.log_metrics({"a": 1}, time="now"), InvalidTypeError, ["`time` is no number"]),
        (lambda run: run.log_metrics({"a": 1}, time=1e18), InvalidArgumentError, ["`time` is in no calendar", "1e+18"]),
        (lambda run: run.log_event("a", time=1e18), InvalidArgumentError, ["`time` is in no calendar"]),
        (lambda run: run.log_metric("a", [1]), InvalidTypeError, ["metric 'a' is not a number"]),
        (lambda run: run.log_rank_metrics({"a": None}), InvalidTypeError, ["metric 'a' is not a number"]),
        (lambda run: run.rewind(), InvalidArgumentError, ["nothing to rewind to", "step= or epoch="]),
        (lambda run: run.rewind(step="x"), InvalidTypeError, ["`step` is no number"]),
        (lambda run: run.log_config("a: 1"), InvalidTypeError, ["`config` is no configuration", "'a: 1'"]),
        (lambda run: run.log_speech("conformer"), InvalidTypeError, ["`speech` is not a mapping"]),
        (lambda run: run.log_table("t", ["a", "b"], [[1]]), InvalidArgumentError, ["row 0 of table 't' has 1 cells", "a, b"]),
        (lambda run: run.log_dataset(""), InvalidArgumentError, ["`name` is empty"]),
        (lambda run: run.log_dataset("d", utterances="12"), InvalidTypeError, ["`utterances` is no whole number", "'12'"]),
        (lambda run: run.log_dataset("d", hours="many"), InvalidTypeError, ["'hours' is not a number"]),
        (lambda run: run.log_artifact("/no/such/file", type="x"), InvalidArgumentError, ["no such file", "/no/such/file"]),
        (lambda run: run.log_figure("f", 3), InvalidTypeError, ["not a picture", "matplotlib"]),
        (lambda run: run.log_figure("f", "/no/such.png"), InvalidArgumentError, ["no such file"]),
        (lambda run: run.log_audio("a", np.zeros(4)), InvalidArgumentError, ["samples need their rate", "16000"]),
        (lambda run: run.log_audio("a", np.zeros((1, 2, 3)), sample_rate=8000), InvalidTypeError, ["not a sound"]),
        (lambda run: run.add_tags("ok", ""), InvalidArgumentError, ["`tags` is empty"]),
        (lambda run: run.log_event(""), InvalidArgumentError, ["`name` is empty"]),
        (lambda run: run.log_problem(""), InvalidArgumentError, ["`reason` is empty"]),
    ],
)  # fmt: skip
def test_a_run_refuses_a_wrong_argument_and_records_nothing(
    run: Run, call: Callable[[Run], None], error: type[SpeechTrackerError], says: list[str]
) -> None:
    assert run.folder is not None
    before = len(RunView.read(run.folder).journal.records)
    with pytest.raises(error) as refusal:
        call(run)
    assert FOUR_PARTS.match(str(refusal.value)), str(refusal.value)
    assert [part for part in says if part not in str(refusal.value)] == []
    view = RunView.read(run.folder)
    assert len(view.journal.records) == before
    assert view.journal.missing == ()
    assert run.status == "running"


@pytest.mark.parametrize(
    ("given_value", "taken"),
    [
        (3, 3),
        (3.0, 3),
        (2.5, 2.5),
        (np.int32(4), 4),
        (np.float32(0.5), 0.5),
        (torch.tensor(7), 7),
        (None, None),
        (0, 0),
        (-1, -1),
    ],
)
def test_an_axis_is_a_number_whole_where_it_is_whole(given_value: Any, taken: Any) -> None:
    assert axis("step", given_value) == taken
    assert type(axis("step", given_value)) is type(taken)


@pytest.mark.parametrize(
    ("name", "standard"),
    [("asr", "asr"), ("ASR", "asr"), ("speech-recognition", "asr"), ("speech_recognition", "asr"), (None, None)],
)
def test_a_task_may_be_given_by_another_known_name(tmp_path: Path, name: str | None, standard: str | None) -> None:
    assert speech_tracker.init(task=name, store=tmp_path, mode="local", capture_environment=False).task == standard


def test_a_credential_in_a_wrong_argument_is_not_needed_to_explain_it(run: Run) -> None:
    with pytest.raises(InvalidTypeError) as refusal:
        run.log_metrics({"a": "x" * 10_000})
    assert len(str(refusal.value)) < 500  # a long value is shortened


@dataclass
class Settings:
    lr: float = 0.1


@pytest.mark.parametrize("config", [{"lr": 0.1}, argparse.Namespace(lr=0.1), SimpleNamespace(lr=0.1), Settings()])
def test_a_configuration_may_be_what_recipes_have(tmp_path: Path, config: Any) -> None:
    run = speech_tracker.init(config=config, tags=None, languages=None, store=tmp_path, mode="local")
    assert run.folder is not None
    assert RunView.read(run.folder).config == {"lr": 0.1}
    run.log_config(config)
    assert RunView.read(run.folder).config == {"lr": 0.1}
