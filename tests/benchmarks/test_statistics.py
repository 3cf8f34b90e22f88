from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/statistics/run.py"


@pytest.mark.parametrize("as_json", [True, False])
def test_the_benchmark_of_the_statistics_runs(as_json):
    command = [sys.executable, str(SCRIPT), "--quick", *(["--json"] if as_json else [])]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(out if as_json else out.splitlines()[-1])
    ours, theirs = found["half width of ours, percent"], found["half width of kaldialign's, percent"]
    assert ours == pytest.approx(theirs, rel=0.3)
    assert found["the command, as a process"] > 0
