"""Starting and ending the worker's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from speech_tracker.journal.process import process_start
from speech_tracker.sync.worker import Job, Worker

_PROGRAM = (
    "import sys; sys.path.pop(0); import json; sys.path[:] = json.loads(sys.argv[2]); "
    "from speech_tracker.sync.spawn import main; main(sys.argv[1])"
)


def command(job: Job) -> list[str]:
    """Return the command line of a worker.

    It is given this process's search path, and its own working directory is taken off it: a recipe's folder may hold a
    ``wandb`` or a ``platform.py``, and this package need not be installed where the interpreter looks by itself.
    """
    return [sys.executable, "-c", _PROGRAM, job.encode(), json.dumps([str(entry) for entry in sys.path])]


def spawn(
    job: Job, *, cwd: Path | None = None, output: int | IO[bytes] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a worker; a signal to this process's group does not reach it.

    Raises:
        OSError: it cannot be started.
    """
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    return subprocess.Popen(
        command(job), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
        start_new_session=True, close_fds=True,
    )  # fmt: skip


def end(worker: subprocess.Popen[bytes], service: dict[str, object] | None) -> None:
    """End a worker at once, and W&B's service that it started."""
    with suppress(OSError):
        worker.kill()
    with suppress(subprocess.TimeoutExpired):
        worker.wait(5)
    process = (service or {}).get("process")
    if isinstance(process, int) and (service or {}).get("host") == os.uname().nodename:
        started = (service or {}).get("started")
        if started is not None and process_start(process) == started:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)


def main(job: str) -> None:
    """Be the worker: what `command` runs."""
    code = Worker(Job.decode(job), command).run()
    sys.stdout.flush()
    os._exit(code)  # not through wandb's exit hooks, which wait for its service
