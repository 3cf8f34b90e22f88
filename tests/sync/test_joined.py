"""A W&B run that is active already is used, whoever began it, and never finished by us."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.paths import store_folder
from speech_tracker.sync.state import load_state

BEFORE = """
import sys, wandb, speech_tracker
own = wandb.init(project="theirs", id="shared", mode="offline")
own.define_metric("trainer/global_step")
own.define_metric("*", step_metric="trainer/global_step", step_sync=True)
own.log({"their/loss": 1.0, "trainer/global_step": 0})
sys.modules.setdefault("lightning.pytorch.loggers.wandb", sys)
run = speech_tracker.init("ours", id="shared", mode="offline", config={"lr": 0.1})
for step in range(50):
    run.log_metrics({"train/loss": 1.0 / (step + 1)}, step=step)
run.finish()
assert wandb.run is own, "it was finished"
own.log({"their/loss": 0.5, "trainer/global_step": 50})
own.finish()
"""

LATE = """
import wandb, speech_tracker
run = speech_tracker.init("ours", id="late", mode="offline")
run.log_metrics({"train/loss": 1.0}, step=1)
own = wandb.init(project="theirs", mode="offline")
run.log_metrics({"train/loss": 0.5}, step=2)
run.finish()
assert wandb.run is own
own.finish()
"""

FINISHED = """
import wandb, speech_tracker
own = wandb.init(project="theirs", id="early", mode="offline")
run = speech_tracker.init("ours", id="early", mode="offline")
own.finish()
run.log_metrics({"train/loss": 1.0}, step=1)
run.finish(timeout=10)
"""


def read(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("wandb_file", Path(__file__).with_name("wandb_file.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wandb_file"] = module
    spec.loader.exec_module(module)
    return module.read(folder)


def execute(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WANDB_DIR", str(folder))
    monkeypatch.delenv("SPEECH_TRACKER_SILENT")
    monkeypatch.setenv("WANDB_SILENT", "false")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_an_active_run_is_joined_and_left_to_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = execute(BEFORE, tmp_path, monkeypatch)
    assert "which is yours to finish" in said
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    content = read(folder)
    ours = [row for row in content.rows if "train/loss" in row]
    assert [row["step"] for row in ours] == list(range(50))
    assert all(row["trainer/global_step"] == row["step"] for row in ours)
    assert [row["their/loss"] for row in content.rows if "their/loss" in row] == [1.0, 0.5]
    assert content.config["lr"] == 0.1 and content.run.project == "theirs" and content.exit_code == 0
    state = load_state(store_folder() / "runs" / "shared")
    assert state.mode == "joined" and state.finished and state.rows == 50


def test_a_logger_that_began_after_the_run_is_joined_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(LATE, tmp_path, monkeypatch)
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert [row["train/loss"] for row in read(folder).rows] == [1.0, 0.5]


def test_a_run_that_its_owner_finished_early_is_said_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = execute(FINISHED, tmp_path, monkeypatch)
    assert "speech-tracker sync early" in said
