"""What a PyTorch training says of itself, for every adapter whose toolkit trains with PyTorch.

torch is not imported before it is needed. Nothing here changes a model, a gradient or a random state.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_DURATIONS = ("audio_seconds", "durations", "duration", "duration_s")
_LENGTHS = ("num_samples", "n_samples", "audio_num_samples", "waveform_lengths", "audio_lengths")
_SIZED = ("hours", "speakers", "version", "manifest", "path")


def learning_rates(optimizers: Sequence[Any]) -> dict[str, float]:
    """Return the rate of each parameter group: ``train/learning_rate``, further ones with optimizer and group.

    A group that has a ``name`` is called by it.
    """
    found = {}
    for i, optimizer in enumerate(optimizers):
        for j, group in enumerate(optimizer.param_groups):
            first = i == j == 0
            name = f"_{group['name']}" if isinstance(group.get("name"), str) else "" if first else f"_{i}_{j}"
            found[f"train/learning_rate{name}"] = float(group["lr"])
    return found


def gradient_norm(optimizer: Any) -> Any:
    """Return the 2-norm of all gradients that `optimizer` is about to apply, a tensor of one element; None without any.

    Each gradient's norm stays on its device until the end, so that the device is waited for once.
    """
    import torch

    gradients = [
        parameter.grad.detach()
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    if not gradients:
        return None
    norms = [torch.linalg.vector_norm(gradient.float()) for gradient in gradients]
    whole = [norm.full_tensor() if hasattr(norm, "full_tensor") else norm for norm in norms]  # of sharded gradients
    return torch.linalg.vector_norm(torch.stack([norm.to(whole[0].device) for norm in whole]))


def model_facts(model: Any) -> dict[str, Any]:
    """Return the model group of the speech vocabulary: its class and its numbers of parameters.

    Parameters that are not initialised yet (lazy modules) are not counted.
    """
    parameters = [each for each in model.parameters() if not hasattr(each, "materialize")]
    return {
        "type": type(model).__name__,
        "parameters": sum(each.numel() for each in parameters),
        "trainable_parameters": sum(each.numel() for each in parameters if each.requires_grad),
    }


def loader_facts(loader: Any) -> dict[str, Any]:
    """Return batch size, number of batches, workers and size of the data set of a ``DataLoader``, as far as known."""
    dataset = getattr(loader, "dataset", None)
    facts = {
        "dataset": type(dataset).__name__ if dataset is not None else None,
        "utterances": _length(dataset),
        "batches": _length(loader),
        "batch_size": getattr(loader, "batch_size", None),
        "workers": getattr(loader, "num_workers", None),
        "sampler": type(loader.sampler).__name__ if getattr(loader, "sampler", None) is not None else None,
        "batch_sampler": None if getattr(loader, "batch_size", None) else type(getattr(loader, "batch_sampler", None)).__name__,
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value not in (None, "NoneType")}


def dataset_facts(loader: Any) -> dict[str, Any]:
    """Return what the loader's data set says of itself in plain attributes: hours, speakers, version, manifest, path."""
    dataset = getattr(loader, "dataset", None)
    found = {name: getattr(dataset, name, None) for name in _SIZED}
    utterances = _length(dataset)
    plain = {name: value for name, value in found.items() if isinstance(value, (str, int, float))}
    return plain if utterances is None else {"utterances": utterances, **plain}


def dataset_name(loader: Any) -> str | None:
    """Return the ``name`` of the loader's data set, None when it has none."""
    name = getattr(getattr(loader, "dataset", None), "name", None)
    return name if isinstance(name, str) and name else None


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except Exception:  # noqa: BLE001 - iterable data sets have no length, and some raise errors of their own
        return None


def audio_seconds(batch: Any, sample_rate: float | None = None) -> Any:
    """Return the seconds of audio in a batch that tells them, a number or a tensor of one element; None otherwise.

    Taken are the keys (or attributes) ``audio_seconds``, ``durations``, ``duration`` or ``duration_s``, and lengths in
    samples (``num_samples``, ``audio_lengths`` …) where `sample_rate` is known. Lengths between 0 and 1, which some
    toolkits use, are no lengths in samples and are not taken.
    """
    value = _first(batch, _DURATIONS)
    if value is not None:
        return _sum(value)
    value = _first(batch, _LENGTHS) if sample_rate else None
    if value is None or getattr(getattr(value, "dtype", None), "is_floating_point", False):
        return None
    total = _sum(value)
    return None if total is None else total / sample_rate


def _first(batch: Any, names: Iterable[str]) -> Any:
    for name in names:
        value = batch.get(name) if isinstance(batch, Mapping) else getattr(batch, name, None)
        if value is not None and not callable(value):
            return value
    return None


def _sum(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    if hasattr(value, "detach"):
        return value.detach().sum()
    try:
        return float(sum(value))
    except (TypeError, ValueError):
        return None


def gather(value: Any) -> list[Any]:
    """Return `value` of every rank, in order; of this process alone when the training is not distributed.

    Every rank has to call it.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return [value]
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values
