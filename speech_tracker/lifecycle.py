"""The end of the process: exceptions, exit codes and signals become a run's status, and nobody's handler is lost.

- An uncaught exception: `sys.last_value` is set before any excepthook runs, so a toolkit that replaces
  `sys.excepthook` (SpeechBrain does) cannot make a crash look finished.
- ``sys.exit(1)``, ``exit(1)``: remembered by a thin wrapper, the only way to learn of it in an exit handler. (A bare
  ``raise SystemExit(1)`` cannot be seen there; the run's ``with`` block sees it.)
- SIGTERM and the requeue signals: the status is on disk before the signal takes its course; a handler that the user or
  a toolkit had installed is called afterwards, unchanged; where one was installed after ours and calls us, that one
  decides whether the process goes on.
- SIGKILL cannot be seen; readers find that the process is gone (`speech_tracker.liveness`).
"""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from speech_tracker.guard import shielded


class Endable(Protocol):
    """What the end of the process has to tell."""

    def signalled(self, status: str, name: str, *, fatal: bool) -> None:
        """A signal arrived; when `fatal`, the process dies as soon as this returns."""

    def process_ends(self, status: str, exit_code: int) -> None:
        """The interpreter is about to exit."""


_REQUEUE = (signal.SIGUSR1, signal.SIGUSR2)

_alive: list[Endable] = []
_owner = os.getpid()
_exit_code: int | None = None
_signal_status: str | None = None
_previous: dict[int, Any] = {}
_registered = False


def watch(run: Endable) -> None:
    """Tell `run` of the end of this process, until `forget`."""
    global _owner, _registered, _exit_code, _signal_status
    if _owner != os.getpid():  # a fork: the parent's runs are the parent's to end
        _alive.clear()
        _owner = os.getpid()
    if not _alive:  # what an earlier run of this process saw is not about this one
        _exit_code = _signal_status = None
    _alive.append(run)
    if not _registered:
        _registered = True
        _wrap_exit()
    run_first_at_exit()
    watch_signals()


def forget(run: Endable) -> None:
    """Stop telling `run`; with the last one, our signal handlers go where nobody has replaced them."""
    if run in _alive:
        _alive.remove(run)
    if not _alive and threading.current_thread() is threading.main_thread():
        for number, previous in list(_previous.items()):
            if signal.getsignal(number) is _on_signal:
                signal.signal(number, previous)
                del _previous[
                    number
                ]  # of the others it is kept: their handlers may call ours, which calls the one before


def run_first_at_exit() -> None:
    """Put our exit handler before every other: called again after wandb has registered its own."""
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def _wrap_exit() -> None:
    original: Callable[..., Any] = sys.exit

    def exit(status: Any = None, /) -> Any:  # noqa: A001 - it stands in for sys.exit
        _remember_exit(status)
        return original(status)

    sys.exit = exit
    quitter: Any = type(getattr(builtins, "exit", None))  # the `exit` and `quit` of scripts, which do without sys.exit
    if quitter.__name__ == "Quitter":
        leave = quitter.__call__

        def quit(self: Any, code: Any = None) -> Any:  # noqa: A001 - it stands in for quit
            _remember_exit(code)
            return leave(self, code)

        quitter.__call__ = quit


def _remember_exit(status: Any) -> None:
    global _exit_code
    if threading.current_thread() is threading.main_thread():  # in another thread it ends that thread only
        _exit_code = status if isinstance(status, int) else 0 if status is None else 1


def outcome() -> tuple[str, int]:
    """Return the status and exit code with which this process is ending, as far as they can be known."""
    failed = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if hasattr(sys, "ps1"):  # at a prompt or in a notebook an exception does not end the process
        failed = None
    if _signal_status is not None:
        return _signal_status, 128 + signal.SIGTERM
    if isinstance(failed, KeyboardInterrupt):
        return "killed", 130
    if failed is not None:
        return "failed", 1
    if _exit_code:
        return "failed", _exit_code
    return "finished", 0


def _at_exit() -> None:
    if _owner != os.getpid():
        return
    status, code = outcome()
    for run in tuple(_alive):  # each that ends is forgotten
        with shielded("ending a run at exit"):
            run.process_ends(status, code)


def _signals() -> list[signal.Signals]:
    wanted = [signal.SIGTERM, signal.SIGHUP]
    # Schedulers are asked to announce preemption by one of these (``sbatch --signal=B:USR1@120``). Outside a job they
    # mean nothing of the kind, and a program's own use of them is none of our business.
    if os.environ.get("SLURM_JOB_ID") or os.environ.get("SPEECH_TRACKER_REQUEUE_SIGNAL"):
        wanted += [signal.SIGUSR1, signal.SIGUSR2]
    return wanted


def watch_signals() -> None:
    """Install our handlers before those that are there. For adapters: call it again once the toolkit has its own.

    Left alone are: signals that are ignored (``nohup``), handlers that are not Python's (MPI, faulthandler), handlers
    that came after ours (they may call ours), and, while Lightning is loaded and has installed nothing yet, the requeue
    signals: it installs its automatic requeueing only where it finds no handler.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    caught = _caught()
    for number in _signals():
        current = signal.getsignal(number)
        if current in (_on_signal, signal.SIG_IGN, None) or number in _previous:
            continue
        if current is signal.SIG_DFL and caught >> (number - 1) & 1:
            continue
        if number in _REQUEUE and current is signal.SIG_DFL and _lightning_is_loaded():
            continue
        _previous[number] = current
        signal.signal(number, _on_signal)


def _caught() -> int:
    """The kernel's mask of signals that have a handler: `signal.getsignal` does not know of those installed in C."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return int(line.split()[1], 16)
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _lightning_is_loaded() -> bool:
    return "lightning.pytorch" in sys.modules or "pytorch_lightning" in sys.modules


def status_of_signal(number: int) -> str:
    """Return ``preempted`` for a scheduler's signal (any of them under Slurm, or a requeue signal), else ``killed``."""
    return (
        "preempted" if number in _REQUEUE or (number == signal.SIGTERM and os.environ.get("SLURM_JOB_ID")) else "killed"
    )


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _signal_status
    previous = _previous.get(number)
    # A handler that was installed after ours and calls us stands for what shall happen: without us it would have found
    # the default action, which it cannot call, and gone on.
    fatal = not callable(previous) and signal.getsignal(number) is _on_signal
    if _owner == os.getpid():
        status = status_of_signal(number)
        _signal_status = status
        for run in tuple(_alive):
            with shielded("recording a signal"):
                run.signalled(status, signal.Signals(number).name, fatal=fatal)
    if callable(previous):
        previous(number, frame)
    elif fatal:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def signalled() -> str | None:
    """Return the status that a signal received by this process stands for, None when there was none."""
    return _signal_status
