"""The SpeechBrain adapter, with real trainings: what is recorded, however it is attached and however it ends."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech_tracker import guard
from speech_tracker.journal.merge import read_journal
from speech_tracker.testing.capture import Captured, capture
from speech_tracker.testing.contract import AdapterContract, Training
from speech_tracker.view import RunView

# looked for, not imported: the trainings run in processes of their own
pytestmark = pytest.mark.skipif(importlib.util.find_spec("speechbrain") is None, reason="speechbrain is not installed")

TINY = Path(__file__).parent / "speechbrain_tiny"
LOGGER = "speech_tracker.integrations.speechbrain.SpeechTrackerLogger"
OPTION = f"--train_logger=!new:{LOGGER}"
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
Done = subprocess.CompletedProcess


@functools.cache
def warm() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(TINY / "warm.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module", autouse=True)
def _stop_the_warm_process() -> Iterator[None]:
    yield
    if warm.cache_info().currsize:
        process = warm()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(600)
        process.stdout.close()
        warm.cache_clear()


def prepare(folder: Path, follow: str = "logger") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = (TINY / "hparams.yaml").read_text()
    if follow != "logger":  # the recipe as it was before the one word was changed
        recipe = recipe.replace(LOGGER, "speechbrain.utils.train_logger.FileTrainLogger")
        recipe = recipe.replace("    steps: 1\n    gradient_norm: True\n", "")
    if follow == "wandb":  # a recipe for WandBLogger
        recipe = recipe.replace("speechbrain.utils.train_logger.FileTrainLogger", LOGGER)
        its_own = "initializer: !name:wandb.init\n        project: tones\n        group: night\n        reinit: True"
        recipe = recipe.replace("save_file: !ref <train_log>", its_own)
    (folder / "hparams.yaml").write_text(recipe)


def train(folder: Path, *arguments: str, launcher: tuple[str, ...] = (), **variables: str) -> Done[str]:
    """Train in `folder`, in a process of its own: that of `launcher`, or a fork of one that is warm."""
    prepare(folder, variables.get("FOLLOW", "logger"))
    store = {"SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"), "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **store, **variables}
    command = [str(TINY / "train.py"), "hparams.yaml", "--noprogressbar", "--device=cpu", *arguments]
    if launcher:
        return subprocess.run(
            [*launcher, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    for path in (out, err):
        path.write_text("")
    process = warm()
    assert process.stdin is not None
    assert process.stdout is not None
    request = {"argv": command, "cwd": str(folder), "env": environment, "stdout": str(out), "stderr": str(err)}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    ready, _, _ = select.select([process.stdout], [], [], 300)
    assert ready, f"the training did not end within five minutes:\n{err.read_text()}"
    return Done(command, int(process.stdout.readline()), out.read_text(), err.read_text())


def only_run(folder: Path) -> RunView:
    (found,) = (folder / "store" / "runs").iterdir()
    return RunView.read(found)


def seen(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "seen.json").read_text())
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training as a user starts it."""
    folder = tmp_path_factory.mktemp("finished")
    done = train(folder, "--lr=0.03", launcher=(sys.executable,))
    assert done.returncode == 0, done.stderr
    assert seen(folder)["swallowed"] == []
    return folder


def test_the_run_is_finished_and_knows_configuration_and_vocabulary(finished: Path) -> None:
    view = only_run(finished)
    assert view.status == "finished"
    assert view.problems == []
    assert view.config["lr"] == 0.03  # of the command line; the YAML says 0.02
    assert view.config["opt_class"] == {"_tag": "!name:torch.optim.Adam", "lr": 0.03}
    assert view.config["encoder"]["_tag"] == "!new:torch.nn.GRU"
    assert view.config["run_options"]["precision"] == "fp32"
    assert view.speech["toolkit"] == "speechbrain"
    assert view.speech["features"] == {"type": "fbank", "sample_rate": 8000, "n_mels": 16, "n_fft": 200}
    assert view.speech["training"]["optimizer"] == "adam"
    assert view.speech["training"]["learning_rate"] == 0.03
    assert view.speech["training"]["gradient_clip"] == 5.0
    assert view.speech["model"]["parameters"] > 0
    assert view.speech["data"]["test_sets"] == ["test-near", "test-far"]
    assert view.speech["data"]["train_utterances"] == 12
    assert view.speech["augmentation"]["spec_augment"] is True
    assert view.speech["augmentation"]["spec_augment_settings"]["freq_drop"]["drop_length_high"] == 2


