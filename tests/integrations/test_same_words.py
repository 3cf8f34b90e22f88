"""Four toolkits, one vocabulary: real trainings of three on the same data, and an ingested tree of the fourth."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.cli import main

# looked for, not imported: the trainings run in processes of their own
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec(toolkit) is None, reason=f"{toolkit} is not installed")
    for toolkit in ("lightning", "speechbrain", "espnet2", "soundfile")
]

HERE = Path(__file__).parent
WORDS = HERE / "same_words"
MAKE_TREE = HERE.parent.parent / "recipes" / "kaldi_ingest" / "make_tree.py"
LIVE = ("lightning", "speechbrain", "espnet")
KALDI = "chain/tdnn1a"

OF_ALL = {
    "task", "toolkit", "toolkit_version",
    "model.type", "model.encoder", "model.encoder_layers", "model.parameters", "model.vocabulary_size",
    "data.train_utterances", "data.train_hours", "data.train_speakers",
    "features.type", "features.sample_rate", "features.n_mels", "features.window_ms", "features.hop_ms",
}  # fmt: skip
"""What the configuration, the data or the model of every toolkit says."""

OF_TRAININGS = OF_ALL | {
    "model.trainable_parameters", "model.token_type", "data.valid_utterances", "data.datasets", "features.n_fft",
    "augmentation.spec_augment", "augmentation.speed_perturbation",
    "training.optimizer", "training.learning_rate", "training.batch_size", "training.accumulation",
    "training.max_epochs", "training.seed", "training.precision", "training.gradient_clip", "training.devices",
}  # fmt: skip
"""What is known besides of a training that was followed."""

EQUAL = {
    "task": "asr",
    "model.encoder": "transformer",
    "model.encoder_layers": 1,
    "model.token_type": "char",
    "data.train_utterances": 12,
    "data.train_hours": pytest.approx(12 * 0.8 / 3600),
    "data.train_speakers": 2,
    "data.valid_utterances": 4,
    "data.datasets": ["train_sp"],
    "features.type": "fbank",
    "features.sample_rate": 16000,
    "features.n_mels": 80,
    "features.n_fft": 400,
    "features.window_ms": 25.0,
    "features.hop_ms": 10.0,
    "augmentation.spec_augment": True,
    "augmentation.speed_perturbation": [0.9, 1.0, 1.1],
    "training.optimizer": "adam",
    "training.learning_rate": 0.003,
    "training.batch_size": 4,
    "training.accumulation": 1,
    "training.max_epochs": 2,
    "training.seed": 3,
    "training.precision": "fp32",
    "training.gradient_clip": 5.0,
    "training.devices": 1,
}
"""What is the same in the three trainings has the same value, whatever unit and name the toolkit has for it."""

CURVES = {"train/loss": 6, "train/learning_rate": 6, "train/loss_epoch": 2, "valid/loss": 2}
"""Metrics of every training → their number of points: twelve utterances by four make three steps in each of two epochs."""


def python(folder: Path, *arguments: str) -> None:
    environment = {
        **os.environ, "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_DIR": str(folder / "store"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # to compile ESPnet takes longer than to train here
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "was skipped" not in done.stderr, done.stderr[-3000:]


def espnet(folder: Path) -> None:
    wrapper = ("-m", "speech_tracker.integrations.espnet", "-m")
    options = [
        "--ngpu", "0", "--config", str(WORDS / "espnet.yaml"), "--use_preprocessor", "true", "--token_type", "char",
        "--token_list", "data/tokens.txt", "--output_dir", "exp/espnet",
        "--train_shape_file", "data/train_sp/wav.scp", "--valid_shape_file", "data/dev/wav.scp",
    ]  # fmt: skip
    for split, name in (("train", "train_sp"), ("valid", "dev")):
        for kind in ("wav.scp,speech,sound", "text,text,text"):
            options += [f"--{split}_data_path_and_name_and_type", f"data/{name}/{kind}"]
    python(folder, *wrapper, "espnet2.bin.asr_train", *options)
    log = folder / "exp/espnet/decode/test/logdir"
    log.mkdir(parents=True)
    shutil.copy(folder / "data/test/wav.scp", log / "keys.1.scp")
    python(
        folder, *wrapper, "espnet2.bin.asr_inference", "--ngpu", "0",
        "--data_path_and_name_and_type", "data/test/wav.scp,speech,sound", "--key_file", str(log / "keys.1.scp"),
        "--asr_train_config", "exp/espnet/config.yaml", "--asr_model_file", "exp/espnet/valid.acc.ave.pth",
        "--output_dir", str(log / "output.1"), "--beam_size", "1", "--ctc_weight", "0.3", "--maxlenratio", "-6",
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One corpus, three trainings, one Kaldi tree, and the store with the runs of all."""
    folder = tmp_path_factory.mktemp("words")
    python(folder, str(HERE / "espnet_tiny" / "make_data.py"))
    python(folder, str(WORDS / "corpus.py"))
    python(folder, str(WORDS / "train_lightning.py"))
    shutil.copy(WORDS / "hparams.yaml", folder)
    python(folder, str(WORDS / "train_speechbrain.py"), "hparams.yaml", "--noprogressbar")
    espnet(folder)
    python(folder, str(MAKE_TREE), str(folder / "kaldi" / "s5"))
    python(folder, "-m", "speech_tracker.cli", "ingest", "kaldi", "kaldi/s5", "--mode", "local")
    return folder


