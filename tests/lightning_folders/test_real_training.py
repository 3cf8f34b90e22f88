"""What a real training with Lightning's own loggers leaves, against what the callback recorded of the same training."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.lightning import event_files
from speech_tracker.integrations.lightning.ingest import LightningIngester
from speech_tracker.view import RunView

pytestmark = pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="needs lightning")

TRAIN = Path(__file__).with_name("train.py")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folders of the loggers, and the store with the callback's run; not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    environment = {**os.environ, "SPEECH_TRACKER_DIR": str(folder / "store"), "SPEECH_TRACKER_SILENT": "1"}
    done = subprocess.run(
        [sys.executable, str(TRAIN), str(folder), "live"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def live(folder):
    (run,) = (folder / "store" / "runs").iterdir()
    return RunView.read(run)


def points(found):
    (run,) = found.runs
    return {(point.name, point.step): point.value for point in run.points}


def test_every_number_in_the_file_of_the_csv_logger_is_a_point_except_those_of_single_validation_batches(trained):
    found = LightningIngester(Source(trained / "csv")).find()
    (path,) = trained.rglob("metrics.csv")
    cells = [
        float(cell)
        for row in csv.DictReader(path.read_text().splitlines())
        for name, cell in row.items()
        if cell and name not in ("epoch", "step") and "val_loss_step" not in name
    ]
    assert sorted(points(found).values()) == sorted(cells)
    assert not found.problems


def test_names_steps_and_values_are_those_that_the_callback_recorded(trained):
    ours = points(LightningIngester(Source(trained / "csv")).find())
    recorded = {
        (name, point["step"]): point["value"] for name, history in live(trained).histories.items() for point in history
    }
    timed = {"train/epoch_seconds", "valid/epoch_seconds", "test/epoch_seconds", "train/updates_per_second"}
    assert {name for name, _ in ours} == {name for name, _ in recorded} - timed
    # Lightning's own monitor looks at the rates at other steps than the callback
    shared = {key for key in ours if key[0] != "train/learning_rate"}
    assert shared == {key for key in recorded if key[0] not in timed | {"train/learning_rate"}}
    assert {key: ours[key] for key in shared} == {key: recorded[key] for key in shared}
    rates = {key: ours[key] for key in ours.keys() & recorded.keys() if key not in shared}
    assert rates == {key: recorded[key] for key in rates}


@pytest.mark.skipif(not event_files.AVAILABLE, reason="needs tensorboard")
def test_the_event_file_says_the_same_with_32_bits(trained):
    exact = points(LightningIngester(Source(trained / "csv")).find())
    found = LightningIngester(Source(trained / "board")).find()
    short = {key: struct.unpack("<f", struct.pack("<f", value))[0] for key, value in exact.items()}
    assert points(found) == short
    (run,) = found.runs
    assert run.began is not None
    assert run.config["lr"] == 0.05
    assert not found.problems


def test_what_the_callback_recorded_is_not_recorded_again(trained, tmp_path, monkeypatch):
    from speech_tracker.cli import main

    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(folder / "store"))
    before = live(folder)
    assert main(["ingest", "lightning", str(folder / "csv"), "--mode", "local"]) == 0
    after = live(folder)
    assert after.id == before.id
    for name, history in before.histories.items():
        if name != "train/learning_rate":
            assert after.histories[name] == history
    assert len(after.histories["train/loss"]) == len(before.histories["train/loss"])
    assert not any(event["name"] == "history-replaced" for event in after.events)


def test_a_training_with_a_test_is_complete_and_its_checkpoint_known(trained):
    (run,) = LightningIngester(Source(trained / "csv")).find().runs
    assert (run.complete, run.status, run.task) == (True, "finished", "asr")
    assert [Path(path).name for path in run.model_files] == ["last.ckpt"]