def test_epochs_are_recorded_as_fractions_on_the_axis_of_optimizer_steps(finished: Path) -> None:
    view = only_run(finished)
    assert [(point["step"], point["epoch"]) for point in view.history("valid/wer")] == [(3, 1), (6, 2)]
    lines = (finished / "results/tones/train_log.txt").read_text().splitlines()
    epochs = [
        dict(part.split(": ") for part in line.replace(" - ", ", ").split(", ")) for line in lines if "valid" in line
    ]
    assert [round(100 * point["value"], 2) for point in view.history("valid/wer")] == [
        float(epoch["valid WER"]) for epoch in epochs
    ]
    assert [round(point["value"], 2) for point in view.history("train/loss_epoch")] == [
        float(epoch["train loss"]) for epoch in epochs
    ]


def test_steps_are_recorded_where_they_are_asked_for_and_average_to_the_loss_of_the_epoch(finished: Path) -> None:
    view = only_run(finished)
    losses = view.history("train/loss")
    assert [point["step"] for point in losses] == [1, 2, 3, 4, 5, 6]
    assert [point["epoch"] for point in losses] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])
    whole = view.history("train/loss_epoch")
    assert whole[0]["value"] == pytest.approx(sum(point["value"] for point in losses[:3]) / 3)
    assert [point["step"] for point in view.history("train/learning_rate")] == [1, 2, 3, 4, 5, 6]
    assert view.history("train/learning_rate")[0]["value"] == 0.03
    assert [point["step"] for point in view.history("train/gradient_norm")] == [1, 2, 3, 4, 5, 6]
    assert view.metrics["train/gradient_norm"]["min"] > 0
    assert view.metrics["train/audio_seconds_per_second"]["min"] > 0


def test_each_test_set_is_an_evaluation_with_speakers_under_its_own_name(finished: Path) -> None:
    view = only_run(finished)
    tested = [each for each in view.evaluations if each["test_set"] != "valid"]
    assert [(each["test_set"], each["unit"]) for each in tested] == [
        (name, unit) for name in ("test-near", "test-far") for unit in ("word", "char")
    ]
    words = {each["test_set"]: each for each in tested if each["unit"] == "word"}
    assert words["test-far"]["counts"]["utterances"] == 6
    assert {row["speaker_id"] for row in words["test-far"]["speakers"]} == {"speaker0", "speaker1"}
    kept = {path.name for path in (finished / "results/tones/save").iterdir()}
    for each in tested:
        rate = "wer" if each["unit"] == "word" else "cer"  # ours, aligned anew, and SpeechBrain's are the same
        assert each[rate] == pytest.approx(view.metrics[f"test/{each['test_set']}/{rate}"]["last"])
        assert Path(each["checkpoint"]).name in kept
        assert (view.folder / each["file"]).stat().st_size > 0


def test_validations_are_evaluations_too_where_they_are_the_best_so_far(finished: Path) -> None:
    view = only_run(finished)
    first = next(each for each in view.evaluations if each["test_set"] == "valid" and each["unit"] == "word")
    assert first["step"] == 3
    assert first["wer"] == pytest.approx(view.history("valid/wer")[0]["value"])
    assert first["counts"]["utterances"] == 4


def test_checkpoints_are_recorded_with_their_meta_and_which_is_best_by_what(finished: Path) -> None:
    view = only_run(finished)
    kept = {path.name for path in (finished / "results/tones/save").iterdir()}
    assert {Path(each["path"]).name for each in view.checkpoints if not each["deleted"]} == kept
    assert len(view.checkpoints) == 2
    (best,) = [each for each in view.checkpoints if each["best"]]
    assert best["metadata"]["chosen_by"] == "min WER"
    saved = [record.data for record in view.records("checkpoint") if record.data["action"] == "saved"]
    assert [each["step"] for each in saved] == [3, 6]
    for each, point in zip(saved, view.history("valid/wer"), strict=True):
        assert each["metrics"]["valid/wer"] == point["value"] == each["metadata"]["meta"]["WER"] / 100
    lowest = min(point["value"] for point in view.history("valid/wer"))
    assert best["metadata"]["value"] == pytest.approx(100 * lowest)


