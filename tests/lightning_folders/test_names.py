"""Columns get the names that the callback gives the same values."""

from __future__ import annotations

import pytest

from speech_tracker.integrations.lightning.checkpoint_names import parse_checkpoint_name
from speech_tracker.integrations.lightning.columns import column_of, metric_name, stage_of


@pytest.mark.parametrize(("column", "stage", "whole_epoch", "name"), [
    ("train_loss_step", "train", False, "train/loss"),
    ("train_loss", "train", False, "train/loss"),
    ("train_loss_epoch", "train", True, "train/loss_epoch"),
    ("train_loss", "train", True, "train/loss_epoch"),
    ("loss", "train", False, "train/loss"),
    ("weight_norm", "train", True, "train/weight_norm"),
    ("val_loss", "valid", False, "valid/loss"),
    ("val_loss_epoch", "valid", False, "valid/loss"),
    ("val_loss_step", "valid", False, None),
    ("wer", "valid", False, "valid/wer"),
    ("val/WER", "valid", False, "valid/wer"),
    ("val_wer/dataloader_idx_1", "valid", False, "valid/1/wer"),
    ("val_loss_epoch/dataloader_idx_0", "valid", False, "valid/0/loss"),
    ("test_wer", "test", False, "test/wer"),
    ("test_cer/dataloader_idx_0", "test", False, "test/0/cer"),
    ("lr-AdamW", "train", False, "train/learning_rate"),
    ("lr-AdamW/pg2", "train", False, "train/learning_rate_0_1"),
    ("lr-AdamW-1", "train", False, "train/learning_rate_1_0"),
    ("lr-SGD-weight_decay", "train", False, "train/weight_decay"),
    ("optim/scale", "train", False, "optim/scale"),
    ("footstep_step", "train", False, "train/footstep"),
    ("_step", "train", False, "train/_step"),
])  # fmt: skip
def test_a_column_is_called_as_by_the_callback(column, stage, whole_epoch, name):
    assert metric_name(column_of(column), stage, whole_epoch=whole_epoch) == name


@pytest.mark.parametrize(("names", "stage"), [
    (["loss"], "train"),
    (["val_loss", "wer"], "valid"),
    (["dev/wer"], "valid"),
    (["wer/test"], "test"),
    (["train_loss", "val_loss"], "train"),
    (["lr-Adam"], "train"),
    (["validity"], "train"),
    (["testament", "trainable"], "train"),
])  # fmt: skip
def test_a_row_is_of_the_loop_that_its_columns_name(names, stage):
    assert stage_of(names) == stage


@pytest.mark.parametrize(("name", "epoch", "step", "metrics", "is_last"), [
    ("epoch=3-step=400.ckpt", 3, 400, (), False),
    ("epoch=02-val_loss=0.32.ckpt", 2, None, (("val_loss", 0.32),), False),
    ("epoch=2-step=30-v1.ckpt", 2, 30, (), False),
    ("digits-epoch=7-val_wer=1.2e-3.ckpt", 7, None, (("val_wer", 0.0012),), False),
    ("epoch=1-val_loss=-0.50.ckpt", 1, None, (("val_loss", -0.5),), False),
    ("last.ckpt", None, None, (), True),
    ("last-v2.ckpt", None, None, (), True),
    ("best.ckpt", None, None, (), False),
])  # fmt: skip
def test_the_name_of_a_checkpoint_says_where_it_was_saved(name, epoch, step, metrics, is_last):
    found = parse_checkpoint_name(name)
    assert (found.epoch, found.step, found.metrics, found.is_last) == (epoch, step, metrics, is_last)
    assert parse_checkpoint_name(name.removesuffix(".ckpt") + ".pth") is None
