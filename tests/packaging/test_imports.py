"""Importing the package is light, and loads none of what only some users have."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("wandb", "torch", "numpy", "duckdb", "lightning", "pytorch_lightning", "matplotlib", "rich", "typer", "scipy")


def _loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not _loaded("import speech_tracker") & set(HEAVY)


@pytest.mark.parametrize("mode", ["local", "offline", "disabled"])
def test_a_run_that_logs_numbers_loads_nothing_heavy_either(mode: str, tmp_path: object) -> None:
    code = (
        f"import speech_tracker, os\nrun = speech_tracker.init(mode={mode!r}, store={str(tmp_path)!r})\n"
        "run.log_metrics({'train/loss': 1.0}, step=1)\nimport sys\nprint(*sys.modules, flush=True)\nos._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"wandb", "torch", "numpy", "duckdb", "rich"}


def test_the_adapters_are_found_under_the_package_only() -> None:
    import speech_tracker.integrations

    assert speech_tracker.integrations.__name__ == "speech_tracker.integrations"
    assert "integrations" not in sys.modules
