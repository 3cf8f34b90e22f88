"""Where and with what a run was made: code, packages, hardware, scheduler. Bounded in time, never raises."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_tracker.guard import shielded
from speech_tracker.masking import is_credential_name, mask_text

_SCHEDULERS = {"slurm": "SLURM_", "pbs": "PBS_", "lsf": "LSB_", "sge": "SGE_"}
_KEPT = (  # of a scheduler's variables: what identifies the job and its size, not its whole environment
    "JOB_ID", "JOBID", "JOB_NAME", "JOBNAME", "JOB_PARTITION", "CLUSTER_NAME", "ARRAY_JOB_ID", "ARRAY_TASK_ID",
    "RESTART_COUNT", "NTASKS", "NNODES", "JOB_NUM_NODES", "CPUS_PER_TASK", "JOB_GPUS", "GPUS", "GPUS_ON_NODE",
    "PROCID", "NODELIST", "JOB_NODELIST", "SUBMIT_DIR", "QUEUE", "JOBINDEX",
)  # fmt: skip
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "PYTHONHASHSEED",
    "CONDA_DEFAULT_ENV",
    "VIRTUAL_ENV",
    "KALDI_ROOT",
)


def describe() -> dict[str, Any]:
    """Return what can be said about this process's environment; what cannot be found out is left out."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "host": platform.node(),
        "folder": str(Path.cwd()),
    }
    for name, look in (
        ("command", _command),
        ("git", _git),
        ("hardware", _hardware),
        ("scheduler", scheduler),
        ("variables", _variables),
        ("packages", _packages),
    ):
        with shielded(f"looking at the environment ({name})"):
            value = look()
            if value:
                found[name] = value
    return found


def _command() -> list[str]:
    return without_credentials(sys.argv)


def without_credentials(command: Sequence[str]) -> list[str]:
    """Return a command line in which what follows a credential's option, or looks like a credential, is masked.

    >>> without_credentials(["./run.sh", "--api-key", "sesame", "--password=sesame", "--stage", "3"])
    ['./run.sh', '--api-key', '<masked>', '--password=<masked>', '--stage', '3']
    """
    shown: list[str] = []
    hide = False
    for argument in command:
        name, equals, _ = argument.partition("=")
        secret = argument.startswith("-") and is_credential_name(name.lstrip("-"))
        if hide and not argument.startswith("-"):
            shown.append("<masked>")
        elif secret and equals:
            shown.append(f"{name}=<masked>")
        else:
            shown.append(mask_text(argument))
        hide = secret and not equals
    return shown


def _git() -> dict[str, Any]:
    git = shutil.which("git")
    if git is None:
        return {}
    folder = _code_folder()

    def ask(*arguments: str) -> str:
        done = subprocess.run(
            [git, "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = ask("rev-parse", "HEAD")
    if not commit:
        return {}
    return {
        "commit": commit,
        "branch": ask("rev-parse", "--abbrev-ref", "HEAD"),
        "remote": mask_text(ask("config", "--get", "remote.origin.url")),
        "root": ask("rev-parse", "--show-toplevel"),
        "dirty": bool(ask("status", "--porcelain", "--untracked-files=no")),
    }


def _code_folder() -> Path:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if not script:
        return Path.cwd()
    # our own command line starts code of others, or reads what it left: that is in the working folder
    ours = Path(script).name == "speech-tracker" or Path(__file__).parent in Path(script).resolve().parents
    return Path.cwd() if ours else Path(script).resolve().parent


def _hardware() -> dict[str, Any]:
    import psutil

    found: dict[str, Any] = {
        "cpu": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }
    gpus = _gpus()
    if gpus:
        found["gpus"] = gpus
    return found


def _gpus() -> list[dict[str, Any]]:
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return []
    done = subprocess.run(
        [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"],
        capture_output=True, text=True, timeout=5, check=False,
    )  # fmt: skip
    gpus = []
    for row in done.stdout.splitlines() if done.returncode == 0 else ():
        name, memory, driver = (part.strip() for part in row.split(","))
        gpus.append({"name": name, "memory_mib": int(memory), "driver": driver})
    return gpus


def scheduler() -> dict[str, Any]:
    """Return what the batch system says about this job: ``{"name": "slurm", "SLURM_JOB_ID": …}``, empty outside one."""
    for name, prefix in _SCHEDULERS.items():
        found = {prefix + key: os.environ[prefix + key] for key in _KEPT if prefix + key in os.environ}
        if any(key.endswith(("JOB_ID", "JOBID")) for key in found):
            return {"name": name, **found}
    return {}


def _variables() -> dict[str, str]:
    return {name: mask_text(os.environ[name]) for name in _VARIABLES if name in os.environ}


def _packages() -> dict[str, str]:
    return {
        str(distribution.metadata["Name"]): distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.metadata["Name"]
    }
