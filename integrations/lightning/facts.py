"""What a Trainer says about the experiment: values in, values out, nothing is recorded here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech_tracker.integrations import torch_facts
from speech_tracker.lift import lift
from speech_tracker.precision import precision_name

_TRAINER = (
    "max_epochs", "max_steps", "min_epochs", "precision", "accumulate_grad_batches", "gradient_clip_val",
    "gradient_clip_algorithm", "val_check_interval", "check_val_every_n_epoch", "log_every_n_steps", "num_devices",
    "num_nodes", "world_size", "limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches",
)  # fmt: skip


def configuration(trainer: Any, module: Any) -> dict[str, Any]:
    """Return the module's hyperparameters as they are, those of the data module, and the trainer's settings."""
    config = dict(getattr(module, "hparams", None) or {})
    data = dict(getattr(trainer.datamodule, "hparams", None) or {}) if trainer.datamodule is not None else {}
    if data:
        config["datamodule"] = data
    config["trainer"] = {
        **{name: value for name in _TRAINER if (value := getattr(trainer, name, None)) is not None},
        "strategy": type(trainer.strategy).__name__,
        "accelerator": type(trainer.accelerator).__name__,
    }
    return config


def speech(trainer: Any, module: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description in the speech vocabulary: what the Trainer knows for certain over what names suggest."""
    groups: dict[str, Any] = lift({key: value for key, value in config.items() if key != "trainer"})
    framework = type(trainer).__module__.partition(".")[0]
    package = __import__(framework)
    sure: dict[str, Any] = {
        "max_epochs": _limit(trainer.max_epochs),
        "max_steps": _limit(trainer.max_steps),
        "accumulation": trainer.accumulate_grad_batches,
        "gradient_clip": trainer.gradient_clip_val,
        "precision": precision_name(str(trainer.precision)),
        "devices": trainer.world_size,
        "seed": _number(os.environ.get("PL_GLOBAL_SEED")),
    }
    if trainer.optimizers:
        sure["optimizer"] = type(trainer.optimizers[0]).__name__.lower()
        group = trainer.optimizers[0].param_groups[0]
        sure["learning_rate"] = float(group.get("initial_lr", group["lr"]))
    if trainer.lr_scheduler_configs:
        sure["schedule"] = type(trainer.lr_scheduler_configs[0].scheduler).__name__
    training = groups.get("training", {})
    training.update({key: value for key, value in sure.items() if value is not None})
    model = torch_facts.model_facts(module)
    model["type"] = groups.get("model", {}).get("type") or model["type"]
    return {
        **groups,
        "toolkit": "lightning",
        "toolkit_version": package.__version__,
        "model": {**groups.get("model", {}), **model},
        "training": training,
    }


def experiment_folder(trainer: Any) -> Path | None:
    """Return a folder that is this experiment's alone, None when there is none.

    That of a logger that makes one for each start, else the ``dirpath`` that the recipe gave its ModelCheckpoint (to be
    asked before Lightning replaces a missing one). Never ``default_root_dir``, which is the working folder by default.
    """
    for logger in trainer.loggers:
        if type(logger).__name__ in ("TensorBoardLogger", "CSVLogger"):
            return Path(logger.log_dir)
    for callback in trainer.checkpoint_callbacks:
        if getattr(callback, "dirpath", None):
            return Path(callback.dirpath)
    return None


def _limit(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
