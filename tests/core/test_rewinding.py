"""Steps that go back, and clocks that do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from speech_tracker import Run
from speech_tracker.view import RunView

Begin = Callable[..., Run]


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


def values(run: Run, name: str) -> list[tuple[object, object]]:
    return [(point["step"], point["value"]) for point in view_of(run).history(name)]


def test_a_step_that_goes_back_is_kept_and_read_in_order(begin: Begin) -> None:
    with begin() as run:
        for step in (1, 2, 5, 3, 4, 5):
            run.log_metrics({"x": step * 10}, step=step)
    assert values(run, "x") == [
        (1, 10),
        (2, 20),
        (3, 30),
        (4, 40),
        (5, 50),
        (5, 50),
    ]  # within a process nothing is hidden
    assert view_of(run).problems == []


def test_a_rewind_hides_what_came_after_and_keeps_it_in_the_journal(begin: Begin) -> None:
    with begin(id="r") as first:
        for step in range(1, 8):
            first.log_metrics({"x": step, "y": step}, step=step)
        first.log_checkpoint("/c/5.ckpt", step=5)
        first.log_metrics({"without a step": 1})
    with begin(id="r") as again:
        again.rewind(step=5)
        again.log_metrics({"x": 600}, step=6)
    assert values(again, "x") == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 600)]
    assert values(again, "y") == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
    view = view_of(again)
    assert [record.data["step"] for record in view.journal.superseded] == [6, 7]
    assert values(again, "without a step") == [(None, 1)]
    assert len(view.checkpoints) == 1
    assert (view.journal.missing, view.problems) == ((), [])


def test_a_rewind_by_epoch_hides_later_epochs(begin: Begin) -> None:
    with begin() as run:
        for epoch in range(4):
            run.log_metrics({"x": epoch}, epoch=epoch)
            run.log_metrics({"y": epoch}, step=epoch * 10, epoch=epoch)
        run.rewind(epoch=1)
        run.log_metrics({"x": 20}, epoch=2)
    view = view_of(run)
    assert [point["value"] for point in view.history("x")] == [0, 1, 20]
    assert [point["value"] for point in view.history("y")] == [0, 1]


def test_rewinds_add_up(begin: Begin) -> None:
    with begin() as run:
        for step in range(10):
            run.log_metrics({"x": step}, step=step)
        run.rewind(step=6)
        run.log_metrics({"x": 70}, step=7)
        run.rewind(step=3)
        run.log_metrics({"x": 40}, step=4)
    assert values(run, "x") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 40)]
    assert len(view_of(run).journal.superseded) == 7


def test_a_step_repeated_by_a_continued_run_replaces_the_earlier_one_even_without_a_rewind(begin: Begin) -> None:
    with begin(id="r") as run:
        for step in range(5):
            run.log_metrics({"x": step}, step=step)
    with begin(id="r") as run:
        for step in (3, 4, 5):
            run.log_metrics({"x": step * 100}, step=step)
    assert values(run, "x") == [(0, 0), (1, 1), (2, 2), (3, 300), (4, 400), (5, 500)]


def test_a_handle_elsewhere_cannot_hide_the_run_s_history(begin: Begin) -> None:
    import pickle

    run = begin()
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    other = pickle.loads(pickle.dumps(run))
    other.rewind(step=0)
    other.finish()
    run.finish()
    assert len(values(run, "x")) == 5


def test_a_clock_that_goes_back_changes_neither_order_nor_status(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(id="clock")
    now = time.time()
    moments = iter([now, now - 3600, now - 7200, 0.0, now + 10**6] + [now] * 50)
    monkeypatch.setattr("speech_tracker.journal.writer.time.time", lambda: next(moments))
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    monkeypatch.undo()
    view = view_of(run)
    assert [point["value"] for point in view.history("x")] == [0, 1, 2, 3, 4]
    assert view.metrics["x"]["last"] == 4
    assert view.status == "running"
    assert view.problems == []
    run.finish()
    assert view_of(run).status == "finished"


def test_a_moment_given_by_the_caller_is_kept_beside_the_clock_s(begin: Begin) -> None:
    with begin(created_at=1_000_000_000.0) as run:
        run.log_metrics({"x": 1}, step=1, time=1_000_000_060.5)
    view = view_of(run)
    assert view.history("x")[0]["time"] == 1_000_000_060.5
    assert view.created_at == 1_000_000_000.0
    assert view.records("metrics")[0].time > 1.7e9
