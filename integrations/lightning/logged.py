"""What a module has logged with ``self.log``: which values are this loop's, of a step or of an epoch, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from speech_tracker.integrations.lightning.data_sets import set_of
from speech_tracker.metric_names import Stage, standard_name


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

    A mean over the steps of the epoch is called ``…_epoch``, whether it is logged for steps as well or not, so that one
    curve holds one kind of value, the same one for all toolkits.

    Args:
        trainer: the Trainer.
        late: what the module itself has logged at the end of the epoch, which comes after the callbacks' turn.
    """
    found = {}
    for result in trainer._results.values():  # noqa: SLF001 - see `measured`
        meta = result.meta
        if meta.on_epoch and (meta.fx == "on_train_epoch_end" if late else not result.has_reset):
            name, key, _ = keys(meta, on_step=False)
            mean = meta.on_step or (meta.fx == "training_step" and meta.is_mean_reduction)
            found[f"{name.removesuffix('_epoch')}_epoch" if mean else name] = key
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
