"""The real folder of another project, counted in another way: by Python's own reader of CSV files."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.lightning.ingest import LightningIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "lightning"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample logs in {SAMPLES}")
FILES = sorted(SAMPLES.rglob("metrics.csv"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_value_of_a_sample_becomes_a_point(path):
    (run,) = LightningIngester(Source(path.parent)).find(now=LONG_AFTER).runs
    rows = list(csv.DictReader(path.read_text().splitlines()))
    values = [(int(row["step"]) + 1, float(row["loss"])) for row in rows if row["loss"]]
    assert len(values) == len(path.read_text().splitlines()) - 1
    assert [(point.step, point.value) for point in run.points] == values
    assert {point.name for point in run.points} == {"train/loss"}
    assert run.iterations == max(int(row["step"]) for row in rows) + 1
    assert not run.problems


def test_the_sample_says_what_was_trained_and_is_recognised():
    found = LightningIngester(Source(SAMPLES)).find(now=LONG_AFTER)
    (run,) = found.runs
    assert (run.name, run.status, run.task) == ("turngpt-csvlogger/version_0", "finished", "other")
    assert run.config["learning_rate"] == run.speech.training.learning_rate == 6.25e-05
    assert run.speech.model.pretrained == "gpt2"
    assert LightningIngester.recognises(SAMPLES).endswith("stands in Lightning's own folder")
    assert (found.files_read, found.files_skipped) == (2, 0)
