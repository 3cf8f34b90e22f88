"""However a process ends, its run says so, and the process ends as it would have without us. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker import lifecycle
from speech_tracker.view import RunView

START = """
import os, signal, sys, threading, time
import speech_tracker
def start(name="run", **more):
    return speech_tracker.init("endings", id=name, mode="local", capture_environment=False, **more)
"""


@dataclass
class Ended:
    code: int
    out: str
    err: str
    store: Path

    def view(self, name: str = "run") -> RunView:
        return RunView.read(self.store / "runs" / name)


Program = Callable[..., Ended]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a program in a process of its own to its end, whatever that is."""

    def run(code: str, *, name: signal.Signals | None = None, **environment: str) -> Ended:
        path = tmp_path / "train.py"
        body, waits = code.removesuffix(WAIT), code.endswith(WAIT)
        path.write_text(START + textwrap.dedent(body) + (WAIT if waits else ""))
        surroundings = {**os.environ, "SPEECH_TRACKER_DIR": str(tmp_path / "store"), **environment}
        with subprocess.Popen(
            [sys.executable, str(path)], env=surroundings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                if name is not None:
                    assert process.stdout is not None
                    assert process.stdout.readline() == "ready\n"
                    process.send_signal(name)
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        return Ended(process.returncode, out, err, tmp_path / "store")

    return run


WAIT = """
print("ready", flush=True)
time.sleep(60)
"""


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


@pytest.mark.parametrize(
    ("name", "environment", "status"),
    [
        (signal.SIGTERM, {}, "killed"),
        (signal.SIGHUP, {}, "killed"),
        (signal.SIGTERM, {"SLURM_JOB_ID": "17"}, "preempted"),
        (signal.SIGUSR1, {"SLURM_JOB_ID": "17"}, "preempted"),
        (signal.SIGUSR2, {"SPEECH_TRACKER_REQUEUE_SIGNAL": "1"}, "preempted"),
    ],
)
def test_a_deadly_signal_is_recorded_and_still_deadly(
    program: Program, name: signal.Signals, environment: dict[str, str], status: str
) -> None:
    ended = program("run = start(); run.log_metrics({'a': 1})\n" + WAIT, name=name, **environment)
    assert ended.code == -name  # died of the signal itself, as its parent expects
    view = ended.view()
    assert (view.status, view.status_reason) == (status, name.name)
    assert view.events[-1] == {
        "time": view.events[-1]["time"], "name": "signal", "data": {"signal": name.name, "status": status}
    }  # fmt: skip
    assert view.problems == []


def test_a_user_s_signal_that_means_nothing_to_us_stays_the_user_s(program: Program) -> None:
    ended = program("start(); signal.signal(signal.SIGUSR1, lambda *_: os._exit(42))\n" + WAIT, name=signal.SIGUSR1)
    assert ended.code == 42
    assert program("start('b')\n" + WAIT, name=signal.SIGUSR1).code == -signal.SIGUSR1


def test_a_handler_installed_before_is_called_and_decides(program: Program) -> None:
    ended = program(
        """
        def handler(number, frame):
            print("handler", signal.Signals(number).name, frame is not None)
            sys.exit(0)
        signal.signal(signal.SIGTERM, handler)
        start()
        """
        + WAIT,
        name=signal.SIGTERM,
    )
    assert (ended.code, ended.out) == (0, "handler SIGTERM True\n")
    assert ended.view().status == "killed"


def test_a_handler_that_goes_on_lets_the_run_go_on(program: Program) -> None:
    ended = program(
        """
        stop = []
        signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
        run = start()
        print("ready", flush=True)
        while not stop:
            time.sleep(0.01)
        run.log_metrics({"after": 1})
        """,
        name=signal.SIGTERM,
        SLURM_JOB_ID="1",
    )
    assert ended.code == 0
    assert ended.view().metrics["after"]["last"] == 1
    assert ended.view().status == "preempted"


def test_a_run_cut_down_after_the_scheduler_s_warning_counts_as_preempted(program: Program) -> None:
    ended = program(
        """
        signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        start()
        """
        + WAIT,
        name=signal.SIGTERM,
        SLURM_JOB_ID="1",
    )
    assert ended.code == -signal.SIGKILL
    assert ended.view().status == "preempted"


def test_a_handler_installed_after_that_replaces_ours_is_left_alone(program: Program) -> None:
    ended = program("start(); signal.signal(signal.SIGTERM, lambda *_: os._exit(7))\n" + WAIT, name=signal.SIGTERM)
    assert ended.code == 7


def test_a_handler_installed_after_that_calls_ours_decides_whether_the_process_dies(program: Program) -> None:
    """As Lightning's does: it calls what was there before, and ends the training at the next step."""
    ended = program(
        """
        run = start()
        before, stop = signal.getsignal(signal.SIGTERM), []
        def compose(number, frame):
            stop.append(number)
            if callable(before):
                before(number, frame)
        signal.signal(signal.SIGTERM, compose)
        print("ready", flush=True)
        while not stop:
            time.sleep(0.01)
        run.log_metrics({"saved": 1})
        print("saved a checkpoint")
        """,
        name=signal.SIGTERM,
        SLURM_JOB_ID="1",
    )
    assert (ended.code, ended.out) == (0, "saved a checkpoint\n")
    assert ended.view().metrics["saved"]["last"] == 1
    assert ended.view().status == "preempted"


def test_a_second_run_under_a_handler_that_calls_ours_makes_no_circle(program: Program) -> None:
    ended = program(
        """
        start("first")
        before, calls = signal.getsignal(signal.SIGTERM), []
        def compose(number, frame):
            calls.append(number)
            before(number, frame)
        signal.signal(signal.SIGTERM, compose)
        start("second")
        print("ready", flush=True)
        while not calls:
            time.sleep(0.01)
        print(len(calls))
        """,
        name=signal.SIGTERM,
    )
    assert (ended.code, ended.out) == (0, "1\n")
    assert {ended.view(name).status for name in ("first", "second")} == {"killed"}


def test_after_the_last_run_the_handlers_are_as_before(program: Program) -> None:
    ended = program("""
        mine = lambda *_: None
        signal.signal(signal.SIGTERM, mine)
        one, two = start("one"), start("two")
        one.finish()
        print(signal.getsignal(signal.SIGTERM) is mine, signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
        two.finish()
        print(signal.getsignal(signal.SIGTERM) is mine, signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
    """)
    assert ended.out == "False False\nTrue True\n"


def test_a_handler_kept_by_somebody_still_leads_to_the_one_before(program: Program) -> None:
    ended = program("""
        calls = []
        signal.signal(signal.SIGTERM, lambda *_: calls.append("mine"))
        run = start()
        ours = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *a: (calls.append("later"), ours(*a)))
        run.finish()
        os.kill(os.getpid(), signal.SIGTERM)
        print(calls)
    """)
    assert ended.out == "['later', 'mine']\n"


def test_ignored_signals_and_foreign_handlers_are_left_alone(program: Program) -> None:
    ended = program(
        """
        import faulthandler
        signal.signal(signal.SIGHUP, signal.SIG_IGN)   # nohup
        faulthandler.register(signal.SIGUSR1, chain=False)  # not Python's: getsignal cannot give it back
        start()
        print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGHUP)
        """,
        SLURM_JOB_ID="1",
    )
    assert ended.code == 0
    assert "Current thread" in ended.err  # faulthandler's own answer
    assert ended.out == "True\n"
    assert ended.view().status == "finished"


def test_lightning_finds_its_requeue_signal_free(program: Program) -> None:
    """Lightning installs its automatic requeueing only where it finds no handler, and does so after `setup`."""
    ended = program(
        """
        import types
        sys.modules["lightning.pytorch"] = types.ModuleType("lightning.pytorch")
        start()
        print(signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL)
        requeued = []
        signal.signal(signal.SIGUSR1, lambda *_: requeued.append(1))
        from speech_tracker.lifecycle import watch_signals
        watch_signals()   # what its adapter does once training begins
        os.kill(os.getpid(), signal.SIGUSR1)
        print(requeued)
        """,
        SLURM_JOB_ID="1",
    )
    assert ended.out == "True\n[1]\n"
    assert ended.view().status == "preempted"


def test_a_run_begun_in_another_thread_installs_no_handlers_and_works(program: Program) -> None:
    ended = program("""
        thread = threading.Thread(target=lambda: start().log_metrics({"a": 1}))
        thread.start(); thread.join()
        print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    """)
    assert ended.out == "True\n"
    assert ended.view().status == "finished"


def test_a_signal_in_the_middle_of_logging_loses_nothing(program: Program) -> None:
    ended = program(
        """
        import itertools
        seen, numbers = [], itertools.count()
        def handler(number, frame):   # may itself be interrupted by the next signal
            own = next(numbers)
            run.log_metrics({"handler": own})
            seen.append(own)
        signal.signal(signal.SIGALRM, handler)
        run = start()
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        step = 0
        while len(seen) < 200:
            step += 1
            run.log_metrics({"main": step}, step=step)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(step, len(seen))
        """
    )
    steps, calls = map(int, ended.out.split())
    view = ended.view()
    assert [point["value"] for point in view.history("main")] == list(range(1, steps + 1))
    assert sorted(point["value"] for point in view.history("handler")) == list(range(calls))
    assert (view.journal.damage, view.journal.missing) == ((), ())


def test_sigterm_at_any_moment_keeps_every_acknowledged_record(program: Program) -> None:
    ended = program(
        """
        run = start()
        print("ready", flush=True)
        step = 0
        while True:
            step += 1
            run.log_metrics({"x": step}, step=step)
            os.write(2, b".")
        """,
        name=signal.SIGTERM,
    )
    acknowledged = ended.err.count(".")
    view = ended.view()
    assert acknowledged <= len(view.history("x")) <= acknowledged + 1
    assert view.status == "killed"
    assert view.records("status")[-1].data["exit_code"] == 137


def test_atexit_comes_before_handlers_that_were_registered_earlier(program: Program) -> None:
    ended = program("""
        import atexit
        atexit.register(lambda: print("theirs", run.status))
        run = start()
    """)
    assert ended.out == "theirs finished\n"


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