def test_data_sets_are_recorded_with_manifest_hours_and_speakers(finished: Path) -> None:
    sets = {each["split"]: each for each in only_run(finished).datasets}
    manifests = {
        "train": "train.csv",
        "valid": "valid.json",
        "test/test-near": "test-near.csv",
        "test/test-far": "test-far.csv",
    }
    assert {split: each["manifest"] for split, each in sets.items()} == manifests
    assert {split: each["utterances"] for split, each in sets.items()} == dict(
        zip(manifests, (12, 4, 4, 6), strict=True)
    )
    assert sets["train"]["hours"] == pytest.approx(12 * 0.4 / 3600)
    assert sets["valid"]["speakers"] == 2
    assert len({each["version"] for each in sets.values()}) == 4


@pytest.mark.parametrize("way", ["class", "mixin", "call"])
def test_a_base_class_a_mixin_or_a_call_records_the_same(way: str, finished: Path, tmp_path: Path) -> None:
    done = train(tmp_path, "--lr=0.03", FOLLOW=way)
    assert done.returncode == 0, done.stderr
    theirs, ours = only_run(finished), only_run(tmp_path)
    assert ours.status == "finished"
    pick = ("test_set", "unit", "counts", "step")
    assert [[each[key] for key in pick] for each in ours.evaluations] == [
        [each[key] for key in pick] for each in theirs.evaluations
    ]
    assert set(ours.metrics) == set(theirs.metrics)
    for name in (
        "train/loss",
        "train/loss_epoch",
        "train/learning_rate",
        "valid/loss",
        "valid/wer",
        "test/test-far/wer",
    ):
        assert [(point["step"], point["value"]) for point in ours.history(name)] == [
            (point["step"], point["value"]) for point in theirs.history(name)
        ]
    assert len(ours.checkpoints) == len(theirs.checkpoints)


def test_a_second_brain_of_the_recipe_does_not_take_the_place_of_the_one_that_trains(
    finished: Path, tmp_path: Path
) -> None:
    done = train(tmp_path, "--lr=0.03", ANOTHER="1")
    assert done.returncode == 0, done.stderr
    theirs, ours = only_run(finished), only_run(tmp_path)
    assert ours.config == theirs.config
    assert len(ours.evaluations) == len(theirs.evaluations)
    for name in ("train/loss", "train/loss_epoch", "valid/wer"):
        found = [(point["step"], point["value"]) for point in ours.history(name)]
        assert found == [(point["step"], point["value"]) for point in theirs.history(name)]


def test_a_recipe_whose_steps_speechbrain_does_not_count_has_its_curves_by_epochs(tmp_path: Path) -> None:
    done = train(tmp_path, LOOP="own")
    assert done.returncode == 0, done.stderr
    assert train(tmp_path, "--number_of_epochs=3", LOOP="own").returncode == 0  # continued
    view = only_run(tmp_path)
    for name in ("train/loss_epoch", "valid/loss", "valid/wer", "train/learning_rate"):
        assert [(point["step"], point["epoch"]) for point in view.history(name)] == [(1, 1), (2, 2), (3, 3)]


def test_a_recipe_that_says_nothing_has_its_curves_all_the_same(finished: Path, tmp_path: Path) -> None:
    done = train(tmp_path, "--lr=0.03", FOLLOW="call", SILENT="1")
    assert done.returncode == 0, done.stderr
    theirs, ours = only_run(finished), only_run(tmp_path)
    for name in ("train/loss_epoch", "valid/loss", "valid/wer", "valid/cer", "test/test-far/loss"):
        found = [(point["step"], point["value"]) for point in ours.history(name)]
        assert found == [(point["step"], pytest.approx(point["value"])) for point in theirs.history(name)]


def test_the_command_line_can_put_the_logger_into_an_untouched_recipe(tmp_path: Path) -> None:
    done = train(tmp_path, OPTION, FOLLOW="option")
    assert done.returncode == 0, done.stderr
    view = only_run(tmp_path)
    assert view.metrics["valid/wer"]["count"] == 2
    assert view.history("train/learning_rate")[0]["step"] == 3  # no steps: the one that the recipe says with the epoch
    assert "train/loss" not in view.metrics
    assert "valid WER" in (tmp_path / "results/tones/train_log.txt").read_text()


