"""What the SpeechBrain adapter says of a recipe: names, units, manifests, augmentation, options. Without SpeechBrain."""

from __future__ import annotations

import doctest
import functools
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.integrations.speechbrain import data_sets
from speech_tracker.integrations.speechbrain.configuration import configuration
from speech_tracker.integrations.speechbrain.description import speech
from speech_tracker.integrations.speechbrain.names import checkpoint_metrics, meta_metrics, stage_metrics
from speech_tracker.integrations.speechbrain.options import Options, wandb_options


@pytest.mark.parametrize("name", ["names", "data_sets", "options"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"speech_tracker.integrations.speechbrain.{name}"))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize(
    ("key", "value", "name", "ours"),
    [
        ("WER", 58.0, "valid/wer", 0.58),
        ("CER", 110.0, "valid/cer", 1.1),
        ("PER", 12.5, "valid/per", 0.125),
        ("WER_ctc", 40.0, "valid/wer_ctc", 0.4),
        ("loss", 58.0, "valid/loss", 58.0),
        ("ACC", 0.97, "valid/acc", 0.97),  # AccuracyStats gives a fraction
        ("ErrorRate", 0.03, "valid/errorrate", 0.03),  # and so does the mean of classification errors
        ("valid loss", 3.0, "valid/loss", 3.0),
        ("perplexity", 8.0, "valid/perplexity", 8.0),
    ],
)
def test_error_rates_are_percent_and_everything_else_is_taken_as_it_is(
    key: str, value: float, name: str, ours: float
) -> None:
    assert stage_metrics("valid", {key: value}) == {name: pytest.approx(ours)}


def test_a_rate_that_the_recipe_divided_is_told_by_what_speechbrain_computed() -> None:
    assert stage_metrics("valid", {"WER": 0.58}, percents=[58.0]) == {"valid/wer": 0.58}
    assert stage_metrics("valid", {"WER": 0.58}, percents=[0.58]) == {"valid/wer": pytest.approx(0.0058)}
    assert stage_metrics("valid", {"WER": 0.0}, percents=[0.0]) == {"valid/wer": 0.0}


def test_means_of_epochs_are_told_from_steps_and_learning_rates_are_neither() -> None:
    stats = {"loss": 2.0, "lr": 0.1, "acc": 0.5}
    of_epoch = stage_metrics("train", stats)
    assert of_epoch == {"train/loss_epoch": 2.0, "train/learning_rate": 0.1, "train/acc_epoch": 0.5}
    assert set(stage_metrics("train", stats, of_step=True)) == {"train/loss", "train/learning_rate", "train/acc"}
    assert meta_metrics({"Epoch": 1, "steps": 9, "lr_model": 0.1, "optimizer": "Adam"}) == {
        "train/learning_rate_model": 0.1
    }


def test_the_meta_of_a_checkpoint_is_what_was_measured_with_it() -> None:
    meta = {"WER": 58.0, "loss": 1.5, "epoch": 3, "unixtime": 1.7e9, "end-of-epoch": True}
    assert checkpoint_metrics(meta) == {"valid/wer": 0.58, "valid/loss": 1.5}


@pytest.mark.parametrize(
    ("hparams", "number", "name"),
    [
        ({"test_wer_file": "out/wer_test-clean.txt", "test_csv": ["a.csv"]}, 0, "test-clean"),
        ({"test_wer_file": "out/wer.txt", "test_csv": ["a.csv", "b.csv"]}, 1, "b"),
        ({"test_json": "dev.json"}, 0, "dev"),
        ({"test_csv": {"clean": "x/clean.csv", "other": "x/other.csv"}}, 1, "other"),
        ({"test_annotation": "t.json"}, 1, "test_2"),
        ({}, 0, "test"),
    ],
)
def test_a_test_set_is_called_by_its_file_or_its_manifest(hparams: dict[str, Any], number: int, name: str) -> None:
    assert data_sets.name_of_test_set(hparams, number) == name


