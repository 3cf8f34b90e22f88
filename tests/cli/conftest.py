"""The command line as a user runs it, and runs to look at."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import speech_tracker
from speech_tracker.cli import main


@dataclass
class Answer:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not strict JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*arguments: str) -> Answer:
        capfd.readouterr()
        code = main(list(arguments))
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def store() -> Path:
    return Path(os.environ["SPEECH_TRACKER_DIR"])


@pytest.fixture
def make_run() -> Callable[..., Path]:
    """Record a finished run with a few values, and return its folder."""

    def make(name: str = "baseline", *, metrics: dict[str, list[float]] | None = None, **options: Any) -> Path:
        settings = {"project": "digits", "task": "asr", "mode": "local", "capture_environment": False, **options}
        with speech_tracker.init(name=name, **settings) as run:
            for metric, values in (metrics or {}).items():
                for step, value in enumerate(values):
                    run.log_metrics({metric: value}, step=step, epoch=step // 2)
        assert run.folder is not None
        return run.folder

    return make
