"""What a Brain was built with: its hparams, its run options, its output folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from speech_tracker.integrations.speechbrain.hyperparams_file import Hyperparameters, parse_hyperparams

_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))
_RUN_OPTIONS = (
    "device", "precision", "eval_precision", "max_grad_norm", "grad_accumulation_factor", "optimizer_step_limit",
    "skip_nonfinite_grads", "nonfinite_patience", "ckpt_interval_minutes", "ckpt_interval_steps", "distributed_backend",
    "data_parallel_backend", "find_unused_parameters", "compile", "jit", "debug", "test_only",
)  # fmt: skip


def hparams_of(brain: Any) -> dict[str, Any]:
    """Return the Brain's hparams, empty when it was built without."""
    return dict(vars(getattr(brain, "hparams", None) or _Nothing()))


class _Nothing:
    """A Brain without hparams."""


def experiment_folder(brain: Any, save_file: str | None = None) -> Path | None:
    """Return the recipe's output folder, which remembers the run."""
    folder = hparams_of(brain).get("output_folder")
    if folder:
        return Path(str(folder))
    if save_file:
        return Path(save_file).parent
    checkpointer = brain.checkpointer
    return Path(checkpointer.checkpoints_dir).parent if checkpointer is not None else None


def configuration(brain: Any) -> dict[str, Any]:
    """Return the resolved configuration, overrides of the command line included.

    It is ``hyperparams.yaml`` as SpeechBrain wrote it, else the hparams themselves with the classes of objects, and under ``run_options`` what
    SpeechBrain takes beside the YAML (``--precision=bf16``).
    """
    hparams = hparams_of(brain)
    folder = hparams.get("output_folder")
    path = Path(str(folder)) / "hyperparams.yaml" if folder else None
    parsed = parse_hyperparams(path.read_bytes()) if path is not None and path.is_file() else iter(())
    written = next((each.values for each in parsed if isinstance(each, Hyperparameters)), None)
    found = {key: _described(value) for key, value in hparams.items()} if written is None else written
    options = {name: getattr(brain, name) for name in _RUN_OPTIONS if hasattr(brain, name)}
    return {**found, "run_options": {name: value for name, value in options.items() if isinstance(value, _PLAIN)}}


def _described(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, functools.partial):
        return {
            "_tag": f"!name:{_dotted(value.func)}",
            **{key: _described(each) for key, each in value.keywords.items()},
        }
    return {
        "_tag": f"!name:{_dotted(value)}"
        if callable(value) and hasattr(value, "__qualname__")
        else f"!new:{_dotted(type(value))}"
    }


def _dotted(named: Any) -> str:
    return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', '?')}"
