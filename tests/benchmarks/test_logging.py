"""The benchmarks of logging and of durability run, compare what they say they compare, and never skip a tool silently."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), "--quick", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_cost_of_a_log_call_is_measured_in_both_paces_beside_others(tmp_path: Path) -> None:
    out = run("logging/run.py", "--tools", "ours,bare,mlflow", "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())
    for pace in ("tight", "paced"):
        assert 0 < found[pace]["ours"]["median_us"] <= found[pace]["ours"]["p99_us"] <= found[pace]["ours"]["max_us"]
        assert found[pace]["bare"]["installed"]
        assert "speech-tracker, local" in out
    if not found["tight"]["mlflow"]["installed"]:
        (line,) = {each for each in out.splitlines() if each.startswith("MLflow")}
        assert "not installed" in line


@pytest.mark.online
def test_the_cost_is_measured_while_w_and_b_s_worker_sends(tmp_path: Path) -> None:
    run("logging/run.py", "--tools", "ours-online", "--json", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["tight"]["ours-online"]["median_us"] > 0


def test_nothing_of_ours_is_lost_and_the_loss_of_others_is_counted(tmp_path: Path) -> None:
    run("durability/run.py", "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["acknowledged"] == [10]
    assert found["lost"]["ours"] == {"SIGTERM": {"10": 0}, "SIGKILL": {"10": 0}, "everything": {"10": 0}}
    assert set(found["lost"]["bare"]) == {"SIGTERM", "SIGKILL", "everything"}


@pytest.mark.parametrize("name", ["ours", "bare", "tensorboard", "wandb"])
def test_each_reader_counts_the_steps_of_a_run_that_ended_well(tmp_path: Path, name: str) -> None:
    """Otherwise a reader that misses records would make a tool look as if it lost them."""
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS / "logging")!r})
from pathlib import Path
from tools import TOOLS, installed
if not installed({name!r}):
    sys.exit("not installed")
tool = TOOLS[{name!r}]()
log = tool.start(Path({str(tmp_path)!r}))
for step in range(25):
    log(step)
tool.finish()
"""
    # W&B's worker writes on after finish() has returned; the pipes are closed only when it has ended too
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "not installed" in written.stderr:
        pytest.skip(f"{name} is not installed")
    assert written.returncode == 0, written.stderr
    read = [sys.executable, str(BENCHMARKS / "durability/process.py"), "read", name, str(tmp_path)]
    out = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "25"
