"""Time intervals and significance tests beside kaldialign's bootstrap; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldialign

from speech_tracker.evaluation.bootstrap import bootstrap_interval
from speech_tracker.evaluation.mapsswe import mapsswe
from speech_tracker.evaluation.paired_bootstrap import resample_systems
from speech_tracker.evaluation.pairing import pair
from speech_tracker.evaluation.score import score
from speech_tracker.testing.transcripts import SyntheticSet, make_test_set

REPOSITORY = Path(__file__).resolve().parents[2]


def best_of(runs: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shortest of several runs, in seconds, and the last result."""
    seconds, result = float("inf"), None
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, result


def in_process(made: SyntheticSet, replications: int, runs: int) -> dict[str, Any]:
    first, second = (score(made.references, t, attributes={"speaker_id": made.speakers}) for t in made.systems)
    options = {"replications": replications}
    paired = pair(first, second)

    def two_systems() -> None:
        resamples = resample_systems(paired, replications=replications, block="utterance")
        resamples.interval(0), resamples.interval(1), resamples.difference(0, 1)

    utterances, ours = best_of(runs, lambda: bootstrap_interval(first, block=None, method="normal", **options))
    speakers, _ = best_of(runs, lambda: bootstrap_interval(first, block="speaker_id", **options))
    both, _ = best_of(runs, two_systems)
    segments, _ = best_of(runs, lambda: mapsswe(first, second))

    references = [text.split() for text in made.references.values()]
    hypotheses = [text.split() for text in made.systems[0].values()]
    whole, theirs = best_of(
        runs, lambda: kaldialign.bootstrap_wer_ci(references, hypotheses, replications=replications)
    )
    aligning, _ = best_of(runs, lambda: kaldialign.bootstrap_wer_ci(references, hypotheses, replications=1))
    drawing = max(whole - aligning, 1e-9)
    return {
        "interval over utterances": utterances,
        "interval over speakers": speakers,
        "two systems over utterances": both,
        "MAPSSWE": segments,
        "kaldialign, resampling only": drawing,
        "times as fast as kaldialign": drawing / utterances,
        "half width of ours, percent": 50 * ours.width,
        "half width of kaldialign's, percent": 100 * theirs["ci95"],
    }


def as_process(made: SyntheticSet, runs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        for name, entries in (("ref", made.references), ("a", made.systems[0]), ("b", made.systems[1])):
            Path(folder, name).write_text("".join(f"{key} {text}\n" for key, text in entries.items()), "utf-8")
        command = [sys.executable, "-m", "speech_tracker.cli", "significance", "ref", "a", "b", "--json"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": f"{folder}/cache", "PYTHONPATH": str(REPOSITORY)}

        def run() -> None:
            subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)

        run()  # compiles the modules
        return best_of(runs, run)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small, to see that it works")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    chosen = parser.parse_args()
    utterances, spoken, replications, runs = (300, 100, 500, 1) if chosen.quick else (20_000, 10_000, 10_000, 3)
    rates = (0.1, 0.095)
    found: dict[str, Any] = {"utterances": utterances, "replications": replications}
    made = make_test_set(utterances=utterances, speakers=100, error_rates=rates)
    found |= in_process(made, replications, runs)
    found["utterances of the command"] = spoken
    found["the command, as a process"] = as_process(
        make_test_set(utterances=spoken, speakers=100, error_rates=rates), runs
    )
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:40} {value:>10.3f}" if isinstance(value, float) else f"{name:40} {value:>10}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
