"""The benchmarks of the adapters run, and compare a recorded training with one that is not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ADAPTERS = Path(__file__).parents[2] / "benchmarks" / "adapters"


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ADAPTERS / script), "--quick", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("toolkit", ["lightning", "speechbrain", "espnet", "fairseq"])
def test_a_pair_of_trainings_has_the_same_steps_and_times_of_all_kinds(tmp_path: Path, toolkit: str) -> None:
    out = run("run.py", "--toolkits", toolkit, "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())[toolkit]
    if not found["installed"]:
        pytest.skip(out.strip())
    (plain,), (recorded,) = found["plain"], found["recorded"]
    assert plain["steps"] == recorded["steps"] == 4
    for measure in ("steady_s", "steady_processor_s", "loop_s", "loop_processor_s", "step_s", "startup_s"):
        assert found["ratios"][measure] == [recorded[measure] / plain[measure]]
        assert plain[measure] > 0
    assert plain["steady_s"] < plain["loop_s"]
    assert f"{toolkit}: 4 steps, 1 pairs" in out


def test_every_toolkit_that_is_claimed_has_its_training() -> None:
    spec = importlib.util.spec_from_file_location("adapters_run", ADAPTERS / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    programs = {path.name.removesuffix("_training.py") for path in ADAPTERS.glob("*_training.py")}
    assert programs == {*module.MODULES, "fairseq"}


def test_folders_of_every_toolkit_are_ingested_and_counted(tmp_path: Path) -> None:
    samples = tmp_path / "samples" / "lightning" / "digits" / "lightning_logs" / "version_0"
    samples.mkdir(parents=True)
    (samples / "metrics.csv").write_text("epoch,loss,step\r\n0,1.5,49\r\n")
    out = run("ingesting.py", "--samples", str(tmp_path / "samples"), "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["lightning"]["runs"] == 1
    assert found["lightning"]["points"] == 1
    assert found["lightning"]["cold_s"] > 0
    assert found["kaldi"] is None
    assert "kaldi: no folder" in out
