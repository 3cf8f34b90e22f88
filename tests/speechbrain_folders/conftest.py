"""A made recipe, and ways to ingest it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from speech_tracker.cli import main
from speech_tracker.paths import store_folder
from speech_tracker.view import RunView


@pytest.fixture(scope="session")
def made():
    """The module that writes experiments."""
    spec = importlib.util.spec_from_file_location("speechbrain_experiment", Path(__file__).with_name("experiment.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def recipe(made, tmp_path):
    """The folder of a recipe with its manifests, before it was run."""
    folder = tmp_path / "recipe ö"
    made.write_manifests(folder)
    return folder


@pytest.fixture
def finished(made, recipe):
    """An experiment that went well."""
    return made.Experiment(recipe).write()


@pytest.fixture
def ingest(capsys):
    """`speech-tracker ingest speechbrain`; returns the exit code, the JSON document and what was said on stderr."""

    def run(folder, *arguments, mode="local"):
        code = main(["ingest", "speechbrain", str(folder), "--json", "--mode", mode, *arguments])
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
