"""The benchmark runs, and where two scorers claim the same counts they have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "scoring" / "run.py"


def test_the_quick_benchmark_finds_equal_counts_and_prints_ratios(tmp_path: Path) -> None:
    report = tmp_path / "numbers.json"
    done = subprocess.run(
        [sys.executable, PROGRAM, "--quick", "--large", "1000", "--json", report],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(report.read_text())
    counts = {each["scorer"]: each["counts"] for each in found["scorers"]}
    assert counts["speech-tracker, kaldi"] == counts["kaldialign, counts"]
    assert counts["speech-tracker, jiwer"] == counts["jiwer"]
    if "sclite" in counts:
        assert counts["speech-tracker, sclite"] == counts["sclite"]
    large = {each["scorer"]: each["counts"] for each in found["large"]["scorers"]}
    assert large["speech-tracker, stream"] == large["speech-tracker, one process"]
    assert large["speech-tracker, two processes"] == large["speech-tracker, one process"]
    assert "x jiwer" in done.stdout
