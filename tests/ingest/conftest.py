"""An experiment to be recognised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MAKE_TREE = Path(__file__).parent.parent.parent / "recipes" / "kaldi_ingest" / "make_tree.py"


@pytest.fixture(scope="session")
def made_kaldi_tree(tmp_path_factory):
    """The experiment that the Kaldi recipe makes; not to be changed."""
    folder = tmp_path_factory.mktemp("recognised") / "s5"
    subprocess.run([sys.executable, str(MAKE_TREE), str(folder)], check=True, capture_output=True)
    return folder