def test_one_word_is_enough_in_a_recipe_for_wandb_too(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    done = train(tmp_path, FOLLOW="wandb")
    assert done.returncode == 0, done.stderr
    view = only_run(tmp_path)
    assert (view.identity["project"], view.identity["experiment"]) == ("tones", "night")
    assert view.metrics["valid/wer"]["count"] == 2


def test_batches_that_make_one_step_together_are_one_point(tmp_path: Path) -> None:
    done = train(tmp_path, "--grad_accumulation_factor=3")
    assert done.returncode == 0, done.stderr
    view = only_run(tmp_path)
    assert view.speech["training"]["accumulation"] == 3
    for name in ("train/loss", "train/loss_epoch"):
        assert [point["step"] for point in view.history(name)] == [1, 2]
    means = [point["value"] for point in view.history("train/loss_epoch")]
    assert [point["value"] for point in view.history("train/loss")] == pytest.approx(means)


def test_a_phone_error_rate_is_no_word_error_rate(tmp_path: Path) -> None:
    done = train(tmp_path, KIND="PER")
    assert done.returncode == 0, done.stderr
    view = only_run(tmp_path)
    assert not [name for name in view.metrics if name.endswith("/wer")]
    phones = {each["test_set"]: each["metrics"] for each in view.evaluations if each.get("kind") == "PhoneErrors"}
    assert set(phones) == {"test-near", "test-far"}
    for name, each in phones.items():
        assert each["per"] == pytest.approx(view.metrics[f"test/{name}/per"]["last"])
    assert view.metrics["valid/per"]["max"] <= 1
    assert [each["metadata"]["chosen_by"] for each in view.checkpoints if each["best"]] == ["min PER"]


def test_a_crash_is_failed_and_the_same_recipe_started_again_continues_the_run(tmp_path: Path) -> None:
    crashed = train(tmp_path, DIE="epoch-1")
    assert crashed.returncode == 1
    assert "the GPU fell off the bus" in crashed.stderr + (tmp_path / "results/tones/log.txt").read_text()
    first = only_run(tmp_path)
    assert (first.status, first.status_reason) == ("failed", "RuntimeError: the GPU fell off the bus")
    raised = next(each["data"] for each in first.events if each["name"] == "exception")
    assert "on_stage_end" in raised["traceback"]
    assert train(tmp_path).returncode == 0
    again = only_run(tmp_path)
    assert again.id == first.id
    assert again.status == "finished"
    assert [(point["step"], point["epoch"]) for point in again.history("train/loss_epoch")] == [(3, 1), (6, 2)]
    assert [point["step"] for point in again.history("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert next(each["data"]["step"] for each in again.events if each["name"] == "resumed") == 3


def test_a_training_that_died_within_an_epoch_goes_on_from_its_checkpoint_there(tmp_path: Path) -> None:
    every_other = "--ckpt_interval_steps=2"
    killed = train(tmp_path, every_other, DIE="kill-5")
    assert killed.returncode == -signal.SIGKILL
    before = only_run(tmp_path)
    assert before.status == "killed"
    assert [point["step"] for point in before.history("train/loss")] == [1, 2, 3, 4, 5]
    partly = [each for each in before.checkpoints if each["metadata"].get("meta", {}).get("end-of-epoch") is False]
    assert partly
    assert train(tmp_path, every_other).returncode == 0
    view = only_run(tmp_path)
    assert (view.id, view.status) == (before.id, "finished")
    resumed = next(each["data"] for each in view.events if each["name"] == "resumed")
    assert resumed["step"] == 5  # the steps that are done again stand once
    assert [point["step"] for point in view.history("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [(point["step"], point["epoch"]) for point in view.history("valid/wer")] == [(3, 1), (6, 2)]


def test_a_crash_is_failed_in_wandb_too_although_the_excepthook_was_replaced(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    home = tmp_path / "wandb-home"
    home.mkdir()
    crashed = train(tmp_path, DIE="epoch-1", SPEECH_TRACKER_MODE="offline", WANDB_DIR=str(home))
    assert crashed.returncode == 1
    assert only_run(tmp_path).status == "failed"
    (folder,) = (each for each in home.rglob("offline-run-*") if each.is_dir())
    assert wandb_file().read(folder).exit_code == 1


def wandb_file() -> Any:
    spec = importlib.util.spec_from_file_location("wandb_file", TINY.parents[1] / "sync" / "wandb_file.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wandb_file"] = module
    spec.loader.exec_module(module)
    return module


def test_two_ranks_make_one_run_without_duplicates(tmp_path: Path) -> None:
    assert train(tmp_path, "--number_of_epochs=0", FOLLOW="none", SILENT="1").returncode == 0  # makes the data
    done = train(tmp_path, "--distributed_backend=gloo", "--output_folder=results/ranks", launcher=TORCHRUN)
    assert done.returncode == 0, done.stderr
    assert seen(tmp_path)["swallowed"] == []
    view = only_run(tmp_path)
    assert view.status == "finished"
    assert view.speech["training"]["devices"] == 2
    assert [segment["rank"] for segment in view.segments()] == [0]
    steps = [point["step"] for point in view.history("train/loss")]
    assert steps == list(range(1, len(steps) + 1))
    assert len(view.history("valid/wer")) == 2
    valid = next(each for each in view.evaluations if each["test_set"] == "valid" and each["unit"] == "word")
    assert valid["counts"]["utterances"] == 4  # SpeechBrain does not share out what is validated on


def test_nothing_of_speechbrain_is_needed_to_import_the_package_and_its_error_names_the_extra() -> None:
    code = """
import sys
import speech_tracker.integrations.speechbrain as adapter
assert not any(name.partition(".")[0] in ("speechbrain", "torch") for name in sys.modules)
sys.modules["speechbrain"] = None
try:
    adapter.track
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "speech-tracker[speechbrain]" in done.stdout


def test_wrong_options_are_refused_when_the_yaml_is_read(tmp_path: Path) -> None:
    done = train(tmp_path, "--train_logger={task: asrr}")
    assert done.returncode == 1
    assert "asrr" in done.stderr
    assert not (tmp_path / "results").exists()


class TestContract(AdapterContract):
    """What is seen only inside of the process of a training, `train.py` writes down; it is passed on here."""

    def train(self, training: Training) -> bytes:
        variables = {"FOLLOW": "logger" if training.tracked else "none"}
        if training.error is not None:
            by_user = isinstance(training.error, KeyboardInterrupt)
            variables |= {"DIE": "interrupt" if by_user else "step-5", "MESSAGE": str(training.error)}
        for name in ("SPEECH_TRACKER_DIR", "SPEECH_TRACKER_MODE"):
            variables[name] = os.environ[name]
        if training.pause:  # this is the process that will be killed
            prepare(training.folder)
            os.environ |= {**variables, "PAUSE": str(training.pause)}
            os.chdir(training.folder)
            sys.argv = [
                str(TINY / "train.py"),
                "hparams.yaml",
                "--noprogressbar",
                "--device=cpu",
                "--number_of_epochs=100000",
            ]
            runpy.run_path(sys.argv[0], run_name="__main__")
        done = train(training.folder, *(["--number_of_epochs=3"] if training.resume else []), **variables)
        found = seen(training.folder)
        for place, error in found["swallowed"]:
            guard.report(place, RuntimeError(error))
        if training.error is not None:
            assert found["raised"] == "unchanged"
            assert done.returncode != 0
            raise training.error
        assert done.returncode == 0, done.stderr
        return (training.folder / "weights.txt").read_bytes()

    def tracker(self) -> Any:
        raise NotImplementedError("it cannot be imported into this process")

    def test_the_tracker_can_be_pickled(self) -> None:
        code = """
import pickle
from speech_tracker.integrations.speechbrain import SpeechTrackerLogger
again = pickle.loads(pickle.dumps(SpeechTrackerLogger("log.txt", steps=3)))
assert type(again) is SpeechTrackerLogger and again.tracker.options.steps == 3
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr

    def test_a_full_disk_changes_nothing_and_loses_nothing(
        self, tmp_path: Path, untracked: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DISK", "8:5")
        with capture(tmp_path) as captured:
            weights = self.train(Training(tmp_path / "experiment"))
        assert seen(tmp_path / "experiment")["hurt"] == 5
        assert weights == untracked
        assert read_journal(captured.run.folder).missing == ()
        assert captured.run.status == "finished"
        assert captured.swallowed == []

    def test_the_text_log_is_the_same_as_speechbrains_own(
        self, finished: tuple[Captured, bytes], tmp_path: Path
    ) -> None:
        train(tmp_path, FOLLOW="none")
        (ours,) = finished[0].store.parent.rglob("train_log.txt")
        assert ours.read_text() == (tmp_path / "results/tones/train_log.txt").read_text()
