"""What trainings with the real SpeechBrain leave: untracked, failed, and recorded while they trained."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

# looked for, not imported: the trainings run in processes of their own
pytestmark = pytest.mark.skipif(importlib.util.find_spec("speechbrain") is None, reason="speechbrain is not installed")

TINY = Path(__file__).parent.parent / "integrations" / "speechbrain_tiny"
PLAIN = "train_logger: !new:speechbrain.utils.train_logger.FileTrainLogger\n    save_file: !ref <train_log>\n"
TRAININGS = {
    "plain": {"FOLLOW": "none"},
    "failed": {"FOLLOW": "none", "DIE": "epoch-1"},
    "live": {"FOLLOW": "logger", "SPEECH_TRACKER_MODE": "local"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The working folders of the trainings, by name."""
    base = tmp_path_factory.mktemp("trainings")
    requests = []
    for name, variables in TRAININGS.items():
        folder = base / name
        folder.mkdir()
        text = (TINY / "hparams.yaml").read_text()
        if name != "live":  # the recipe as it was before the one word was changed
            text = re.sub(r"train_logger: .*\n(    .*\n)+", PLAIN, text)
        (folder / "hparams.yaml").write_text(text)
        env = {**variables, "SPEECH_TRACKER_DIR": str(folder / "store"), "OMP_NUM_THREADS": "1"}
        requests.append(json.dumps({"folder": str(folder), "env": env}))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("train_and_score.py")), *requests],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors = "\n".join((base / name / "stderr.txt").read_text()[-3000:] for name in TRAININGS)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 1, 0], errors
    return {name: base / name for name in TRAININGS}


@pytest.fixture
def store(trained, tmp_path, monkeypatch):
    """A store with the run that was recorded live, and nothing else."""
    folder = tmp_path / "store"
    shutil.copytree(trained["live"] / "store", folder)
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(folder))
    return folder


def runs(store):
    return [RunView.read(folder) for folder in sorted((store / "runs").iterdir())]


def test_an_untracked_training_is_ingested_with_all_that_it_left(trained, ingest, views):
    folder = trained["plain"] / "results" / "tones"
    code, document, err = ingest(folder)
    assert (code, err) == (0, "")
    view = views()["tones"]
    assert view.status == "finished"
    lines = (folder / "train_log.txt").read_text().splitlines()
    printed = [float(match[1]) for line in lines if (match := re.search(r"valid WER: ([\d.e+]+)", line))]
    assert [point["value"] for point in view.history("valid/wer")] == pytest.approx([each / 100 for each in printed])
    assert [point["epoch"] for point in view.history("train/loss_epoch")] == [1, 2]
    evaluations = {(each["test_set"], each["unit"]): each for each in view.evaluations}
    assert set(evaluations) == {(name, unit) for name in ("test-near", "test-far") for unit in ("word", "char")}
    for (name, unit), evaluation in evaluations.items():
        rate = "wer" if unit == "word" else "cer"
        head = (folder / f"{rate}_{name}.txt").read_text()
        errors, length = map(int, re.match(r"%WER \S+ \[ (\d+) / (\d+),", head).groups())
        counts = evaluation["counts"]
        assert counts["substitutions"] + counts["deletions"] + counts["insertions"] == errors
        assert evaluation["reference_length"] == length
        assert counts["utterances"] == int(re.search(r"Scored (\d+) sentences", head)[1])
        assert "file" in evaluation  # with every utterance
        assert {each["speaker_id"] for each in evaluation["speakers"]} == {"speaker0", "speaker1"}
    (best,) = [each for each in view.checkpoints if each["best"]]
    assert Path(best["path"]).is_dir()
    described = (folder / "env.log").read_text()
    assert view.config["env_log"]["python"].partition(" ")[0] in described
    packages = re.findall(r"^([\w.-]+)==(\S+)$", described, re.MULTILINE)
    assert list(view.config["env_log"]["packages"].items()) == packages
    assert document["problems"] == []


def test_a_failed_training_is_failed_with_its_exception(trained, ingest, views):
    _, document, _ = ingest(trained["failed"])
    view = views()["tones"]
    assert view.status == "failed"
    (problem,) = document["problems"]
    log = (trained["failed"] / "results/tones/log.txt").read_text().splitlines()
    assert log[problem["line"] - 1] in problem["reason"]
    assert "RuntimeError" in problem["reason"]


def test_a_training_that_was_recorded_live_is_joined_and_nothing_is_doubled(trained, store, ingest):
    (before,) = runs(store)
    _, document, _ = ingest(trained["live"])
    (after,) = runs(store)
    assert document["runs"][0]["id"] == before.id == after.id
    assert after.histories == before.histories
    assert len(after.evaluations) == len(before.evaluations)
    assert (after.datasets, after.config, after.speech) == (before.datasets, before.config, before.speech)
    assert [each["path"] for each in after.checkpoints] == [each["path"] for each in before.checkpoints]
    assert (after.status, after.identity["name"]) == (before.status, before.identity["name"])
    assert len(after.journal.records) == len(before.journal.records)


def test_what_came_after_the_recording_is_added_on_its_axis(trained, store, ingest, tmp_path):
    (before,) = runs(store)
    folder = tmp_path / "live" / "results" / "tones"
    shutil.copytree(trained["live"], tmp_path / "live", ignore=shutil.ignore_patterns("store"))
    with (folder / "train_log.txt").open("a") as file:
        file.write("epoch: 3, lr: 2.00e-02 - train loss: 1.25 - valid loss: 1.00, valid WER: 12.50, valid CER: 10.00\n")
    for _ in range(2):
        ingest(tmp_path / "live")
        (after,) = runs(store)
        steps = [point["step"] for point in after.history("valid/wer")]
        last = [point["step"] for point in before.history("valid/wer")][-1]
        assert steps[-1] == last * 3 // 2
        assert steps[:-1] == [point["step"] for point in before.history("valid/wer")]
        assert after.history("valid/wer")[-1]["value"] == 0.125
        assert after.identity["name"] == before.identity["name"]


def test_live_and_ingested_say_the_same_words(trained, store, ingest):
    ingest(trained["plain"])
    live, ingested = sorted(runs(store), key=lambda view: view.id.startswith("speechbrain-"))

    def words(view):
        return {f"{group}.{key}" for group, values in view.speech.items() if isinstance(values, dict) for key in values}

    # of a folder nobody knows how many devices there were, nor what was given beside the YAML
    beside = {"training.devices", "training.accumulation", "training.gradient_clip", "training.precision"}
    assert words(live) - words(ingested) <= beside
    shared = words(live) & words(ingested) - {"model.parameters", "model.trainable_parameters"}
    for name in shared:
        group, _, key = name.partition(".")
        one, other = live.speech[group][key], ingested.speech[group][key]
        assert one == (pytest.approx(other) if isinstance(other, float) else other), name
    # of the numbers of parameters the log has but two digits
    assert ingested.speech["model"]["parameters"] == pytest.approx(live.speech["model"]["parameters"], rel=0.05)
    epochs = {name for name, points in ingested.histories.items() if points}
    assert epochs <= set(live.histories)
    for name in epochs:
        assert [point["epoch"] for point in ingested.history(name)][-1] == live.history(name)[-1]["epoch"]
        assert ingested.history(name)[-1]["value"] == pytest.approx(live.history(name)[-1]["value"], rel=0.006)
