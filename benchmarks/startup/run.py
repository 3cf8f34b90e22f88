"""How long the command line and the package take to start, and a list of many runs as a process, from start to end.

    python benchmarks/startup/run.py                     1,000 runs, 15 rounds
    python benchmarks/startup/run.py --runs 5000         another store
    python benchmarks/startup/run.py --quick             a few, to see that it runs

"cold" is a process that finds no catalog and builds it; "warm" one that finds it up to date. The journals are in the page
cache in both. "direct" reads every journal from its first record to its last, which is what a list without a catalog costs.
The cases take turns, so that a busy machine slows all of them; look at the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_DIRECT = """
import sys
from pathlib import Path
from speech_tracker.view import RunView
for folder in (Path(sys.argv[1]) / "runs").iterdir():
    view = RunView.read(folder)
    print(view.id, view.identity["name"], view.status, view.created_at)
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=200, help="metric records of each run")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args(arguments)
    if options.quick:
        options.runs, options.steps, options.rounds = 20, 20, 1
    with tempfile.TemporaryDirectory() as folder:
        store, cache = Path(folder) / "store", Path(folder) / "cache"
        make_store(store, options.runs, options.steps)
        size = sum(path.stat().st_size for path in store.rglob("*.jsonl"))
        print(f"{options.runs} runs, {size / 2**20:.0f} MiB of journals, {options.rounds} rounds\n")
        results = measure(store, cache, options.rounds)
    table(results)
    if options.json:
        facts = {"runs": options.runs, "bytes": size, "rounds": options.rounds, "python": sys.version.split()[0]}
        options.json.write_text(json.dumps({**facts, "cases": results}, indent=2) + "\n")
    return 0


def make_store(store: Path, runs: int, steps: int) -> None:
    """Record runs as a training does, each with the environment that it captures."""
    import speech_tracker
    from speech_tracker import environment
    from speech_tracker.plain import plain

    os.environ["SPEECH_TRACKER_SILENT"] = "1"
    described = plain(environment.describe())[0]
    for number in range(runs):
        with speech_tracker.init(
            f"project-{number % 5}", ("asr", "tts", "st")[number % 3], f"run-{number}", store=store, mode="local",
            languages=("en", "de")[number % 2], tags=[f"tag-{number % 7}"], capture_environment=False,
            config={"lr": 0.001, "layers": 12, "seed": number},
        ) as run:  # fmt: skip
            run._sink.append("environment", described)
            for step in range(steps):
                run.log_metrics({"train/loss": 1 / (step + 1), "train/learning_rate": 0.001}, step=step)
                if step % 20 == 19:
                    run.log_metrics({"valid/wer": 1 / (step + 1)}, step=step, epoch=step // 20)


def measure(store: Path, cache: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return case → median, best and processor seconds of a process."""
    python = sys.executable
    listing = [python, "-m", "speech_tracker.cli", "list", "--json", "--store", str(store)]

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def nothing() -> None:
        pass

    cases: dict[str, tuple[list[str], Callable[[], None]]] = {
        "python -c pass": ([python, "-c", "pass"], nothing),
        "import typer": ([python, "-c", "import typer"], nothing),
        "import speech_tracker": ([python, "-c", "import speech_tracker"], nothing),
        "import speech_tracker.cli": ([python, "-c", "import speech_tracker.cli"], nothing),
        "list, cold (catalog is built)": (listing, forget),
        "list, warm": (listing, nothing),
        "list --sort valid/wer, first time": ([*listing, "--sort", "valid/wer"], nothing),
        "list --sort valid/wer, again": ([*listing, "--sort", "valid/wer"], nothing),
        "direct reading of every journal": ([python, "-c", _DIRECT, str(store)], nothing),
    }
    for peer in ("wandb", "mlflow", "trackio"):
        if subprocess.run([python, "-c", f"import {peer}"], capture_output=True, check=False).returncode == 0:
            cases[f"import {peer}"] = ([python, "-c", f"import {peer}"], nothing)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    environment = {**os.environ, "SPEECH_TRACKER_CACHE": str(cache)}
    for number in range(rounds + 1):  # the first round fills the caches of the machine
        for name, (command, before) in cases.items():
            before()
            spent = one(command, environment)
            if number:
                taken[name].append(spent)
    return {
        name: {
            "median_s": statistics.median(wall for wall, _ in each),
            "best_s": min(wall for wall, _ in each),
            "processor_s": statistics.median(processor for _, processor in each),
        }
        for name, each in taken.items()
    }


def one(command: list[str], environment: dict[str, Any]) -> tuple[float, float]:
    """Return the wall and processor seconds of a process, from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(results: dict[str, dict[str, float]]) -> None:
    base = results["import typer"]["median_s"]
    print(f"{'a process':36}{'median':>10}{'best':>10}{'processor':>11}{'÷ import typer':>16}")
    for name, each in results.items():
        numbers = "".join(f"{1000 * each[key]:>7.0f} ms" for key in ("median_s", "best_s"))
        print(f"{name:36}{numbers}{1000 * each['processor_s']:>8.0f} ms{each['median_s'] / base:>16.2f}")


if __name__ == "__main__":
    sys.exit(main())
