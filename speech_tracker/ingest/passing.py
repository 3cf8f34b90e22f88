"""Signals that a command would have got without us reach it with us, and it alone decides what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
from types import FrameType
from typing import Any

_PASSED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_OF_KEYS = (signal.SIGINT, signal.SIGQUIT)


class SignalPasser:
    """Hands signals on to a child process, from `install` to `restore`.

    Signals that are ignored (``nohup``) stay so, for us and for the child.

    Attributes:
        received: the last signal, None when there was none.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._previous: dict[int, Any] = {}

    def install(self) -> None:
        """Catch the signals; those that arrive before there is a child wait for it."""
        for number in _PASSED:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._on_signal)

    def restore(self) -> None:
        """Put the handlers back that were there."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def begin(self, child: subprocess.Popen[bytes]) -> None:
        """Hand on to this process from now on, and what has arrived already."""
        self._child = child
        if self.received is not None:
            child.send_signal(self.received)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        if self._child is None:
            return
        if self._child.poll() is not None:
            if number == signal.SIGINT:  # nothing is waited for but our own reading of what the command left
                raise KeyboardInterrupt
            return
        if number in _OF_KEYS and _has_keyboard():
            return  # the terminal has told the child itself; a second Ctrl-C often means "at once"
        self._child.send_signal(number)


def _has_keyboard() -> bool:
    """Whether the keys of a terminal go to our process group, which is the child's too."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
