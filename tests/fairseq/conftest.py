"""Made experiments in Fairseq's formats, and ways to ingest them."""

from __future__ import annotations

import json
import os
import time

import pytest


@pytest.fixture
def toolkit():
    """What `ingest` is asked for."""
    return "fairseq"


class TrainingLog:
    """The text of a training log, in the words of Fairseq 0.12.2.

    Args:
        save_dir: of the training.
        style: ``json`` or ``simple``.
        hydra: whether the headers are Hydra's.
        resumed: updates of the checkpoint that is loaded; None to begin with nothing.
        valid: validation subsets.
    """

    def __init__(self, save_dir, *, style="json", hydra=False, resumed=None, valid="dev-other", day="2024-03-02"):
        self.style, self.hydra, self.day, self.save_dir = style, hydra, day, save_dir
        self.valid = valid.split(",")
        self.lines = []
        self.seconds = 0
        config = {
            "_name": None,
            "common": {"_name": None, "log_format": style, "seed": 7, "fp16": True},
            "dataset": {"train_subset": "train-360", "valid_subset": valid},
            "optimization": {"lr": [3e-05], "update_freq": [2], "max_update": 80000},
            "checkpoint": {"save_dir": str(save_dir), "best_checkpoint_metric": "wer"},
            "model": {"_name": "hubert_ctc", "w2v_path": "/elsewhere/base/checkpoint_1.pt"},
            "task": {"_name": "hubert_pretraining", "data": "data", "fine_tuning": True, "sample_rate": 16000},
            "optimizer": {"_name": "adam"},
        }
        self.say("fairseq_cli.train", repr(config))
        self.say("fairseq_cli.train", "task: HubertPretrainingTask")
        self.say("fairseq_cli.train", "num. shared model params: 94,400,160 (num. trained: 94,000,000)")
        self.say("fairseq_cli.train", "training on 4 devices (GPUs/TPUs)")
        last = f"{save_dir}/checkpoint_last.pt"
        if resumed is None:
            self.say("fairseq.trainer", f"No existing checkpoint found {last}")
        else:
            self.say("fairseq.trainer", f"Loaded checkpoint {last} (epoch 2 @ {resumed} updates)")

    def say(self, logger, message):
        self.seconds += 1
        moment = f"{self.day} 10:{self.seconds // 60:02d}:{self.seconds % 60:02d}"
        header = f"[{moment},123][{logger}][INFO] - " if self.hydra else f"{moment} | INFO | {logger} | "
        self.lines.append(header + message)
        return self

    def updates(self, step, loss, epoch=1):
        values = {"loss": f"{loss}", "num_updates": f"{step}", "lr": "3e-05", "gnorm": "1.5"}
        if self.style == "json":
            return self.say("train_inner", json.dumps({"epoch": epoch, "update": 0.5, **values}))
        said = ", ".join(f"{key}={value}" for key, value in values.items())
        return self.say("train_inner", f"epoch {epoch:03d}: {step:6d} / 100 {said}")

    def validation(self, step, wer, epoch=1, subset=None):
        subset = subset or self.valid[0]
        values = {"loss": "60.5", "wer": f"{wer}", "num_updates": f"{step}"}
        if self.style == "json":
            return self.say(subset, json.dumps({"epoch": epoch, **{f"{subset}_{k}": v for k, v in values.items()}}))
        said = " | ".join(f"{key} {value}" for key, value in values.items())
        return self.say(subset, f"epoch {epoch:03d} | valid on '{subset}' subset | {said}")

    def epoch(self, step, loss, epoch=1):
        if self.style == "json":
            content = {"epoch": epoch, "train_loss": f"{loss}", "train_num_updates": f"{step}", "train_train_wall": "9"}
            self.say("train", json.dumps(content))
        else:
            self.say("train", f"epoch {epoch:03d} | loss {loss} | num_updates {step} | train_wall 9")
        name = f"{self.save_dir}/checkpoint{epoch}.pt"
        said = f"Saved checkpoint {name} (epoch {epoch} @ {step} updates, score 39.677) (writing took 1.5 seconds)"
        return self.say("fairseq.checkpoint_utils", said)

    def done(self):
        return self.say("fairseq_cli.train", "done training in 120.5 seconds")

    def add(self, *lines):
        self.lines += lines
        return self

    def text(self):
        return "".join(f"{line}\n" for line in self.lines)


@pytest.fixture
def training_log():
    """Makes the text of a training log."""
    return TrainingLog


@pytest.fixture
def grow_old():
    """Make a file look as if nobody had written to it for a day."""

    def change(path):
        long_ago = time.time() - 86_400
        os.utime(path, (long_ago, long_ago))
        return path

    return change
