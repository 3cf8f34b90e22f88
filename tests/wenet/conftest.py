"""A made experiment in WeNet's formats, and ways to ingest it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

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
def toolkit():
    """What `ingest` is asked for."""
    return "wenet"
