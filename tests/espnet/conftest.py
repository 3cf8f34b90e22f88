"""A made recipe, and ways to ingest it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODEL = "asr_train_asr_small_raw_en_char_sp"
LANGUAGE_MODEL = "lm_train_lm_en_char"
WITH_LM = f"decode_asr_lm_{LANGUAGE_MODEL}_valid.loss.ave_asr_model_valid.acc.ave"
WITHOUT = "decode_beam5_ctc0.5_asr_model_valid.acc.best"


@pytest.fixture(scope="session")
def made_recipe(tmp_path_factory):
    """The recipe that `make_recipe.py` writes; not to be changed."""
    folder = tmp_path_factory.mktemp("espnet recipe") / "klein ö" / "asr1"
    subprocess.run([sys.executable, Path(__file__).with_name("make_recipe.py"), folder], check=True)
    return folder


@pytest.fixture
def recipe(made_recipe, tmp_path):
    """A copy of the made recipe, to be damaged."""
    return Path(shutil.copytree(made_recipe, tmp_path / "asr1", symlinks=True))


@pytest.fixture
def model(recipe):
    """The recogniser of the copy."""
    return recipe / "exp" / MODEL


@pytest.fixture
def toolkit():
    """What `ingest` is asked for."""
    return "espnet"


@pytest.fixture
def long_ago():
    """Makes a file look as if nothing had been written to it for hours."""

    def age(path):
        os.utime(path, (time.time() - 40000,) * 2)

    return age
