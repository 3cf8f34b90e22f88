"""A made experiment in WeNet's formats, and ways to ingest it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from speech_tracker.cli import main
from speech_tracker.paths import store_folder
from speech_tracker.view import RunView

_SPEC = importlib.util.spec_from_file_location("make_wenet_experiment", Path(__file__).with_name("make_experiment.py"))
made = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(made)


@pytest.fixture
def recipe(tmp_path):
    """A made recipe: a training with its log beside `exp`, and two searches."""
    folder = tmp_path / "s0 ö"
    made.make_experiment(folder)
    return folder


@pytest.fixture
def logs():
    """Writes training logs."""
    return made.old_log


@pytest.fixture
def scores():
    """Writes ``wer`` files."""
    return made.write_wer


@pytest.fixture
def ingest(capsys):
    """`speech-tracker ingest wenet`; returns the exit code, the JSON document and what was said on stderr."""

    def run(folder, *arguments, mode="local"):
        code = main(["ingest", "wenet", str(folder), "--json", "--mode", mode, *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


@pytest.fixture
def views():
    """Name of each recorded run → its view."""

    def read():
        folders = sorted((store_folder() / "runs").iterdir()) if (store_folder() / "runs").is_dir() else []
        found = [RunView.read(folder) for folder in folders]
        return {view.identity["name"]: view for view in found}

    return read
