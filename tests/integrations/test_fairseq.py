"""The Fairseq plugin, with real trainings in an environment of their own (`fairseq_tiny/environment.sh`)."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

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

OPTIONS = (TINY / "options.txt").read_text().split()
MODEL = (*OPTIONS, "--save-dir", "checkpoints")


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PYTHON), *arguments],
        cwd=folder,
        env={**os.environ, "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"),
             "FAIRSEQ": str(ENVIRONMENT / "fairseq"), **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )  # fmt: skip


def train(folder: Path, epochs: int, *options: str) -> subprocess.CompletedProcess[str]:
    if not (folder / "data").exists():
        assert python(folder, str(TINY / "make_data.py"), "data").returncode == 0
    done = python(folder, str(TINY / "run_fairseq.py"), "train", "data", *MODEL, "--max-epoch", str(epochs), *options)
    (folder / f"train-{epochs}.log").write_text(done.stdout + done.stderr)
    return done


def generate(folder: Path, subset: str) -> None:
    done = python(
        folder, str(TINY / "run_fairseq.py"), "generate", "data", *MODEL[:MODEL.index("--train-subset")], "--gen-subset", subset,
        "--path", "checkpoints/checkpoint_best.pt", "--beam", "2", "--scoring", "wer", "--results-path", "results",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "generate.log").write_text(done.stdout + done.stderr)


def ingest(folder: Path, store: Path) -> dict[str, Any]:
    """Ingest with the interpreter of the tests, in which there is no Fairseq."""
    assert importlib.util.find_spec("fairseq") is None
    done = subprocess.run(
        [sys.executable, "-m", "speech_tracker.cli", "ingest", "fairseq", str(folder), "--json", "--mode", "local"],
        env={**os.environ, "SPEECH_TRACKER_DIR": str(store)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["problems"] == []
    return document


def only_run(store: Path) -> RunView:
    (found,) = (store / "runs").iterdir()
    return RunView.read(found)


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
    generate(folder, "other")
    return only_run(folder / "store")


@pytest.fixture(scope="module")
def folder_of(trained: RunView) -> Path:
    """Where it was trained, and what its standard output was."""
    return trained.folder.parents[2]


def test_a_training_that_was_continued_is_one_run(trained: RunView) -> None:
    assert trained.status == "finished"
    assert trained.problems == []
    assert [(point["step"], point["epoch"]) for point in trained.history("valid/loss")] == [(2, 1), (4, 2), (6, 3)]
    assert [point["step"] for point in trained.history("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [(point["step"], point["epoch"]) for point in trained.history("train/loss_epoch")] == [
        (2, 1),
        (4, 2),
        (6, 3),
    ]
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
    assert trained.speech["training"]["schedule"] == "fixed"
    assert trained.speech["model"]["type"] == "s2t_transformer_xs"
    assert trained.speech["model"]["encoder_layers"] == 1
    assert {each["name"]: each["utterances"] for each in trained.datasets} == {"train": 16, "dev": 4, "other": 4}


def test_the_folder_that_a_training_leaves_tells_the_same_as_the_plugin(
    trained: RunView, folder_of: Path, tmp_path: Path
) -> None:
    document = ingest(folder_of, tmp_path)
    (run,) = document["runs"]
    assert run["jobs"] == {"total": 2, "failed": 0}
    read = only_run(tmp_path)
    assert (read.id, read.status) == (trained.id, "finished")
    live = {name: points for name, points in trained.histories.items() if not name.startswith("test/")}
    assert set(read.histories) == set(live)
    for name, points in live.items():
        said = read.histories[name]
        assert [point["step"] for point in said] == [point["step"] for point in points], name
        assert [point["epoch"] for point in said] == [point["epoch"] for point in points], name
        # six digits are printed
        assert [point["value"] for point in said] == pytest.approx([point["value"] for point in points], rel=1e-5), name
    assert read.config == {**trained.config, **read.config}
    assert {**read.speech, "toolkit_version": trained.speech["toolkit_version"]} == trained.speech
    assert trained.speech["model"]["parameters"] == trained.speech["model"]["trainable_parameters"] == 11784
    assert {each["name"] for each in read.datasets} == {"train", "dev", "other"}


def test_hypotheses_are_scored_with_the_ids_and_speakers_of_the_manifest(folder_of: Path, tmp_path: Path) -> None:
    ingest(folder_of, tmp_path)
    (found,) = only_run(tmp_path).evaluations
    printed = (folder_of / "results" / "generate-other.txt").read_text().splitlines()[-1]
    assert printed == f"Generate other with beam=2: WER: {100 * found['wer']:.2f}"
    assert found["test_set"] == "other"
    assert found["decoding"]["beam_size"] == 2
    assert {row["speaker_id"]: row["utterances"] for row in found["speakers"]} == {"speaker0": 2, "speaker1": 2}
    assert all(row["utterance_id"].startswith("other-") for row in found["worst"])


def test_ingesting_where_the_plugin_recorded_adds_what_it_could_not_see(trained: RunView, folder_of: Path) -> None:
    before = {name: len(points) for name, points in trained.histories.items()}
    store = folder_of / "store"
    ingest(folder_of, store)
    again = only_run(store)
    assert again.id == trained.id
    assert {name: len(points) for name, points in again.histories.items() if not name.startswith("test/")} == before
    assert len(again.records("rewind")) == len(trained.records("rewind"))
    assert [each["test_set"] for each in again.evaluations] == ["other"]
    segments = len(again.segments())
    ingest(folder_of, store)
    assert len(only_run(store).segments()) == segments


def test_pre_training_under_hydra_is_recorded_and_its_folder_tells_the_same(plugin: str, tmp_path: Path) -> None:
    assert python(tmp_path, str(TINY / "make_audio.py"), "audio").returncode == 0
    done = python(
        tmp_path, str(TINY / "run_fairseq.py"), "hydra_train", "--config-dir", str(TINY), "--config-name", "wav2vec2",
        f"task.data={tmp_path}/audio", f"common.user_dir={plugin}", f"hydra.run.dir={tmp_path}/outputs/1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "was skipped" not in done.stderr
    live = only_run(tmp_path / "store")
    assert (live.status, live.identity["task"]) == ("finished", "ssl")
    assert live.speech["features"] == {"type": "waveform", "sample_rate": 8000}
    assert live.speech["training"]["batch_seconds"] == 2.0
    assert {each["name"]: each["utterances"] for each in live.datasets} == {"train": 12, "valid": 4}
    (printed,) = [line for line in done.stdout.splitlines() if "][valid][INFO] - {" in line]
    accuracy = json.loads(printed[printed.index("{") :])["valid_accuracy"]  # of this criterion, a fraction
    assert live.metrics["valid/accuracy"]["last"] == pytest.approx(float(accuracy), rel=1e-5)
    assert {Path(each["path"]).name for each in live.checkpoints} == {"checkpoint_best.pt", "checkpoint_last.pt"}
    ingest(tmp_path / "outputs", tmp_path / "ingested")
    read = only_run(tmp_path / "ingested")
    assert read.id == live.id
    assert {**read.speech, "toolkit_version": "0.12.2"} == live.speech
    assert set(read.histories) == set(live.histories)
    for name, points in live.histories.items():
        said = [(point["step"], point["value"]) for point in read.history(name)]
        assert said == [(point["step"], pytest.approx(point["value"], rel=1e-5)) for point in points], name


def test_a_crashed_training_is_failed_and_the_result_is_the_same_with_and_without_us(
    plugin: str, tmp_path: Path
) -> None:
    for name, options in (
        ("with", ("--user-dir", plugin, "--wandb-project", "theirs")),
        ("without", ("--log-format", "simple")),
    ):
        (tmp_path / name).mkdir()
        assert train(tmp_path / name, 1, *options).returncode == 0
    same = python(
        tmp_path,
        str(TINY / "compare.py"),
        "with/checkpoints/checkpoint_last.pt",
        "without/checkpoints/checkpoint_last.pt",
    )
    assert same.returncode == 0, same.stderr
    ingest(tmp_path / "without", tmp_path / "ingested")  # the other format
    plainly = only_run(tmp_path / "ingested")
    assert plainly.status == "finished"
    live = only_run(tmp_path / "with/store")
    assert (live.identity["project"], live.identity["name"]) == ("theirs", "with")
    assert set(plainly.histories) == set(live.histories)
    assert [point["value"] for point in plainly.history("valid/loss")] == [
        point["value"] for point in live.history("valid/loss")
    ]
    (tmp_path / "with/data/dev-0.npy").unlink()
    crashed = train(tmp_path / "with", 3, "--user-dir", plugin)
    assert crashed.returncode == 1
    assert "dev-0.npy" in crashed.stderr
    assert only_run(tmp_path / "with/store").status == "failed"
    ingest(tmp_path / "with", tmp_path / "crashed")
    assert only_run(tmp_path / "crashed").status == "failed"


def test_each_job_of_hydra_s_multirun_is_a_run_and_a_crash_that_is_suppressed_is_failed(
    plugin: str, tmp_path: Path
) -> None:
    for name in ("whole", "damaged"):
        assert python(tmp_path, str(TINY / "make_audio.py"), name).returncode == 0
    (tmp_path / "damaged" / "valid-1.wav").unlink()
    done = python(
        tmp_path, str(TINY / "run_fairseq.py"), "hydra_train", "--multirun", "--config-dir", str(TINY), "--config-name", "wav2vec2",
        f"task.data={tmp_path}/whole,{tmp_path}/damaged", f"common.user_dir={plugin}", "common.suppress_crashes=true",
        f"hydra.sweep.dir={tmp_path}/outputs",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    runs = [RunView.read(each) for each in (tmp_path / "store" / "runs").iterdir()]
    first, second = sorted(runs, key=lambda each: each.created_at or 0.0)
    assert [point["step"] for point in first.history("train/loss")] == [1, 2, 3]
    assert (first.status, first.identity["name"]) == ("finished", "0")
    assert (second.status, second.identity["name"]) == ("failed", "1")
    assert "valid-1.wav" in str(second.status_reason)


def test_of_the_processes_that_fairseq_starts_for_several_devices_one_writes(plugin: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert python(tmp_path, str(TINY / "make_data.py"), "data").returncode == 0
    done = python(
        tmp_path, str(TINY / "run_fairseq.py"), "train", "data", *MODEL, "--max-epoch", "2", "--user-dir", plugin,
        "--distributed-world-size", "2", "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp",
        "--distributed-init-method", f"tcp://127.0.0.1:{port}", DEVICES="2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "was skipped" not in done.stderr
    run = only_run(tmp_path / "store")
    assert (run.status, run.problems, len(run.segments())) == ("finished", [], 1)
    assert run.speech["training"]["devices"] == 2
    (tmp_path / "train.log").write_text(done.stdout + done.stderr)
    ingest(tmp_path, tmp_path / "ingested")  # both ranks log
    read = only_run(tmp_path / "ingested")
    assert [point["step"] for point in read.history("train/loss")] == [1, 2]
    assert [(point["step"], point["value"]) for point in run.history("train/loss")] == [
        (point["step"], pytest.approx(point["value"], rel=1e-5)) for point in read.history("train/loss")
    ]
