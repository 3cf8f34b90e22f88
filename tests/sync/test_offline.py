"""The folder for ``wandb sync``: made whole from the journal, read back, and really synced."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import speech_tracker
from speech_tracker.paths import store_folder
from speech_tracker.sync.state import load_state
from speech_tracker.view import RunView


def read(folder: Path) -> Any:
    path = Path(__file__).with_name("wandb_file.py")
    spec = importlib.util.spec_from_file_location("wandb_file", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wandb_file"] = module
    spec.loader.exec_module(module)
    return module.read(folder)


def made(run_id: str) -> Path:
    state = load_state(store_folder() / "runs" / run_id)
    assert state.folder is not None and state.folder.complete, state.last_error
    return Path(state.folder.path)


def run_with_everything(run_id: str, tmp_path: Path, **options: Any) -> Any:
    run = speech_tracker.init("project", task="asr", name="n", id=run_id, mode="offline", config={"lr": 0.1}, **options)
    for step in range(120):
        run.log_metrics({"train/loss": 1.0 / (step + 1), "valid/test-clean/wer": 0.5 - step / 1000}, step=step)
    words = tmp_path / "words.txt"
    words.write_text("a b c")
    run.log_dataset("libri/train", version="v1", manifest=words)
    run.log_artifact(words, type="lexicon", name="words")
    run.log_checkpoint(words, step=3, metrics={"valid/wer": 0.4}, aliases=["best"])
    run.log_table("examples", ["a"], [[1], ["x"]], step=5)
    run.alert("attention")
    return run


def test_the_folder_is_complete_and_later_runs_of_the_same_id_replace_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("WANDB_DIR")
    monkeypatch.delenv("WANDB_DATA_DIR")
    monkeypatch.chdir(tmp_path)
    run = run_with_everything("whole", tmp_path)
    run.finish("preempted")
    folder = made("whole")
    assert folder.parent == tmp_path / "wandb" and "offline-run-" in folder.name
    content = read(folder)
    view = RunView.read(store_folder() / "runs" / "whole")
    assert [row["train/loss"] for row in content.rows if "train/loss" in row] == [
        point["value"] for point in view.history("train/loss")
    ]
    assert [row["_step"] for row in content.rows] == list(range(121))
    assert content.config["lr"] == 0.1 and content.config["speech"]["task"] == "asr"
    assert content.config["speech_tracker"]["names"] == {"valid/test_clean/wer": "valid/test-clean/wer"}
    assert content.summary["valid/test_clean/wer"]["min"] == pytest.approx(0.5 - 119 / 1000)
    assert content.summary["run/status"] == "preempted" and content.exit_code == 143
    assert {"libri-train", "words", "model-whole"} <= {artifact.name for artifact in content.artifacts}
    assert [alert.title for alert in content.alerts] == ["attention"]
    assert content.run.run_id == "whole" and content.run.display_name == "n" and content.run.project == "project"
    assert list(folder.rglob("examples*table.json"))
    for artifact in content.artifacts:
        for entry in artifact.manifest.contents:
            if entry.local_path:
                assert Path(entry.local_path).is_relative_to(folder) and Path(entry.local_path).is_file()

    again = speech_tracker.init(id="whole", mode="offline")
    again.log_metrics({"train/loss": 0.0}, step=500)
    again.finish()
    newer = made("whole")
    assert newer != folder and not folder.exists() and len(list(newer.parent.glob("offline-run-*"))) == 1
    assert len(read(newer).rows) == 122 and read(newer).exit_code == 0


def test_a_folder_of_somebody_else_is_never_removed(tmp_path: Path) -> None:
    from speech_tracker.sync.deliver import remove_folder

    for name in ("offline-run-20260101_000000-abc", "offline-run-20260101_000000-other", "run-20260101_000000-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keep").write_text("x")
        remove_folder(tmp_path / name, "abc")
        assert (tmp_path / name / "keep").exists()


def test_the_training_process_never_imports_wandb(tmp_path: Path) -> None:
    code = (
        "import sys, speech_tracker\n"
        "run = speech_tracker.init('p', id='light', mode='offline')\n"
        "run.log_metrics({'x': 1.0}, step=1)\n"
        "run.finish()\n"
        "assert 'wandb' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read(made("light")).rows[0]["x"] == 1.0


def test_a_process_that_just_ends_leaves_the_folder_too(tmp_path: Path) -> None:
    code = (
        "import speech_tracker\n"
        "run = speech_tracker.init('p', id='broke', mode='offline')\n"
        "run.log_metrics({'x': 1.0}, step=1)\n"
        "raise RuntimeError('broke')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "RuntimeError: broke" in done.stderr
    assert read(made("broke")).exit_code == 1


def test_no_time_for_the_folder_is_said_with_the_command_and_leaves_nothing_behind(
    tmp_path: Path, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.delenv("SPEECH_TRACKER_SILENT")
    monkeypatch.delenv("WANDB_SILENT")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    run = speech_tracker.init("p", id="hasty", mode="offline")
    run.log_metrics({"x": 1.0}, step=1)
    run.finish(timeout=0.2)
    assert "speech-tracker sync hasty" in capfd.readouterr().err
    assert load_state(store_folder() / "runs" / "hasty").folder is None


def test_an_unwritable_wandb_folder_is_said_and_the_record_is_whole(
    tmp_path: Path, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.delenv("SPEECH_TRACKER_SILENT")
    monkeypatch.delenv("WANDB_SILENT")
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("WANDB_DIR", str(file))
    run = speech_tracker.init("p", id="nowhere", mode="offline")
    run.log_metrics({"x": 1.0}, step=1)
    run.finish()
    said = capfd.readouterr().err
    assert "cannot be written" in said and "speech-tracker sync nowhere" in said
    assert RunView.read(store_folder() / "runs" / "nowhere").status == "finished"


@pytest.mark.online
def test_wandb_itself_syncs_the_folder(tmp_path: Path, world: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_DATA_DIR")
    run_with_everything("login", tmp_path).finish()
    folder = made("login")
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", str(folder)], env=world.environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = world.service.rows("login")
    assert [row["_step"] for row in rows] == list(range(121))
    assert {"libri-train", "words", "model-login"} <= {each.name for each in world.service.artifacts if each.committed}
    assert world.service.exits["login"] == [0]
    # and then the other way finds nothing to add
    done = world.sync("login", SPEECH_TRACKER_DIR=str(store_folder()))
    assert done.returncode == 0, done.stderr
    assert [row["_step"] for row in world.service.rows("login")] == list(range(121))
