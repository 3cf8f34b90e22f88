"""The folder of a run that was recorded while it trained: only what is not recorded yet is added, and nothing replaced."""

from __future__ import annotations

import pytest

import speech_tracker
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.ingest.found import Found, FoundEvaluation, FoundRun, JobTally, Outcome, Point, Selection, Tally
from speech_tracker.ingest.recording import Destination, Recorder
from speech_tracker.paths import store_folder
from speech_tracker.schema import Speech
from speech_tracker.view import RunView


def point(name, epoch, value, step=None):
    return Point(name, step if step is not None else epoch * 100, value, epoch=epoch)


def evaluation(test_set, errors, length=400):
    tally = Tally(errors, 0, 0, length, 40, 20)
    outcome = Outcome("score_wer/result.txt", None, None, errors / length, length, tally)
    only = Selection("only-point", "", "the only point")
    return FoundEvaluation(test_set, test_set, test_set, "wer", (outcome,), outcome, outcome, only, None, {}, {})


def found(folder, points, evaluations=()):
    run = FoundRun(
        path=str(folder), folder=str(folder), name="asr", kind="asr", task="asr", status="finished", complete=True,
        iterations=20, points=tuple(points), evaluations=tuple(evaluations), jobs=JobTally(), happenings=(), datasets=(),
        links=(), config={}, speech=Speech(task="asr"), tables=(), model_files=(), began=None, problems=(),
    )  # fmt: skip
    return Found("espnet", str(folder), (run,), (), 1, 0, "")


@pytest.fixture
def tracked(tmp_path):
    """A training whose epochs 11 to 20 were recorded, 7 steps each, and one test set."""
    folder = tmp_path / "exp"
    with speech_tracker.init("p", task="asr", experiment_folder=folder, mode="local") as run:
        for epoch in range(11, 21):
            run.log_metrics({"valid/loss": 1 / epoch, "train/loss": 2 / epoch}, step=7 * epoch, epoch=epoch)
        run.log_evaluation(ErrorCounts(380, 20, 0, 0, 40, 20), test_set="test")
    return folder


def ingest(description):
    Recorder("espnet", Destination(mode="local")).record(description)
    (folder,) = (store_folder() / "runs").iterdir()
    return RunView.read(folder)


def test_the_epochs_before_the_line_was_added_come_from_the_folder_onto_the_recorded_axis(tracked):
    rounded = [point("valid/loss", epoch, round(1 / epoch, 2)) for epoch in range(1, 21)]
    view = ingest(found(tracked, rounded))
    history = view.history("valid/loss")
    assert [each["epoch"] for each in history] == list(range(1, 21))
    assert [each["step"] for each in history] == [7 * epoch for epoch in range(1, 21)]
    assert [each["value"] for each in history[10:]] == [1 / epoch for epoch in range(11, 21)]
    assert [each["value"] for each in history[:10]] == [round(1 / epoch, 2) for epoch in range(1, 11)]
    assert not any(event["name"] == "history-replaced" for event in view.events)


def test_a_second_time_nothing_is_added(tracked):
    points = [point("valid/loss", epoch, round(1 / epoch, 2)) for epoch in range(1, 21)]
    before = ingest(found(tracked, points, [evaluation("test", 20), evaluation("dev", 11)]))
    again = Recorder("espnet", Destination(mode="local"))
    again.record(found(tracked, points, [evaluation("test", 20), evaluation("dev", 11)]))
    assert again.added == 0
    after = RunView.read(before.folder)
    assert after.histories == before.histories
    assert len(after.evaluations) == len(before.evaluations) == 2


def test_steps_in_between_that_the_adapter_left_out_do_not_mix_into_its_curve(tracked):
    view = ingest(found(tracked, [point("train/loss", 12 + part / 10, 9.9, step=120 + part) for part in range(10)]))
    assert len(view.history("train/loss")) == 10


def test_a_curve_that_only_the_folder_has_is_added(tracked):
    view = ingest(found(tracked, [point("train/gradient_norm_epoch", epoch, 3.0) for epoch in range(11, 21)]))
    assert [each["step"] for each in view.history("train/gradient_norm_epoch")] == [
        7 * epoch for epoch in range(11, 21)
    ]


def test_the_same_result_is_one_and_another_one_of_the_same_test_set_is_a_second(tracked):
    view = ingest(found(tracked, [], [evaluation("test", 20)]))
    assert [each["wer"] for each in view.evaluations] == [0.05]
    view = ingest(found(tracked, [], [evaluation("test", 22)]))
    assert sorted(each["wer"] for each in view.evaluations) == [0.05, 0.055]


def test_a_run_that_still_records_itself_is_left_alone(tmp_path):
    folder = tmp_path / "exp"
    with speech_tracker.init("p", task="asr", experiment_folder=folder, mode="local") as run:
        run.log_metrics({"valid/loss": 1.0}, step=7, epoch=1)
        recorder = Recorder("espnet", Destination(mode="local"))
        recorder.record(found(folder, [point("train/other", 1, 3.0)], [evaluation("test", 20)]))
        assert recorder.added == 0
    view = ingest(found(folder, [point("train/other", 1, 3.0)], [evaluation("test", 20)]))
    assert len(view.evaluations) == 1
    assert view.status == "finished"
