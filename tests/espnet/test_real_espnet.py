"""What a real training and decoding of ESPnet leaves on disk, without us beside them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# looked for, not imported: it runs in a process of its own
pytestmark = pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="espnet2 is not installed")

TINY = Path(__file__).parent.parent / "integrations" / "espnet_tiny"
SCLITE = Path("/usr/lib/sctk/bin/sclite")
NAME = "asr_tiny_raw_char_sp"


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A recipe's folder after its training and decoding."""
    folder = tmp_path_factory.mktemp("real espnet")
    for script, *arguments in (
        (TINY / "make_data.py",),
        (Path(__file__).with_name("train_and_decode.py"), TINY / "asr.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, script, *arguments], cwd=folder, capture_output=True, text=True, timeout=600, check=False
        )
        log = folder / "exp" / NAME / "train.log"
        assert done.returncode == 0, done.stderr[-2000:] + (log.read_text()[-3000:] if log.is_file() else "")
    return folder


def logged_values(folder, pattern):
    log = (folder / "exp" / NAME / "train.log").read_text()
    return [float(value) for value in re.findall(pattern, log)]


def test_a_real_training_and_decoding_become_a_run(left, ingest, views):
    code, document, said = ingest(left)
    assert (code, document["problems"]) == (0, []), said
    (run,) = document["runs"]
    assert (run["name"], run["kind"], run["iterations"]) == (NAME, "asr", 6)
    view = views()[NAME]
    assert view.status == "finished"
    assert [(point["step"], point["epoch"]) for point in view.history("train/loss")] == [
        (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2),
    ]  # fmt: skip
    assert [point["value"] for point in view.history("train/loss")] == logged_values(
        left, r"epoch:train:.*?[ 0-9]loss=([\d.]+)"
    )
    assert [point["value"] for point in view.history("valid/loss")] == logged_values(
        left, r"\[valid\].*? loss=([\d.]+)"
    )
    assert {"train/loss_epoch", "train/learning_rate", "train/gradient_norm", "valid/accuracy", "valid/cer_ctc"} <= set(
        view.metrics
    )
    assert "valid/wer_teacher_forced" in view.metrics
    assert view.speech["model"]["parameters"] > 1000
    assert view.speech["augmentation"]["speed_perturbation"] == [0.9, 1.0, 1.1]
    (best,) = [each for each in view.checkpoints if each["best"]]
    assert Path(best["path"]).name == (left / "exp" / NAME / "valid.acc.best.pth").resolve().name


def test_its_hypotheses_are_scored_by_utterance_and_speaker(left, ingest, views):
    ingest(left)
    (evaluation,) = views()[NAME].evaluations
    assert evaluation["test_set"] == "test_low"
    assert (evaluation["counts"]["utterances"], evaluation["counts"]["reference_length"]) == (4, 8)
    assert {row["speaker_id"] for row in evaluation["speakers"]} == {"t0", "t1"}
    assert evaluation["decoding"]["beam_size"] == 2
    assert evaluation["metadata"]["rtf"] > 0
    assert Path(evaluation["checkpoint"]).name.endswith("epoch.pth")


@pytest.mark.skipif(not SCLITE.is_file(), reason="needs NIST's sclite (Debian package sctk)")
def test_what_its_scoring_stage_prints_is_what_is_counted(left, ingest, views, tmp_path):
    import shutil

    folder = Path(shutil.copytree(left, tmp_path / "scored", symlinks=True))
    decoded = folder / "exp" / NAME / "decode_beam2_asr_model_valid.acc.best" / "test_low"
    place = decoded / "score_wer"
    place.mkdir()
    speakers = dict(line.split() for line in (folder / "data/test_low/utt2spk").read_text().splitlines())
    for side, texts in (("ref", folder / "data/test_low/text"), ("hyp", decoded / "logdir/output.1/1best_recog/text")):
        lines = sorted(texts.read_text().splitlines())
        rows = [(line.partition(" ")[2], line.partition(" ")[0]) for line in lines]
        (place / f"{side}.trn").write_text("".join(f"{text}\t({speakers[key]}-{key})\n" for text, key in rows))
    command = [
        SCLITE,
        "-r",
        place / "ref.trn",
        "trn",
        "-h",
        place / "hyp.trn",
        "trn",
        "-i",
        "rm",
        "-o",
        "all",
        "stdout",
    ]
    environment = {**os.environ, "LC_ALL": "C"}
    report = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    (place / "result.txt").write_text(report)
    _, document, _ = ingest(folder)
    assert document["problems"] == []
    total = re.search(r"\|\s*Sum\s*\|([\s\d|]+)\|", report)[1].replace("|", " ").split()
    counts = views()[NAME].evaluations[-1]["counts"]
    found = [counts["utterances"], counts["hits"] + counts["substitutions"] + counts["deletions"], counts["hits"],
             counts["substitutions"], counts["deletions"], counts["insertions"]]  # fmt: skip
    assert found == [int(each) for each in total[:6]]
    assert {row["speaker_id"] for row in views()[NAME].evaluations[-1]["speakers"]} == {"t0", "t1"}


def test_a_second_time_adds_nothing(left, ingest, views):
    _, first, _ = ingest(left)
    before = len(list(views()[NAME].records("metrics")))
    assert ingest(left)[1] == first
    assert len(list(views()[NAME].records("metrics"))) == before