def test_a_filtered_data_set_counts_what_it_kept() -> None:
    rows = {str(each): {"duration": 3600, "spk_id": f"s{each}", "wav": f"{each}.wav"} for each in range(4)}

    class Filtered:
        data, data_ids = rows, ["0", "2"]

        def __len__(self) -> int:
            return len(self.data_ids)

    loader = SimpleNamespace(dataset=Filtered())
    assert data_sets.size(loader) == {"utterances": 2, "hours": 2.0, "speakers": 2}
    assert data_sets.speakers(loader) == {"0": "s0", "2": "s2"}
    assert data_sets.audio(loader) == {"0": "0.wav", "2": "2.wav"}
    assert data_sets.size([1, 2, 3]) == {"utterances": 3}


def test_the_version_of_a_manifest_follows_its_content(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("ID,duration\na,1\n")
    first = data_sets.version(path)
    path.write_text("ID,duration\na,2\n")
    assert first != data_sets.version(path)
    assert data_sets.version(tmp_path / "missing.csv") is None


def test_augmentation_is_known_by_its_classes_whatever_they_are_called() -> None:
    config = {
        "my_masks": {"_tag": "!new:speechbrain.augment.freq_domain.SpectrogramDrop", "dim": 1},
        "faster": {"_tag": "!new:speechbrain.augment.time_domain.SpeedPerturb", "speeds": [90, 100, 110]},
        "deep": [{"_tag": "!new:speechbrain.augment.time_domain.AddNoise"}],
        "run_options": {"precision": "bf16", "max_grad_norm": 3.0},
    }
    described = speech(config, None, "asr", "1.1.2")
    assert described.augmentation.spec_augment is True
    assert described.augmentation.speed_perturbation == (0.9, 1.0, 1.1)
    assert described.augmentation.noise is True
    assert described.augmentation.rir is None
    assert (described.training.precision, described.training.gradient_clip) == ("bf16-mixed", 3.0)


def test_hparams_that_were_never_written_are_described_by_their_classes() -> None:
    hparams = {"lr": 0.1, "opt_class": functools.partial(dict, lr=0.1), "encoder": Path("x"), "output_folder": None}
    brain = SimpleNamespace(hparams=SimpleNamespace(**hparams), precision="fp32")
    found = configuration(brain)
    assert found["opt_class"] == {"_tag": "!name:builtins.dict", "lr": 0.1}
    assert found["encoder"]["_tag"].startswith("!new:pathlib")
    assert found["run_options"] == {"precision": "fp32"}


@pytest.mark.parametrize(
    ("options", "more", "said"),
    [({"task": "asrr"}, {}, "asrr"), ({"mode": "of line"}, {}, "of line"), ({}, {"steps": -1}, "-1"), ({}, {"steps": True}, "True")],
)  # fmt: skip
def test_wrong_options_are_refused(options: dict[str, Any], more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        Options(options, **more)


def test_what_a_recipe_tells_wandb_is_taken_over_and_it_is_sent_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("SPEECH_TRACKER_MODE", raising=False)
    initializer = functools.partial(print, project="asr", entity="lab", reinit=True)
    assert wandb_options(initializer, {"resume": "allow", "id": "x1"}) == {
        "project": "asr",
        "entity": "lab",
        "id": "x1",
        "mode": "online",
    }
    assert wandb_options(initializer, {"mode": "offline"})["mode"] == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert "mode" not in wandb_options(initializer, {})


def test_durations_are_read_by_either_of_the_names_that_speechbrain_gives_them() -> None:
    rows = {"u1": {"length": 1.5, "spk": "a"}, "u2": {"length": "2.5", "spk": "b"}}
    data = SimpleNamespace(data=rows, data_ids=list(rows))
    assert data_sets.size(data) == {"hours": pytest.approx(4 / 3600), "speakers": 2}
    rows["u2"]["length"] = ""  # then nobody knows the whole
    assert data_sets.size(data) == {"speakers": 2}
