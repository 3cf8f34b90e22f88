"""What the tests of the core share: a run in a store of its own, and programs that run to their end."""

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
from speech_tracker import Run
from speech_tracker.view import RunView


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Run]:
    """Begin a local run in the test's own store, ``tmp_path/store``."""

    def begun(**options: object) -> Run:
        own = {"store": tmp_path / "store", "mode": "local", "capture_environment": False}
        return speech_tracker.init(**{**own, **options})  # type: ignore[arg-type]

    return begun


WAIT = """
print("ready", flush=True)
time.sleep(60)
"""
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


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Ended]:
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
                out, err = process.communicate(timeout=240)
            finally:
                process.kill()
        return Ended(process.returncode, out, err, tmp_path / "store")

    return run
