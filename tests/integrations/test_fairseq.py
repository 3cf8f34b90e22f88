"""The Fairseq plugin, with real trainings in an environment of their own (`fairseq_tiny/environment.sh`)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from speech_tracker.view import RunView

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "fairseq_tiny"
ENVIRONMENT = Path(os.environ.get("FAIRSEQ_ENVIRONMENT", ROOT / ".venv-fairseq"))
PYTHON = ENVIRONMENT / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not (ENVIRONMENT / "fairseq").is_dir(),
    reason="Fairseq has an environment of its own, which `make test` makes (tests/integrations/fairseq_tiny)",
)

MODEL = (
    "--config-yaml", "config.yaml", "--task", "speech_to_text", "--max-tokens", "400", "--cpu", "--num-workers", "0",
    "--max-source-positions", "200", "--max-target-positions", "50", "--train-subset", "train", "--valid-subset", "dev,other",
    "--arch", "s2t_transformer_xs", "--encoder-embed-dim", "16", "--encoder-ffn-embed-dim", "24", "--encoder-layers", "1",
    "--decoder-layers", "1", "--decoder-embed-dim", "16", "--decoder-ffn-embed-dim", "24", "--encoder-attention-heads", "2",
    "--decoder-attention-heads", "2", "--conv-channels", "16", "--criterion", "label_smoothed_cross_entropy",
    "--report-accuracy", "--optimizer", "adam", "--lr", "0.01", "--log-interval", "1", "--save-dir", "checkpoints", "--seed", "3",
    "--log-format", "json", "--keep-last-epochs", "1",
)  # fmt: skip


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PYTHON), *arguments],
        cwd=folder,
        env={**os.environ, "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"),
             "FAIRSEQ": str(ENVIRONMENT / "fairseq"), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip


def train(folder: Path, epochs: int, *options: str) -> subprocess.CompletedProcess[str]:
    if not (folder / "data").exists():
        assert python(folder, str(TINY / "make_data.py"), "data").returncode == 0
    return python(folder, str(TINY / "run_fairseq.py"), "train", "data", *MODEL, "--max-epoch", str(epochs), *options)


@pytest.fixture(scope="module")
def plugin() -> str:
    done = python(ROOT, "-m", "speech_tracker.integrations.fairseq")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def trained(plugin: str, tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """Two epochs, then a third after a restart."""
    folder = tmp_path_factory.mktemp("fairseq")
    for epochs in (2, 3):
        done = train(folder, epochs, "--user-dir", plugin)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "was skipped" not in done.stderr
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


def test_a_training_that_was_continued_is_one_run(trained: RunView) -> None:
    assert trained.status == "finished"
    assert trained.problems == []
    assert [(point["step"], point["epoch"]) for point in trained.history("valid/loss")] == [(2, 1), (4, 2), (6, 3)]
    assert [point["step"] for point in trained.history("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [(point["step"], point["epoch"]) for point in trained.history("train/loss_epoch")] == [(2, 1), (4, 2), (6, 3)]
    assert [record.data for record in trained.records("rewind")] == [{"step": 4}]


def test_every_validation_subset_has_its_curves_and_percent_becomes_a_fraction(trained: RunView) -> None:
    assert {"valid/loss", "valid/other/loss", "train/loss", "train/learning_rate", "train/gradient_norm"} <= set(
        trained.metrics
    )
    assert 0 <= trained.metrics["valid/accuracy"]["max"] <= 1
    assert "valid/num_updates" not in trained.metrics


def test_checkpoints_and_their_pruning_are_recorded(trained: RunView) -> None:
    states = {Path(each["path"]).name: each for each in trained.checkpoints}
    assert states["checkpoint1.pt"]["deleted"]
    assert states["checkpoint2.pt"]["deleted"]
    assert not states["checkpoint3.pt"]["deleted"]
    assert states["checkpoint_best.pt"]["best"]
    assert states["checkpoint_best.pt"]["metadata"] == {"chosen_by": "min loss"}
    assert states["checkpoint_last.pt"]["step"] == 6


def test_configuration_vocabulary_and_data_are_recorded(trained: RunView) -> None:
    assert trained.speech["toolkit"] == "fairseq"
    assert trained.speech["training"]["optimizer"] == "adam"
    assert trained.speech["training"]["learning_rate"] == 0.01
    assert trained.speech["model"]["encoder_layers"] == 1
    assert {each["name"]: each["utterances"] for each in trained.datasets} == {"train": 16, "dev": 4, "other": 4}


def test_a_crashed_training_is_failed_and_the_result_is_the_same_with_and_without_us(
    plugin: str, tmp_path: Path
) -> None:
    for name, options in (("with", ("--user-dir", plugin)), ("without", ())):
        (tmp_path / name).mkdir()
        assert train(tmp_path / name, 1, *options).returncode == 0
    same = python(
        tmp_path,
        str(TINY / "compare.py"),
        "with/checkpoints/checkpoint_last.pt",
        "without/checkpoints/checkpoint_last.pt",
    )
    assert same.returncode == 0, same.stderr
    (tmp_path / "with/data/dev-0.npy").unlink()
    crashed = train(tmp_path / "with", 3, "--user-dir", plugin)
    assert crashed.returncode == 1
    assert "dev-0.npy" in crashed.stderr
    (found,) = (tmp_path / "with/store/runs").iterdir()
    assert RunView.read(found).status == "failed"
