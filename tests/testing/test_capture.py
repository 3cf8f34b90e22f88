"""A capture sees what its body records and nothing else, and leaves the process as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.guard import shielded
from speech_tracker.testing.capture import capture
from speech_tracker.testing.isolation import forget_runs


def test_runs_end_as_at_the_end_of_the_process(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        speech_tracker.init("a", config={"lr": 0.1})
        assert captured.run.status == "running"
    assert captured.run.status == "finished"
    assert captured.records("config") == [{"config": {"lr": 0.1}}]


def test_a_run_around_it_is_left_alone(tmp_path: Path) -> None:
    outer = speech_tracker.init("outer", mode="local")
    store = os.environ["SPEECH_TRACKER_DIR"]
    with capture(tmp_path) as captured:
        assert captured.runs == []
        speech_tracker.init("inner")
    assert os.environ["SPEECH_TRACKER_DIR"] == store
    assert speech_tracker.active_run() is outer
    assert captured.run.identity["project"] == "inner"
    outer.log_metric("train/loss", 1.0, step=1)
    assert outer.folder is not None
    assert b"train/loss" in next(outer.folder.glob("segments/*.jsonl")).read_bytes()


@pytest.mark.parametrize("number", [0, 2])
def test_the_only_run_has_to_be_the_only_one(tmp_path: Path, number: int) -> None:
    with capture(tmp_path) as captured:
        for _ in range(number):
            speech_tracker.init("a")
        with pytest.raises(AssertionError, match="expected one run"):
            _ = captured.run


@pytest.mark.expects_swallowed
def test_what_is_swallowed_is_seen(tmp_path: Path) -> None:
    with capture(tmp_path) as captured, shielded("a hook"):
        raise OSError("gone")
    assert [(place, str(error)) for place, error in captured.swallowed] == [("a hook", "gone")]


def test_forgetting_leaves_no_run_active_and_does_not_end_it() -> None:
    run = speech_tracker.init("a", mode="local")
    forget_runs()
    assert speech_tracker.active_run() is None
    assert run.status == "running"
