"""Signals are recorded, still do what they would have done, and nobody's handler is lost. Real processes, real signals."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

Program = Callable[..., Any]
WAIT = """
print("ready", flush=True)
time.sleep(60)
"""


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


def test_a_handler_that_exits_with_the_signal_s_code_leaves_the_with_block_as_preempted(program: Program) -> None:
    body = WAIT.replace("\n", "\n    ")
    ended = program(
        f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\nwith start():{body}\n",
        name=signal.SIGTERM,
        SLURM_JOB_ID="1",
    )
    assert ended.code == 143
    assert ended.view().status == "preempted"


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
