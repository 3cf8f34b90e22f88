"""A made recipe, and ways to ingest it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


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
def toolkit():
    """What `ingest` is asked for."""
    return "speechbrain"
