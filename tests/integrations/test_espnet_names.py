"""What of the ESPnet adapter needs no ESPnet."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from speech_tracker.integrations.espnet.facts import sample_rate, speech
from speech_tracker.integrations.espnet.names import metrics, without_empty


def test_values_of_steps_and_means_of_epochs_have_names_of_their_own() -> None:
    stats = {"loss": 2.0, "optim0_lr0": 0.1, "grad_norm": 3.0, "total_count": 9}
    assert metrics("train", stats) == {"train/loss": 2.0, "train/learning_rate": 0.1, "train/gradient_norm": 3.0}
    assert metrics("train", stats, epoch_means=True) == {
        "train/loss_epoch": 2.0, "train/learning_rate_epoch": 0.1, "train/gradient_norm_epoch": 3.0,
    }  # fmt: skip


def test_what_a_model_does_not_compute_is_no_curve_and_a_loss_that_is_no_number_is_one() -> None:
    nan = float("nan")
    valid = {"loss": nan, "acc": nan, "wer": nan, "loss_ctc": 2.0, "time": timedelta(seconds=1)}  # of a CTC model
    stages = {"train": {"loss": 3.0, "loss_ctc": 3.0}, "valid": valid}
    assert set(without_empty(stages, [valid])) == {"loss", "loss_ctc", "time"}
    assert set(without_empty(stages, [valid, {"wer": 0.5}])) == {"loss", "wer", "loss_ctc", "time"}


def test_memory_of_a_gpu_is_the_systems_and_times_are_seconds() -> None:
    stats = {"time": timedelta(minutes=2), "gpu_max_cached_mem_GB": 7.5, "bleu": 1.5, "wer_asr": 0.25}
    assert metrics("valid", stats) == {
        "valid/epoch_seconds": 120.0, "system/gpu_max_cached_mem_gb": 7.5, "valid/bleu_teacher_forced": 1.5,
        "valid/wer_asr_teacher_forced": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(("written", "rate"), [("8k", 8000), (44100, 44100), ("22.05k", 22050), (None, 16000)])
def test_sample_rates_are_read_as_espnet_writes_them(written: object, rate: int) -> None:
    assert sample_rate({"frontend_conf": {"fs": written}}) == rate


def test_the_vocabulary_is_lifted_from_a_configuration_that_says_little() -> None:
    lifted = speech({"encoder": "conformer", "token_list": ["<blank>", "a"], "specaug": None}, task="asr")
    assert (lifted.model.encoder, lifted.model.vocabulary_size) == ("conformer", 2)
    assert lifted.augmentation.spec_augment is False


def test_without_espnet_the_package_is_imported_and_only_following_needs_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['espnet2'] = None\n"
        "import speech_tracker.integrations.espnet as st\n"
        "import speech_tracker.integrations.espnet.facts, speech_tracker.integrations.espnet.checkpoints\n"
        "import speech_tracker.integrations.espnet.names, speech_tracker.integrations.espnet.decoded\n"
        "import speech_tracker.integrations.espnet.inference, speech_tracker.integrations.espnet.__main__\n"
        "st.install()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "MissingExtraError: espnet2.tasks.abs_task is needed to follow its trainings" in done.stderr
