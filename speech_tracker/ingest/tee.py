"""A command's output passed on byte by byte, while its lines are looked at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import termios
import threading
import time
from collections import deque
from collections.abc import Callable

_LONGEST_LINE = 65_536
_KEPT_LINES = 40


class Tee:
    """Passes one stream of a child process on to one of ours.

    Where ours is a terminal, the child gets a terminal too, so that it buffers and colours as it would without us.

    Args:
        target: file descriptor that everything is passed on to, unchanged and at once.
        on_line: told of each complete line; what it raises is its own affair and must not happen.
    """

    def __init__(self, target: int, on_line: Callable[[str], None]) -> None:
        self._target = target
        self._on_line = on_line
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        if os.isatty(target):
            self._source, self.child_end = pty.openpty()
            with contextlib.suppress(OSError):
                size = fcntl.ioctl(target, termios.TIOCGWINSZ, b"\0" * 8)
                fcntl.ioctl(self.child_end, termios.TIOCSWINSZ, size)
        else:
            self._source, self.child_end = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def start(self) -> None:
        """Begin; called when the child has its end."""
        os.close(self.child_end)
        self._thread.start()

    def finish(self, timeout: float) -> None:
        """Wait for the rest, but not for background processes that keep the stream open after the child."""
        self._thread.join(timeout)

    def _pass_on(self) -> None:
        pending = b""
        while True:
            try:
                data = os.read(self._source, 65_536)
            except OSError:  # a terminal whose other end is closed says so by an error
                data = b""
            if not data:
                break
            self._write(data)
            *lines, pending = (pending + data).replace(b"\r\n", b"\n").split(b"\n")
            for line in lines:
                self._tell(line)
            pending = pending[-_LONGEST_LINE:]
        if pending:
            self._tell(pending)

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._target, data) :]
            except BlockingIOError:  # noqa: PERF203 - a terminal or pipe that is set so, and full
                time.sleep(0.01)
            except OSError:  # our reader is gone; the child must not notice
                return

    def _tell(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace")
        self.last_lines.append(text[:500])
        self._on_line(text)
