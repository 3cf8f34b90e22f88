"""Real output folders of two projects, with counts made in another way: line by line, as grep and awk would."""

from __future__ import annotations

import csv
import json
import re
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.speechbrain.ingest import SpeechBrainIngester

SAMPLES = Path(__file__).parent.parent.parent.parent / "shared" / "samples" / "speechbrain"
LONG_AFTER = time.time() + 86400  # a clone or a copy makes the files of long ago new
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample folders in {SAMPLES}")

TREES = ("duartemoura-speaker-id", "thesharyn-conformer-small")
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/results/*/*/train_log.txt"))


@pytest.fixture(scope="module")
def found():
    cache = {}

    def read(name):
        if name not in cache:
            cache[name] = SpeechBrainIngester(Source(SAMPLES / name)).find(now=LONG_AFTER)
        return cache[name]

    return read


@pytest.fixture
def run_of(found):
    def read(folder):
        tree = folder.relative_to(SAMPLES).parts[0]
        return next(run for run in found(tree).runs if run.path == str(folder))

    return read


def lines_of(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def grep(pattern, path):
    return [match for line in lines_of(path) if (match := re.search(pattern, line))]


def test_every_sample_tree_is_listed_here():
    assert tuple(sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())) == TREES


@pytest.mark.parametrize("name", TREES)
def test_there_is_a_run_for_each_training_log(found, name):
    expected = {str(path.parent) for path in (SAMPLES / name).rglob("train_log.txt")}
    assert {run.path for run in found(name).runs} == expected
    assert all(run.status == "finished" for run in found(name).runs)


