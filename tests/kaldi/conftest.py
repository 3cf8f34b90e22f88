"""A made experiment, and ways to ingest it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def made_tree(tmp_path_factory):
    """The experiment that the recipe makes; not to be changed."""
    path = ROOT / "recipes" / "kaldi_ingest" / "make_tree.py"
    spec = importlib.util.spec_from_file_location("make_tree", path)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["make_tree"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("kaldi recipe") / "mini ö" / "s5"
    module.make_tree(folder)
    return folder


@pytest.fixture
def tree(made_tree, tmp_path):
    """A copy of the made experiment, to be damaged."""
    return Path(shutil.copytree(made_tree, tmp_path / "s5"))


@pytest.fixture
def toolkit():
    """What `ingest` is asked for."""
    return "kaldi"
