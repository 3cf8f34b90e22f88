"""The SpeechBrain recipe: it runs small on synthesized speech, is recorded by its one line, and goes on in the same run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

RECIPE = Path(__file__).parents[2] / "recipes" / "speechbrain_digits"
SMALL = ("--strings=48", "--test_strings=12", "--per_digit=10", "--noprogressbar")

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("speechbrain", "espeakng_loader")),
    reason="speechbrain or espeakng-loader is not installed",
)


def train(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RECIPE / "train.py"), str(RECIPE / "hparams.yaml"), *options],
        cwd=folder,
        env={**os.environ, "SPEECH_TRACKER_DIR": str(folder / "store"), "SPEECH_TRACKER_MODE": "local"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


def test_it_is_recorded_and_continued(tmp_path: Path) -> None:
    first = train(tmp_path, *SMALL, "--number_of_epochs=1")
    assert first.returncode == 0, first.stderr
    assert "was skipped" not in first.stderr
    view = only_run(tmp_path)
    assert view.status == "finished"
    assert {each["test_set"] for each in view.evaluations} >= {"test-clean", "test-noisy"}
    clean = next(each for each in view.evaluations if each["test_set"] == "test-clean")
    assert {row["speaker_id"] for row in clean["speakers"]} == {"alan", "betty", "colin", "diana", "eric", "flora"}
    theirs = (tmp_path / "digits" / "wer_test-clean.txt").read_text().splitlines()[0]
    assert theirs.startswith(f"%WER {100 * clean['wer']:.2f} ")
    assert view.speech["augmentation"]["spec_augment"] is True
    assert view.config["strings"] == 48
    again = train(tmp_path, *SMALL, "--number_of_epochs=2")
    assert again.returncode == 0, again.stderr
    view = only_run(tmp_path)
    assert [point["epoch"] for point in view.history("train/loss_epoch")] == [1, 2]


def test_one_line_tells_it_from_the_same_recipe_without_us() -> None:
    lines = (RECIPE / "hparams.yaml").read_text().splitlines()
    ours = [line for line in lines if "speech_tracker" in line]
    assert len(ours) == 1
    assert "<-- the one line" in ours[0]
    assert "speech_tracker" not in (RECIPE / "train.py").read_text() + (RECIPE / "prepare.py").read_text()