@pytest.mark.parametrize("name", TREES)
def test_every_file_is_either_read_or_skipped(found, name):
    result = found(name)
    assert result.files_read + result.files_skipped == sum(path.is_file() for path in (SAMPLES / name).rglob("*"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_each_curve_has_the_values_that_stand_in_the_training_log(run_of, folder):
    run = run_of(folder)
    log = folder / "train_log.txt"
    curves = [("train/loss_epoch", "train loss", 1), ("valid/loss", "valid loss", 1), ("train/learning_rate", "lr", 1),
              ("valid/error", "valid error", 1), ("valid/acc", "valid ACC", 1), ("valid/wer", "valid WER", 100)]  # fmt: skip
    for name, key, scale in curves:
        expected = [
            (int(match[1]), float(match[2]) / scale)
            for match in grep(rf"^[Ee]poch: (\d+),.*\b{key}: ([\d.e+-]+)(?:,| -|$)", log)
        ]
        points = [(point.epoch, point.value) for point in run.points if point.name == name]
        assert points == [(epoch, pytest.approx(value)) for epoch, value in expected]
    assert run.iterations == len(grep(r"^[Ee]poch: \d+", log))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_starts_and_failures_are_those_that_grep_counts(run_of, folder):
    run = run_of(folder)
    log = folder / "log.txt"
    assert run.jobs.total == len(grep(r"Beginning experiment!$", log))
    assert run.jobs.failed == len(grep(r"ERROR - Exception:$", log))
    named = [match[0].partition(":")[0] for match in grep(r"^(?:\w+\.)*\w*(?:Error|Interrupt)(:|$)", log)]
    events = [each for each in run.happenings if each.name in ("job-failed", "job-killed")]
    assert [each.data["error"].partition(":")[0] for each in events] == named
    for each in events:
        assert lines_of(log)[each.data["line"] - 1].startswith(each.data["error"][:100])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_environment_is_the_one_that_is_described(run_of, folder):
    run = run_of(folder)
    packages = [match.groups() for match in grep(r"^([\w.-]+)==(\S+)$", folder / "env.log")]
    assert list(run.config["env_log"]["packages"].items()) == packages
    assert run.speech.toolkit_version == dict(packages)["speechbrain"]
    (seed,) = grep(r"^seed: (\d+)", folder / "hyperparams.yaml")
    assert run.speech.training.seed == int(seed[1])


def test_the_results_are_those_of_the_authors_own_summary(found):
    """Their table was made by another program, from the same logs."""
    with (SAMPLES / TREES[0] / "plots/comparison/experiment_metrics.csv").open() as file:
        rows = {row["Experiment"]: row for row in csv.DictReader(file)}
    runs = {Path(run.path).name: run for run in found(TREES[0]).runs}
    assert runs.keys() == rows.keys()
    for name, row in rows.items():
        metrics = runs[name].metrics()
        assert metrics["train/loss_epoch"]["last"] == pytest.approx(float(row["Final Train Loss"]), abs=5e-4)
        assert metrics["valid/loss"]["last"] == pytest.approx(float(row["Final Valid Loss"]), abs=5e-4)
        assert metrics["valid/loss"]["min"] == pytest.approx(float(row["Best Valid Loss"]), abs=5e-4)
        assert metrics["valid/error"]["last"] == pytest.approx(float(row["Final Valid Error"]), abs=5e-4)
        assert metrics["valid/error"]["min"] == pytest.approx(float(row["Best Valid Error"]), abs=5e-4)
        (evaluation,) = runs[name].evaluations
        assert evaluation.values["loss"] == pytest.approx(float(row["Test Loss"]), abs=5e-4)
        assert evaluation.values["error"] == pytest.approx(float(row["Test Error"]), abs=5e-4)
        assert runs[name].task == "sid"


def test_the_utterances_of_the_file_score_as_its_head_says(found):
    (run,) = found(TREES[1]).runs
    clean, other = run.evaluations
    path = SAMPLES / TREES[1] / "results/conformer_small/7775/wer_test-clean.txt"
    heads = grep(r"^(.*), %WER \S+ \[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]$", path)
    problems = []
    scored = clean.load(problems)
    assert problems == []
    assert len(scored) == len(heads)
    assert scored.counts.errors == sum(int(head[2]) for head in heads) == clean.best.tally.errors
    assert scored.counts.reference_length == sum(int(head[3]) for head in heads)
    by_id = dict(zip(scored.utterance_ids, scored.table.tolist(), strict=True))
    for head in heads:
        hits, substitutions, deletions, insertions = by_id[head[1]][:4]
        assert substitutions + deletions + insertions == int(head[2])
        assert hits + substitutions + deletions == int(head[3])
    assert (other.test_set, other.best.error_rate, other.best.tally) == ("test-other", 0.9948, None)


def test_gaps_restarts_and_times_are_those_of_the_logs(found):
    (run,) = found(TREES[1]).runs
    log = SAMPLES / TREES[1] / "results/conformer_small/7775/log.txt"
    assert [problem.reason for problem in run.problems] == ["no line of epochs 10-27"]
    assert run.last_step == max(int(match[1]) for match in grep(r"steps: (\d+)", log))
    stamps = [match[1] for match in grep(r"^(\S+ \S+),\d+ - speechbrain.utils.train_logger - INFO - epoch: ", log)]
    times = sorted({point.time for point in run.points if point.name == "valid/loss"})
    assert len(times) == len(stamps)
    # the checkpoints say that the clock was three hours ahead of UTC
    assert stamps[0] == "2025-04-01 10:46:05"
    assert times[0] == pytest.approx(datetime(2025, 4, 1, 7, 46, 5, tzinfo=timezone.utc).timestamp(), abs=1.0)
    assert [each.metrics for each in run.checkpoints] == [{"valid/acc": 1.1}]
    assert Path(run.evaluations[0].checkpoint).name == "CKPT+2025-04-16+12-36-15+00"


def test_the_whole_document_is_json_and_a_second_time_adds_nothing(ingest, views):
    for name in TREES:
        code, document, _ = ingest(SAMPLES / name)
        assert code == 0
        json.dumps(document, allow_nan=False)
    before = {name: len(view.journal.records) for name, view in views().items()}
    assert len(before) == len(FOLDERS)
    for name in TREES:
        ingest(SAMPLES / name)
    assert {name: len(view.journal.records) for name, view in views().items()} == before
