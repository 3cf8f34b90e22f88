"""A made experiment in icefall's formats, and ways to ingest it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "make_icefall_experiment", Path(__file__).with_name("make_experiment.py")
)
made = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(made)


@pytest.fixture
def log_writer():
    """Makes writers of training logs."""
    return made.LogWriter


@pytest.fixture
def params():
    """Parameters of the made training."""
    return dict(made.PARAMS)


@pytest.fixture
def searches():
    """Writes the files of a search."""
    return made.write_search


@pytest.fixture
def trainings():
    """Writes the log of a whole training."""
    return made.write_training


@pytest.fixture
def exp(tmp_path):
    """A made experiment: a training, a greedy search, and a sweep over two LM scales on a dev and a test set."""
    folder = tmp_path / "ASR ö" / "zipformer" / "exp"
    made.make_experiment(folder)
    return folder


@pytest.fixture
def toolkit():
    """What `ingest` is asked for."""
    return "icefall"
