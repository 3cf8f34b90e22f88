"""What each adapter costs a real training: the same training with and without it, in turn.

    python benchmarks/adapters/run.py                        five pairs of every toolkit that is here
    python benchmarks/adapters/run.py --toolkits lightning   of one
    python benchmarks/adapters/run.py --quick                one short pair, to see that it runs

Each training is a process of its own with one thread; of each pair the one or the other comes first. Validations and
checkpoints between the steps are in the time of the steps; the start-up is what comes before the first step. What is
imported only once, when the first epoch is validated, is in all steps and not in those from the second epoch on. Where
other work disturbs the machine, look at processor times and at the median step. Fairseq is trained in
`.venv-fairseq`, or in what $FAIRSEQ_ENVIRONMENT names.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FAIRSEQ = Path(os.environ.get("FAIRSEQ_ENVIRONMENT", HERE.parents[1] / ".venv-fairseq"))
MODULES = {"lightning": "lightning", "speechbrain": "speechbrain", "espnet": "espnet2"}
MEASURES = {
    "steady_s": "from 2nd epoch, wall",
    "steady_processor_s": "the same, processor",
    "loop_s": "all steps, wall",
    "loop_processor_s": "the same, processor",
    "step_s": "median step",
    "startup_s": "start-up",
    "ending_s": "after the last step",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toolkits", default="lightning,speechbrain,espnet,fairseq")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--utterances", type=int, default=240, help="of the training data, eight to a step")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args(arguments)
    if options.quick:
        options.pairs, options.utterances, options.epochs = 1, 16, 2
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        subprocess.run([sys.executable, str(HERE / "corpus.py"), str(corpus), str(options.utterances)], check=True)
        for toolkit in options.toolkits.split(","):
            python = interpreter(toolkit)
            if python is None:
                print(f"{toolkit}: not installed here")
                results[toolkit] = {"installed": False}
            else:
                results[toolkit] = {"installed": True, **pairs(toolkit, python, corpus, Path(folder), options)}
                table(toolkit, results[toolkit])
            if options.json:  # after each, since a series may be broken off
                options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def interpreter(toolkit: str) -> str | None:
    """Return the Python in which a toolkit is installed, None when there is none."""
    if toolkit == "fairseq":
        return str(FAIRSEQ / "bin" / "python") if (FAIRSEQ / "fairseq").is_dir() else None
    return sys.executable if importlib.util.find_spec(MODULES[toolkit]) is not None else None


def pairs(toolkit: str, python: str, corpus: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what was seen of each training, and the ratios of each pair."""
    seen: dict[str, list[dict[str, float]]] = {"plain": [], "recorded": []}
    if not options.quick:  # what the first start has to compile and read from the disk is not measured
        train(toolkit, python, "plain", corpus, folder / f"{toolkit}-first", 1)
    for number in range(options.pairs):
        for how in ("plain", "recorded") if number % 2 == 0 else ("recorded", "plain"):
            place = folder / f"{toolkit}-{number}-{how}"
            seen[how].append(train(toolkit, python, how, corpus, place, options.epochs))
    ratios = {
        key: [ours[key] / plain[key] for plain, ours in zip(seen["plain"], seen["recorded"], strict=True)]
        for key in MEASURES
    }
    return {"steps": seen["plain"][0]["steps"], **seen, "ratios": ratios}


def train(toolkit: str, python: str, how: str, corpus: Path, place: Path, epochs: int) -> dict[str, float]:
    """Run one training in a folder of its own, and return what the clock saw."""
    place.mkdir()
    steps = len((corpus / "train" / "text").read_text().splitlines()) // 8
    result = place / "seen.json"
    environment = {
        **os.environ, "SPEECH_TRACKER_DIR": str(place / "store"), "SPEECH_TRACKER_MODE": "local", "SPEECH_TRACKER_SILENT": "1",
        "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "FAIRSEQ": str(FAIRSEQ / "fairseq"),
        "BENCHMARK_RESULT": str(result), "BENCHMARK_EPOCH_STEPS": str(steps), "BENCHMARK_BEGAN": str(time.monotonic()),
    }  # fmt: skip
    program = HERE / f"{toolkit}_training.py"
    done = subprocess.run(
        [python, str(program), str(corpus), str(epochs), how], cwd=place, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode or not result.exists():
        raise RuntimeError(f"{program.name} {how} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    # a training that was not recorded by mistake would look cheap, one that was recorded both times would too
    if (place / "store" / "runs").is_dir() != (how == "recorded"):
        raise RuntimeError(f"{program.name} {how}: it was {'not ' if how == 'recorded' else ''}recorded")
    found: dict[str, float] = json.loads(result.read_text())
    return found


def table(toolkit: str, result: dict[str, Any]) -> None:
    """Print medians, and the median of the ratios with the least and the greatest."""
    print(f"\n{toolkit}: {result['steps']} steps, {len(result['plain'])} pairs", flush=True)
    print(f"{'':22}{'without':>12}{'with':>12}{'with ÷ without':>18}   of each pair")
    for key, title in MEASURES.items():
        plain, ours = (statistics.median(each[key] for each in result[how]) for how in ("plain", "recorded"))
        ratios = sorted(result["ratios"][key])
        unit, factor = (" ms", 1000) if key == "step_s" else (" s", 1)
        spread = " ".join(f"{ratio:.3f}" for ratio in ratios)
        print(
            f"{title:22}{factor * plain:>9.2f}{unit:3}{factor * ours:>9.2f}{unit:3}{statistics.median(ratios):>18.3f}   {spread}"
        )


if __name__ == "__main__":
    sys.exit(main())
