"""The contract of all adapters, kept by Fairseq's, in the pytest of Fairseq's environment."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from speech_tracker.testing.contract import AdapterContract

ROOT = Path(__file__).parents[2]
CONTRACT = Path(__file__).parent / "fairseq_tiny" / "contract.py"
ENVIRONMENT = Path(os.environ.get("FAIRSEQ_ENVIRONMENT", ROOT / ".venv-fairseq"))


@pytest.mark.skipif(
    not (ENVIRONMENT / "fairseq").is_dir(),
    reason="Fairseq has an environment of its own, which `make test` makes (tests/integrations/fairseq_tiny)",
)
def test_the_contract_of_all_adapters_is_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-m", "pytest", str(CONTRACT), "-q", "-W", "ignore", "-p", "no:cacheprovider",
         "--basetemp", str(tmp_path / "contract")],
        cwd=ROOT,
        # a plugin of Hydra's own does not start on Python 3.11
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    promises = [name for name in vars(AdapterContract) if name.startswith("test_")]
    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout[-2000:]
    assert int(passed[1]) > len(promises)  # some are its own
