"""Between tests: a store and a W&B folder of their own, no state of the process left over, nothing swallowed unseen."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from speech_tracker import client, guard, lifecycle
from speech_tracker.ranks import RANK_VARIABLES
from speech_tracker.run import Run

_FOREIGN = (
    *RANK_VARIABLES,
    "LOCAL_RANK",
    "SLURM_JOB_ID",
    "SLURM_NTASKS",
    "SLURM_STEP_ID",
    "SLURM_PROCID",
    "WORLD_SIZE",
)


def environment(folder: Path) -> dict[str, str | None]:
    """Return the environment variables of a test whose files go under `folder`; None means unset.

    The store is ``folder/store``, everything of W&B (runs, cache, configuration, login) is under ``folder/wandb-home``,
    and W&B is offline. Variables of the outer shell that would steer a run (ids, names, ranks, a scheduler's) are unset.
    """
    home = folder / "wandb-home"
    outer = {name: None for name in os.environ if name.startswith(("WANDB_", "SPEECH_TRACKER_"))}
    return {
        **outer,
        **dict.fromkeys(_FOREIGN),
        "SPEECH_TRACKER_DIR": str(folder / "store"),
        "SPEECH_TRACKER_CACHE": str(folder / "cache"),
        "SPEECH_TRACKER_SILENT": "1",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DIR": str(home),
        "WANDB_CACHE_DIR": str(home),
        "WANDB_CONFIG_DIR": str(home),
        "WANDB_DATA_DIR": str(home),
        "NETRC": str(home / "netrc"),
    }


def forget_runs(keep: Collection[Run] = ()) -> None:
    """Let go of the runs of this process without ending them, and of what signals and exits left behind.

    A W&B run that is still active is finished, or the next run of the process would join it.
    """
    for run in [each for each in client._active if each not in keep]:  # noqa: SLF001 - our own package's state
        client._active.remove(run)  # noqa: SLF001
        if run.status == "running":
            run._sink.close()  # noqa: SLF001
            run._rank_sink.close()  # noqa: SLF001
        lifecycle.forget(run)
    lifecycle._exit_code = lifecycle._signal_status = None  # noqa: SLF001
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    wandb = sys.modules.get("wandb")
    if getattr(wandb, "run", None) is not None:
        wandb.finish()  # type: ignore[union-attr]
    with guard._lock:  # noqa: SLF001
        guard._counts.clear()  # noqa: SLF001


@contextmanager
def swallowed_errors() -> Iterator[list[tuple[str, Exception]]]:
    """Collect (place, error) of everything that the guard swallows in the body.

    >>> with swallowed_errors() as found, guard.shielded("the example"):
    ...     raise OSError("gone")
    >>> [(place, str(error)) for place, error in found]
    [('the example', 'gone')]
    """
    found: list[tuple[str, Exception]] = []
    stop = guard.listen(lambda place, error: found.append((place, error)))
    try:
        yield found
    finally:
        stop()
