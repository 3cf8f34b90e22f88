"""However a process ends, its run says so, and the process ends as it would have without us. Real processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import speech_tracker
from speech_tracker import lifecycle
from speech_tracker.view import RunView

Program = Callable[..., Any]


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        ("start()", "finished", 0),
        ("start(); sys.exit()", "finished", 0),
        ("start(); sys.exit(0)", "finished", 0),
        ("start(); sys.exit(3)", "failed", 3),
        ("start(); sys.exit('no data')", "failed", 1),
        ("start(); exit(4)", "failed", 4),
        ("start(); quit()", "finished", 0),
        ("start(); raise ValueError('boom')", "failed", 1),
        ("start(); sys.excepthook = lambda *a: None; raise ValueError('boom')", "failed", 1),
        ("start(); raise KeyboardInterrupt", "killed", 130),
        ("start().finish('failed', reason='diverged'); sys.exit(0)", "failed", 1),
        ("start().finish(); raise ValueError('after the end')", "finished", 0),
        ("with start(): pass", "finished", 0),
        ("with start(): sys.exit(0)", "finished", 0),
        ("with start(): sys.exit(5)", "failed", 1),
        ("with start(): raise SystemExit(5)", "failed", 1),
        ("with start(): raise KeyboardInterrupt", "killed", 137),
        ("start(); threading.Thread(target=sys.exit, args=(9,)).start()", "finished", 0),
        ("try:\n    sys.exit(2)\nexcept SystemExit:\n    pass\nstart()", "finished", 0),
        ("start(); import argparse; argparse.ArgumentParser().parse_args(['--no-such'])", "failed", 2),
    ],
)  # fmt: skip
def test_the_status_says_how_the_process_ended(program: Program, code: str, status: str, exit_code: int) -> None:
    ended = program(code)
    view = ended.view()
    assert (view.status, view.records("status")[-1].data["exit_code"]) == (status, exit_code)
    assert view.problems == []


def test_the_exit_codes_and_tracebacks_are_the_program_s_own(program: Program) -> None:
    ended = program("start(); raise ValueError('boom')")
    assert ended.code == 1
    assert ended.err.rstrip().endswith("ValueError: boom")
    assert program("start('b'); sys.exit(7)").code == 7
    assert program("start('c')").code == 0
    assert program("start('d'); exit(6)").code == 6
    assert program("start('e'); raise KeyboardInterrupt").code == -signal.SIGINT


def test_a_process_that_vanishes_leaves_a_killed_run(program: Program) -> None:
    ended = program("start().log_metrics({'a': 1}); os._exit(0)")
    assert ended.view().status == "killed"
    assert ended.view().metrics["a"]["count"] == 1


def test_several_runs_of_one_process_all_end(program: Program) -> None:
    ended = program("runs = [start(f'run{i}') for i in range(4)]; runs[0].finish(); sys.exit(2)")
    statuses = [ended.view(f"run{number}").status for number in range(4)]
    assert statuses == ["finished", "failed", "failed", "failed"]


def test_a_later_run_does_not_inherit_the_end_of_an_earlier_one(program: Program) -> None:
    ended = program("""
        signal.signal(signal.SIGTERM, lambda *_: None)
        first = start("first")
        os.kill(os.getpid(), signal.SIGTERM)
        first.finish()
        try:
            sys.exit(1)
        except SystemExit:
            pass
        start("second")
    """)
    assert ended.view("first").status == "killed"
    assert ended.view("second").status == "finished"


def test_an_exception_leaves_the_with_block_as_the_same_object_without_a_chain(tmp_path: Path) -> None:
    error = ValueError("boom")
    run = speech_tracker.init(store=tmp_path, mode="local", capture_environment=False)
    with pytest.raises(ValueError, match="boom") as caught, run:
        raise error
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert run.status == "failed"
    assert run.folder is not None
    assert RunView.read(run.folder).status_reason == "ValueError: boom"


@pytest.mark.expects_swallowed
def test_an_exception_is_the_user_s_even_when_recording_the_end_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = speech_tracker.init(store=tmp_path, mode="local", capture_environment=False)

    def broken() -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(run._sink, "sync", broken)
    error = KeyError("theirs")
    with pytest.raises(KeyError) as caught, run:
        raise error
    assert caught.value is error
    assert error.__context__ is None


def test_finish_is_idempotent_and_the_first_status_counts(tmp_path: Path) -> None:
    run = speech_tracker.init(store=tmp_path, mode="local", capture_environment=False)
    run.finish("failed", reason="diverged")
    run.finish()
    run.finish("finished")
    run.__exit__(None, None, None)
    assert run.status == "failed"
    assert run.folder is not None
    view = RunView.read(run.folder)
    assert [record.data["status"] for record in view.records("status")] == ["running", "failed"]
    assert view.status_reason == "diverged"


def test_logging_after_the_end_is_dropped_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = speech_tracker.init(store=tmp_path, mode="local", capture_environment=False)
    run.finish()
    for step in range(5):
        run.log_metrics({"late": step})
    assert [record.message for record in caplog.records if "has ended in this process" in record.message] == [
        f"speech-tracker: run {run.id} has ended in this process; what is logged now is not recorded"
    ]
    assert run.folder is not None
    assert RunView.read(run.folder).metrics == {}


def test_an_exception_at_a_prompt_is_not_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    sys.last_value = ValueError("a cell of a notebook")  # taken away after the test, with all that runs leave behind
    assert lifecycle.outcome() == ("failed", 1)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert lifecycle.outcome() == ("finished", 0)


@pytest.mark.parametrize(
    "spoil",
    [
        "read, write = os.pipe(); os.close(read); os.dup2(write, 2)",  # 2>&1 | head
        "sys.stderr.close()",
        "sys.stderr = None",
        "sys.stderr = type('Refusing', (), {'write': lambda *_: 1 / 0, 'flush': lambda *_: None})()",
    ],
    ids=["nobody reads", "closed", "none", "raises"],
)
def test_a_stderr_that_cannot_be_written_stops_nothing(program: Program, spoil: str) -> None:
    ended = program(f"""
        from speech_tracker.guard import never_raises
        {spoil}
        with start() as run:
            never_raises(lambda: 1 / 0)()
            run.log_metrics({{"loss": 1.0}}, step=1)
        run.log_metrics({{"loss": 0.5}}, step=2)
        os.write(1, b"trained")
        os._exit(0)
    """)
    assert (ended.out, ended.code) == ("trained", 0)
    assert (ended.view().status, ended.view().metrics["loss"]["count"]) == ("finished", 1)
