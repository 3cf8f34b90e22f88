"""The recipe of ESPnet, with the one option: every stage runs, into one run, with the counts that sclite prints."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

ROOT = Path(__file__).parents[2]
RUN = ROOT / "recipes" / "espnet_digits" / "run.sh"
SCLITE = shutil.which("sclite") or shutil.which("sctk")
_TOTAL = re.compile(r"^ *\| Sum +\| +(\d+) +(\d+) \| +(\d+) +(\d+) +(\d+) +(\d+) ", re.MULTILINE)

pytestmark = pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="espnet2 is not installed")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    variables = {**os.environ, "SPEECH_TRACKER_DIR": str(folder / "store"), "SPEECH_TRACKER_MODE": "local"}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # ten processes would compile ESPnet, each anew
    option = "python3 -m speech_tracker.integrations.espnet"
    finished = subprocess.run(
        ["bash", str(RUN), "--small", "true", "--python", option],
        cwd=folder, env=variables, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    logs = "\n".join(path.read_text()[-1500:] for path in folder.glob("exp/**/*.log"))
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr[-2000:]}\n{logs}"
    assert "was skipped" not in logs
    return folder


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


def test_training_and_decoding_are_one_run_and_the_other_stages_make_none(done: Path) -> None:
    view = only_run(done)
    assert (view.status, view.identity["name"]) == ("finished", "asr_train_asr_word")
    assert [point["step"] for point in view.history("valid/loss")] == [6, 12]
    assert view.metrics["train/loss"]["count"] >= 2
    assert view.speech["features"]["sample_rate"] == 8000
    assert view.speech["model"]["vocabulary_size"] == 13
    assert {each["name"]: each["utterances"] for each in view.datasets} == {"train": 72, "valid": 12, "test-clean": 12}
    assert all(each["hours"] > 0 for each in view.datasets if each["name"] != "test-clean")


def test_the_recorded_error_rate_is_of_the_recipes_own_transcripts(done: Path) -> None:
    word, char = only_run(done).evaluations
    assert (word["unit"], char["unit"]) == ("word", "char")
    assert word["decoding"]["maxlenratio"] == -8
    assert "lm_weight" not in word["decoding"]
    assert len(word["speakers"]) == 6
    references = (done / "exp/asr_train_asr_word/decode_asr/test-clean/score_wer/ref.trn").read_text().splitlines()
    assert word["counts"]["reference_length"] == sum(len(line.split()) - 1 for line in references)


@pytest.mark.skipif(SCLITE is None, reason="sclite is not installed (Debian: apt install sctk)")
def test_the_recorded_counts_are_those_that_sclite_prints_in_the_scoring_stage(done: Path) -> None:
    report = (done / "exp/asr_train_asr_word/decode_asr/test-clean/score_wer/result.txt").read_text()
    total = _TOTAL.search(report)
    assert total is not None, report
    counts = only_run(done).evaluations[0]["counts"]
    names = ("utterances", "reference_length", "hits", "substitutions", "deletions", "insertions")
    assert [counts[name] for name in names] == [int(number) for number in total.groups()]


def test_reading_the_folder_afterwards_doubles_no_result(done: Path) -> None:
    before = only_run(done)
    read = subprocess.run(
        [sys.executable, "-m", "speech_tracker.cli", "ingest", "espnet", str(done / "exp")],
        env={**os.environ, "SPEECH_TRACKER_DIR": str(done / "store"), "SPEECH_TRACKER_MODE": "local"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert read.returncode in (0, 1), read.stderr  # 1: it found something to say
    after = only_run(done)
    assert after.evaluations == before.evaluations
    assert after.history("valid/loss") == before.history("valid/loss")


def test_an_unknown_option_gets_one_clear_message(tmp_path: Path) -> None:
    wrong = subprocess.run(
        ["bash", str(RUN), "--pyhton", "x"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "unknown option --pyhton" in wrong.stderr
