"""A command's output passed on byte by byte, while its lines are looked at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import threading
import time
from collections import deque
from collections.abc import Callable

_LONGEST_LINE = 65_536
_KEPT_LINES = 40
_POLL_MS = 500


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
        self._stopped = False
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        if os.isatty(target):
            self._source, self.child_end = pty.openpty()
            with contextlib.suppress(OSError, termios.error):
                self._be_like_ours()
        else:
            self._source, self.child_end = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def _be_like_ours(self) -> None:
        size = fcntl.ioctl(self._target, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(self.child_end, termios.TIOCSWINSZ, size)
        settings = termios.tcgetattr(self.child_end)
        settings[1] &= ~termios.OPOST  # our terminal makes its own carriage returns
        termios.tcsetattr(self.child_end, termios.TCSANOW, settings)

    def start(self) -> None:
        """Begin; called when the child has its end."""
        os.close(self.child_end)
        self._thread.start()

    def finish(self, timeout: float) -> None:
        """Wait for the rest; what background processes write after the child's end is passed on when we are gone too.

        Args:
            timeout: seconds to wait until all who have the stream have closed it.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._stopped = True
            self._thread.join()
            # without a reader they would be killed by their next line
            with contextlib.suppress(OSError):
                subprocess.Popen(
                    ["cat"],
                    stdin=self._source,
                    stdout=self._target,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def _pass_on(self) -> None:
        pending = b""
        source = select.poll()
        source.register(self._source)
        while not self._stopped:
            if not source.poll(_POLL_MS):
                continue
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


def is_one_stream(first: int, second: int) -> bool:
    """Return whether two descriptors are the same file, as after ``2>&1``: their lines then keep their order."""
    try:
        return os.path.samestat(os.fstat(first), os.fstat(second))
    except OSError:
        return False
