"""The SpeechBrain adapter, with real trainings: what is recorded, however it is attached and however it ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.view import RunView

# looked for, not imported: the trainings run in processes of their own
pytestmark = pytest.mark.skipif(importlib.util.find_spec("speechbrain") is None, reason="speechbrain is not installed")

TINY = Path(__file__).parent / "speechbrain_tiny"


def train(
    folder: Path, *arguments: str, launcher: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = (TINY / "hparams.yaml").read_text()
    if environment.get("FOLLOW", "logger") != "logger":  # the recipe as it was before the one word was changed
        recipe = recipe.replace(
            "speech_tracker.integrations.speechbrain.SpeechTrackerLogger",
            "speechbrain.utils.train_logger.FileTrainLogger",
        )
        recipe = recipe.replace("    steps: 1\n", "")
    (folder / "hparams.yaml").write_text(recipe)
    return subprocess.run(
        [
            *(launcher or (sys.executable,)),
            str(TINY / "train.py"),
            "hparams.yaml",
            "--noprogressbar",
            *arguments,
        ],
        cwd=folder,
        env={**os.environ, "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    done = train(folder)
    assert done.returncode == 0, done.stderr
    assert "was skipped" not in done.stderr, done.stderr
    return folder


def test_the_run_is_finished_and_knows_configuration_and_vocabulary(finished: Path) -> None:
    view = only_run(finished)
    assert view.status == "finished"
    assert view.problems == []
    assert view.config["lr"] == 0.02
    assert view.config["encoder"]["_tag"] == "!new:torch.nn.GRU"
    assert view.speech["toolkit"] == "speechbrain"
    assert view.speech["features"] == {"type": "fbank", "sample_rate": 8000, "n_mels": 16, "n_fft": 200}
    assert view.speech["training"]["optimizer"] == "adam"
    assert view.speech["model"]["parameters"] > 0
    assert view.speech["data"]["test_sets"] == ["test-near", "test-far"]


def test_epochs_are_recorded_as_fractions_on_the_axis_of_optimizer_steps(finished: Path) -> None:
    view = only_run(finished)
    assert [(point["step"], point["epoch"]) for point in view.history("valid/wer")] == [(3, 1), (6, 2)]
    text = (finished / "results/tones/train_log.txt").read_text()
    shown = [
        float(line.partition("valid WER: ")[2].partition(",")[0]) for line in text.splitlines() if "valid WER" in line
    ]
    assert [round(100 * point["value"], 2) for point in view.history("valid/wer")] == shown
    assert [point["step"] for point in view.history("train/loss_step")] == [1, 2, 3, 4, 5, 6]
    assert view.history("train/learning_rate")[0]["value"] == 0.02


def test_each_test_set_is_an_evaluation_with_speakers_under_its_own_name(finished: Path) -> None:
    view = only_run(finished)
    words = {
        each["test_set"]: each for each in view.evaluations if each["unit"] == "word" and each["test_set"] != "valid"
    }
    assert set(words) == {"test-near", "test-far"}
    assert words["test-far"]["counts"]["utterances"] == 6
    assert {row["speaker_id"] for row in words["test-far"]["speakers"]} == {"speaker0", "speaker1"}
    for name, each in words.items():
        assert each["wer"] == pytest.approx(view.metrics[f"test/{name}/wer"]["last"])
        assert each["step"] == 6


def test_checkpoints_are_recorded_with_the_one_that_the_test_used_as_best(finished: Path) -> None:
    view = only_run(finished)
    best = [each for each in view.checkpoints if each["best"]]
    assert len(best) == 1
    assert best[0]["metadata"]["chosen_by"] == "min WER"
    kept = {path.name for path in (finished / "results/tones/save").iterdir()}
    assert {Path(each["path"]).name for each in view.checkpoints if not each["deleted"]} == kept


def test_data_sets_are_recorded_with_hours_and_speakers(finished: Path) -> None:
    sets = {each["split"]: each for each in only_run(finished).datasets}
    assert set(sets) == {"train", "valid", "test/test-near", "test/test-far"}
    assert sets["train"]["utterances"] == 12
    assert sets["train"]["hours"] == pytest.approx(12 * 0.4 / 3600)


def test_the_trained_weights_are_the_same_without_us(finished: Path, tmp_path: Path) -> None:
    done = train(tmp_path, FOLLOW="none")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "store").exists()
    assert (tmp_path / "weights.txt").read_text() == (finished / "weights.txt").read_text()
    assert (tmp_path / "results/tones/train_log.txt").read_text() == (
        finished / "results/tones/train_log.txt"
    ).read_text()


@pytest.mark.parametrize("way", ["class", "call"])
def test_a_base_class_or_a_call_records_the_same_evaluations(way: str, finished: Path, tmp_path: Path) -> None:
    done = train(tmp_path, FOLLOW=way)
    assert done.returncode == 0, done.stderr
    theirs, ours = only_run(finished), only_run(tmp_path)
    assert ours.status == "finished"
    pick = ("test_set", "unit", "counts", "step")
    assert [[each[key] for key in pick] for each in ours.evaluations] == [
        [each[key] for key in pick] for each in theirs.evaluations
    ]


def test_a_crash_is_failed_and_the_same_recipe_started_again_continues_the_run(tmp_path: Path) -> None:
    crashed = train(tmp_path, DIE="epoch-1")
    assert crashed.returncode == 1
    assert "the GPU fell off the bus" in crashed.stderr + (tmp_path / "results/tones/log.txt").read_text()
    first = only_run(tmp_path)
    assert (first.status, first.status_reason) == ("failed", "RuntimeError: the GPU fell off the bus")
    assert train(tmp_path).returncode == 0
    again = only_run(tmp_path)
    assert again.id == first.id
    assert again.status == "finished"
    assert [(point["step"], point["epoch"]) for point in again.history("train/loss")] == [(3, 1), (6, 2)]
    assert [point["step"] for point in again.history("train/loss_step")] == [1, 2, 3, 4, 5, 6]


def test_an_interrupt_is_killed_and_so_is_a_process_that_vanished(tmp_path: Path) -> None:
    interrupted = train(tmp_path / "a", DIE="interrupt")
    assert interrupted.returncode != 0
    assert only_run(tmp_path / "a").status == "killed"
    vanished = train(tmp_path / "b", DIE="kill")
    assert vanished.returncode == -signal.SIGKILL
    view = only_run(tmp_path / "b")
    assert view.status == "killed"
    assert view.metrics["valid/wer"]["count"] == 1


def test_the_command_line_can_put_the_logger_into_an_untouched_recipe(tmp_path: Path) -> None:
    option = "--train_logger=!new:speech_tracker.integrations.speechbrain.SpeechTrackerLogger"
    done = train(tmp_path, option, FOLLOW="option")
    assert done.returncode == 0, done.stderr
    assert only_run(tmp_path).metrics["valid/wer"]["count"] == 2
    assert "valid WER" in (tmp_path / "results/tones/train_log.txt").read_text()


def test_two_ranks_make_one_run_without_duplicates(tmp_path: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29533")
    make = train(tmp_path, FOLLOW="none", launcher=(sys.executable, "-c", f"import runpy,sys; sys.argv=['train.py']; m=runpy.run_path({str(TINY / 'train.py')!r}); [m['make_set'](n,s) for n,s in (('train',12),('valid',4),('test-near',4),('test-far',6))]"))  # fmt: skip
    assert make.returncode == 0, make.stderr
    done = train(tmp_path, "--device=cpu", "--distributed_backend=gloo", launcher=torchrun)
    assert done.returncode == 0, done.stderr
    view = only_run(tmp_path)
    assert view.status == "finished"
    assert len(view.history("valid/wer")) == 2
    assert [segment["rank"] for segment in view.segments()] == [0]
