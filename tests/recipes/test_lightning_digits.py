"""The recipe of the demo: it runs small, is recorded, and goes on where it was when it is started again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / "recipes" / "lightning_digits" / "train.py"
RECORDINGS = ROOT.parent / "shared" / "data" / "fsdd" / "recordings"


def train(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TRAIN), "--output", str(folder / "digits"), *options],
        env={**os.environ, "SPEECH_TRACKER_DIR": str(folder / "store"), "SPEECH_TRACKER_MODE": "local"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


def test_on_synthesized_speech_it_is_recorded_and_continued(tmp_path: Path) -> None:
    first = train(tmp_path, "--small")
    assert first.returncode == 0, first.stderr
    assert "was skipped" not in first.stderr
    view = only_run(tmp_path)
    assert view.status == "finished"
    assert {each["test_set"] for each in view.evaluations} >= {"test-clean", "test-noisy"}
    clean = next(each for each in view.evaluations if each["test_set"] == "test-clean" and each["unit"] == "word")
    assert {row["speaker_id"] for row in clean["speakers"]} == {"alan", "betty", "colin", "diana", "eric", "flora"}
    assert "speech-tracker sync" in first.stdout
    again = train(tmp_path, "--small")
    assert again.returncode == 0, again.stderr
    assert only_run(tmp_path).id == view.id


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the Free Spoken Digit Dataset is not at {RECORDINGS}")
def test_on_real_recordings_it_learns(tmp_path: Path) -> None:
    done = train(tmp_path, "--data", str(RECORDINGS), "--epochs", "6")
    assert done.returncode == 0, done.stderr
    words = {each["test_set"]: each for each in only_run(tmp_path).evaluations if each["unit"] == "word"}
    assert words["test-clean"]["wer"] < 0.3
    assert words["test-clean"]["wer"] < words["test-noisy"]["wer"]
    assert words["test-clean"]["counts"]["reference_length"] == words["test-noisy"]["counts"]["reference_length"]
    assert len(words["test-clean"]["speakers"]) == 6


def test_a_folder_without_recordings_gets_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = train(tmp_path, "--data", str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "3_jackson_12.wav" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_recipe_is_listed() -> None:
    listed = (ROOT / "recipes" / "README.md").read_text()
    folders = {path.parent.name for path in (ROOT / "recipes").glob("*/README.md")}
    assert folders
    assert all(f"({name}/README.md)" in listed for name in folders)
