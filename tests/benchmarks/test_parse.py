from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[2] / "benchmarks" / "parse" / "run.py"


def test_the_benchmark_of_reading_logs_runs_and_every_reader_finds_the_same() -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--quick"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"speech-tracker, records", "mmap + finditer, one expression", "grep -c"} <= set(found["mb_per_s"])
    assert found["memory_mib"] < 64


def test_the_benchmark_of_passes_records_all_at_first_and_nothing_again() -> None:
    done = subprocess.run(
        [sys.executable, str(RUN.with_name("passes.py")), "--quick"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert {"first pass", "second pass, nothing new"} <= set(json.loads(done.stdout.splitlines()[-1])["seconds"])