@pytest.fixture
def runs(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, dict[str, Any]]:
    """Name of each run → what `show --json` says of it."""
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(trained / "store"))
    found = {}
    for run in sorted((trained / "store" / "runs").iterdir()):
        assert main(["show", run.name, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        found[shown["name"]] = shown
    return found


def flat(groups: dict[str, Any]) -> dict[str, Any]:
    """``{"model": {"type": …}}`` as ``{"model.type": …}``."""
    found = {}
    for key, value in groups.items():
        found.update(
            {f"{key}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {key: value}
        )
    return found


def test_what_every_toolkit_knows_stands_under_the_same_keys(runs: dict[str, dict[str, Any]]) -> None:
    speech = {name: flat(run["speech"]) for name, run in runs.items()}
    # the egs of a chain model do not name their data: the model that it was aligned with does
    speech[KALDI] = {
        **{key: value for key, value in speech["tri1"].items() if key.startswith("data.")},
        **speech[KALDI],
    }
    assert {name: OF_ALL - speech[name].keys() for name in (*LIVE, KALDI)} == {name: set() for name in (*LIVE, KALDI)}
    types = {key: {type(speech[name][key]) for name in (*LIVE, KALDI)} for key in OF_ALL}
    assert {key: kinds for key, kinds in types.items() if len(kinds) > 1} == {}


def test_what_every_followed_training_knows_stands_under_the_same_keys_with_the_same_values(
    runs: dict[str, dict[str, Any]],
) -> None:
    speech = {name: flat(runs[name]["speech"]) for name in LIVE}
    assert {name: OF_TRAININGS - speech[name].keys() for name in LIVE} == {name: set() for name in LIVE}
    for name in LIVE:
        assert {key: speech[name][key] for key in EQUAL} == EQUAL, name
        assert speech[name]["toolkit"] == name


def test_metrics_have_the_same_names_and_as_many_points(runs: dict[str, dict[str, Any]]) -> None:
    for name in LIVE:
        metrics = runs[name]["metrics"]
        assert {key: metrics[key]["count"] for key in CURVES} == CURVES, name
    assert "train/learning_rate" in runs[KALDI]["metrics"]
    # what is measured by giving the decoder the right history is never called an error rate
    assert "valid/wer" not in runs["espnet"]["metrics"]


def test_error_rates_are_fractions_of_the_words_of_the_test_set(runs: dict[str, dict[str, Any]]) -> None:
    for name in (*LIVE, KALDI):
        (evaluation,) = [
            each for each in runs[name]["evaluations"] if (each["test_set"], each["unit"]) == ("test", "word")
        ]
        counts = evaluation["counts"]
        errors = counts["substitutions"] + counts["deletions"] + counts["insertions"]
        assert evaluation["wer"] == pytest.approx(errors / counts["reference_length"])
        if name in LIVE:
            assert counts["reference_length"] == 8
        curve = runs[name]["metrics"].get("test/test/wer")
        assert curve is None or curve["last"] == pytest.approx(evaluation["wer"])


def test_one_query_ranks_them_all_by_the_error_rate_of_the_test_set(
    trained: Path, runs: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--sort", "test/test/wer", "--json", "--store", str(trained / "store")]) == 0
    listed = json.loads(capsys.readouterr().out)
    ranked = [run["name"] for run in listed if run["name"] in (*LIVE, KALDI)]
    rates = {
        name: next(
            each["wer"] for each in runs[name]["evaluations"] if (each["test_set"], each["unit"]) == ("test", "word")
        )
        for name in (*LIVE, KALDI)
    }
    assert [rates[name] for name in ranked] == sorted(rates.values())
    assert ranked[0] == KALDI  # the only one that has learnt anything
