"""Which process of a distributed training this is. Only rank 0 writes a run's history."""

from __future__ import annotations

import os
import sys

RANK_VARIABLES = (
    "RANK",  # torchrun
    "OMPI_COMM_WORLD_RANK",  # Open MPI
    "PMI_RANK",  # MPICH, Intel MPI
    "PMIX_RANK",
    "JSM_NAMESPACE_RANK",  # IBM jsrun
    "MV2_COMM_WORLD_RANK",  # MVAPICH2
)


def rank() -> int:
    """Return this process's rank, 0 when it is not part of a distributed job.

    `torch.distributed` is asked first (only when the program has imported and initialised it), then the launchers'
    variables, then Slurm's (only inside a job step of several tasks, since ``sbatch`` itself sets it to 0), then
    ``LOCAL_RANK``, which Lightning sets in the processes that it starts.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    names = [*RANK_VARIABLES]
    if _number("SLURM_NTASKS", 1) > 1 and "SLURM_STEP_ID" in os.environ:
        names.append("SLURM_PROCID")
    names.append("LOCAL_RANK")
    for name in names:
        if name in os.environ:
            return _number(name, 0)
    return 0


def world_size() -> int:
    """Return the number of processes of the distributed job, 1 when there is none."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_world_size())
    for name in ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"):
        if name in os.environ:
            return _number(name, 1)
    return 1


def _number(name: str, default: int) -> int:
    try:
        return int(os.environ.get(name, default))
    except ValueError:
        return default
