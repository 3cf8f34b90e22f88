"""The Fairseq recipe, run small in the environment that `fairseq_tiny/environment.sh` makes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from speech_tracker.view import RunView

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "fairseq_digits" / "run.sh"
ENVIRONMENT = Path(os.environ.get("FAIRSEQ_ENVIRONMENT", ROOT / ".venv-fairseq"))
PYTHON = ENVIRONMENT / "bin" / "python"
TOOLS = ROOT / "tests" / "integrations" / "fairseq_tiny" / "run_fairseq.py"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(RECIPE), *options, str(folder / "digits")],
        env={
            **os.environ,
            "SPEECH_TRACKER_DIR": str(folder / "store"),
            "SPEECH_TRACKER_MODE": "local",
            "FAIRSEQ": str(ENVIRONMENT / "fairseq"),
            "PYTHON": str(PYTHON),
            "FAIRSEQ_TRAIN": f"{PYTHON} {TOOLS} train",
            "FAIRSEQ_GENERATE": f"{PYTHON} {TOOLS} generate",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.skipif(
    not (ENVIRONMENT / "fairseq").is_dir(),
    reason="Fairseq has an environment of its own, which `make test` makes (tests/integrations/fairseq_tiny)",
)
def test_it_is_recorded_from_training_to_decoding_in_one_run(tmp_path: Path) -> None:
    done = run(tmp_path, "--small")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "was skipped" not in done.stdout + done.stderr
    (folder,) = (tmp_path / "store" / "runs").iterdir()
    view = RunView.read(folder)
    assert view.status == "finished"
    assert view.problems == []
    assert view.identity["task"] == "asr"
    assert [point["step"] for point in view.history("train/loss")] == [5]
    assert view.history("train/loss_epoch")[-1]["step"] == 6
    assert view.history("valid/loss")[-1]["step"] == 6
    assert {each["name"]: each["utterances"] for each in view.datasets} == {"train": 48, "dev": 12}
    (evaluation,) = view.evaluations
    assert evaluation["test_set"] == "test_clean"
    assert evaluation["checkpoint"] == str(tmp_path / "digits" / "checkpoints" / "checkpoint_best.pt")
    assert {row["speaker_id"] for row in evaluation["speakers"]} == {"alan", "betty", "colin", "diana", "eric", "flora"}
    printed = (tmp_path / "digits" / "results" / "generate-test_clean.txt").read_text().splitlines()[-1]
    assert printed == f"Generate test_clean with beam=5: WER: {100 * evaluation['wer']:.2f}"


def test_a_wrong_option_gets_its_usage() -> None:
    done = subprocess.run(["bash", str(RECIPE), "--smal"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: run.sh")
