"""What a Trainer says about the experiment: values in, values out, nothing is recorded here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speech_tracker.integrations import torch_facts
from speech_tracker.lift import lift
from speech_tracker.metric_names import Stage, standard_name

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
        "precision": str(trainer.precision),
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


def speech_of_loaders(stage: Stage, loaders: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
    """Return what the loaders of a stage add to the description; they are made later than everything else."""
    facts = [torch_facts.loader_facts(loader) for loader in loaders]
    utterances = sum(each["utterances"] for each in facts) if all("utterances" in each for each in facts) else None
    if stage == "test":
        return {"data": {"test_sets": list(labels)}}
    data = {"data": {f"{stage}_utterances": utterances}} if utterances is not None else {}
    sizes = {"training": {"batch_size": facts[0]["batch_size"]}} if facts and "batch_size" in facts[0] else {}
    return {**data, **sizes} if stage == "train" else data


def named_loaders(loaders: Any) -> list[tuple[str | None, Any]]:
    """Return (name, loader) of whatever the Trainer was given: one, a list, or a dictionary, nested as they may be."""
    if loaders is None:
        return []
    if isinstance(loaders, Mapping):
        return [(str(key), each) for key, value in loaders.items() for _, each in named_loaders(value)]
    if isinstance(loaders, (list, tuple)):
        return [pair for value in loaders for pair in named_loaders(value)]
    return [(torch_facts.dataset_name(loaders), loaders)]


def set_names(loaders: Any, given: Sequence[str]) -> list[str | None]:
    """Return the name of each data set, by number: given, or a dictionary's key, or the data set's own; else its number.

    A single set that nobody named has none.
    """
    found: list[str | None] = [name for name, _ in named_loaders(loaders)]
    names = [given[i] if i < len(given) else name for i, name in enumerate(found)]
    if len(names) > 1:
        names = [name or str(i) for i, name in enumerate(names)]
        # two sets of one name would become one curve
        names = [f"{name}-{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
    return names


def label(names: Sequence[str | None], number: int, stage: str) -> str:
    """Return what a data set is called on its own: ``valid`` or ``test-1`` where nobody named it."""
    name = names[number] if number < len(names) else str(number)
    return stage if name is None else f"{stage}-{name}" if name.isdigit() else name


def measured(trainer: Any, *, on_step: bool) -> Iterator[tuple[str, int | None, Any]]:
    """Yield (name, number of the loader, value) of what the running loop has logged with ``self.log``.

    `Trainer.callback_metrics` keeps the values of every loop until they are replaced, so which of them are this loop's,
    and of this epoch, is read from the loop's own results. Nothing is computed here: with ``sync_dist=True`` that would
    be a collective operation, and has to be left to the Trainer.

    Args:
        trainer: the Trainer, in a hook after it has computed what is asked for.
        on_step: the values of the step, or those of the epoch.
    """
    metrics = trainer.callback_metrics
    for result in trainer._results.values():  # noqa: SLF001 - the only place that knows, the same since Lightning 2.0
        name, key, number = keys(result.meta, on_step=on_step)
        if not result.has_reset and (result.meta.on_step if on_step else result.meta.on_epoch) and key in metrics:
            yield name, number, metrics[key]


def keys(meta: Any, *, on_step: bool) -> tuple[str, str, int | None]:
    """Return a logged value's name, its key in `Trainer.callback_metrics`, and the number of its loader."""
    number = meta.dataloader_idx if meta.add_dataloader_idx else None
    fork = "_epoch" if meta.on_step and meta.on_epoch and not on_step else ""
    suffix = "" if number is None else f"/dataloader_idx_{number}"
    return meta.name, f"{meta.name}{fork}{suffix}", number


def epoch_keys(trainer: Any, *, late: bool = False) -> dict[str, str]:
    """Return name to key of what the training loop logs for its epoch: to be read once the Trainer has computed it.

    A value that is logged for steps as well is called ``…_epoch``, so that one curve holds one kind of value.

    Args:
        trainer: the Trainer.
        late: what the module itself has logged at the end of the epoch, which comes after the callbacks' turn.
    """
    found = {}
    for result in trainer._results.values():  # noqa: SLF001 - see `measured`
        meta = result.meta
        if meta.on_epoch and (meta.fx == "on_train_epoch_end" if late else not result.has_reset):
            name, key, _ = keys(meta, on_step=False)
            found[f"{name}_epoch" if meta.on_step else name] = key
    return found


def standard(
    values: Iterator[tuple[str, int | None, Any]], stage: Stage, names: Sequence[str | None]
) -> dict[str, Any]:
    """Return values under our names; those called ``step`` and ``epoch`` are Lightning's axes, not metrics."""
    return {
        standard_name(name, stage=stage, data_set=set_of(names, number, stage)): value
        for name, number, value in values
        if name not in ("step", "epoch")
    }


def set_of(names: Sequence[str | None], number: int | None, stage: Stage) -> str | None:
    """Return the part of a metric's name that says which data set; a single one for validation needs none."""
    if number is not None:
        return names[number] if number < len(names) else str(number)
    return names[0] if stage == "test" and len(names) == 1 else None


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
