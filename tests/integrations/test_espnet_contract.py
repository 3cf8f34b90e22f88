"""The contract of all adapters, kept by ESPnet's, in a pytest of its own: ESPnet warns while it is imported."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.testing.contract import AdapterContract

ROOT = Path(__file__).parents[2]
CONTRACT = Path(__file__).parent / "espnet_tiny" / "contract.py"


@pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="espnet2 is not installed")
def test_the_contract_of_all_adapters_is_kept(tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(CONTRACT), "-q", "-W", "ignore", "-p", "no:cacheprovider", "-p", "no:randomly",
         "-p", "no:xdist", "--basetemp", str(tmp_path / "contract")],
        cwd=ROOT, env={**variables, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    promises = [name for name in vars(AdapterContract) if name.startswith("test_")]
    assert re.search(rf"^{len(promises)} passed in", done.stdout, re.MULTILINE), done.stdout[-2000:]
