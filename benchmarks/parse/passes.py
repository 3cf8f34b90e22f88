"""What `speech-tracker ingest kaldi` takes for a tree of many logs: the first pass, one more, and one after a few new files.

    python benchmarks/parse/passes.py            10,000 generated logs of five chain models
    python benchmarks/parse/passes.py --quick    500

Every pass is a process of its own, start-up included, as is every program beside it. The files are in the page cache; the best
of the rounds counts. The first pass records into an empty store each time. Beside the time that passes stands the processor's,
which tells what a pass takes where the machine has nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = 5
FILES_PER_ITERATION = 5
NEW_FILES = 10
OURS = (sys.executable, "-c", "import sys; from speech_tracker.cli import main; sys.exit(main())")


def line(program: str, function: str, text: str) -> str:
    return f"LOG ({program}[5.5.1113~1-a52a4]:{function}():nnet-training.cc:292) {text}\n"


def job(command: str, lines: list[str], minute: int) -> str:
    """A log as `run.pl` leaves it."""
    clock = f"Tue Mar  5 {9 + minute // 60 % 12:02}:{minute % 60:02}"
    return (
        f"# {command} \n# Started at {clock}:07 UTC 2024\n#\n{command}\n{''.join(lines)}"
        f"# Accounting: time=30 threads=1\n# Ended (code 0) at {clock}:37 UTC 2024, elapsed time 30 seconds\n"
    )


def train_log(model: str, iteration: int, number: int) -> str:
    program = "nnet3-chain-train"
    loss = 0.3 / (iteration + 1) + 0.1 + number / 1000
    lines = [
        line(program, "PrintStatsForThisPhase", f"Average objective function for 'output' for minibatches {100 * phase}-"
             f"{100 * phase + 99} is -{loss:.6f} over 640000 frames.")
        for phase in range(10)
    ]  # fmt: skip
    for output, factor in (("output", 1), ("output-xent", 12)):
        text = f"Overall average objective function for '{output}' is -{factor * loss:.6f} over 6400000 frames."
        lines.append(line(program, "PrintTotalStats", text))
    command = (
        f'{program} --max-param-change=2.0 "nnet3-am-copy --raw=true --learning-rate=0.001 {model}/{iteration}.mdl - |" '
        f"{model}/den.fst ark:{model}/egs/cegs.{number}.ark"
    )
    return job(command, lines, iteration)


def probability_log(model: str, iteration: int, subset: str) -> str:
    program = "nnet3-chain-compute-prob"
    loss = 0.31 / (iteration + 1) + 0.1
    lines = [
        line(program, "PrintTotalStats", f"Overall log-probability for '{output}' is -{factor * loss:.6f} per frame, over 20000 frames.")
        for output, factor in (("output-xent", 12), ("output", 1))
    ]  # fmt: skip
    return job(f"{program} {model}/{iteration}.mdl {model}/den.fst ark:{model}/egs/{subset}.cegs", lines, iteration)


def write_iteration(root: Path, model: str, iteration: int) -> None:
    folder = root / model / "log"
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, 2, 3):
        (folder / f"train.{iteration}.{number}.log").write_text(train_log(model, iteration, number))
    for subset in ("train", "valid"):
        (folder / f"compute_prob_{subset}.{iteration}.log").write_text(probability_log(model, iteration, subset))


def write_tree(root: Path, files: int) -> None:
    for number in range(MODELS):
        model = f"exp/chain/tdnn_{number}"
        for iteration in range(files // MODELS // FILES_PER_ITERATION):
            write_iteration(root, model, iteration)
        (root / model / "final.mdl").write_bytes(b"\0B")


def processor_seconds() -> float:
    """What all processes that this one waited for have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print a table and, in the last line, JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    files, rounds = (500, 1) if arguments.quick else (arguments.files, arguments.rounds)
    best: dict[str, float] = {}
    processor: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root, store = Path(folder) / "s5", Path(folder) / "store"
        environment = {**os.environ, "SPEECH_TRACKER_DIR": str(store)}
        write_tree(root, files)
        size = sum(path.stat().st_size for path in root.rglob("*.log")) / 1e6

        def measure(name: str, *command: str) -> str:
            began, used = time.perf_counter(), processor_seconds()
            done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
            seconds, used = time.perf_counter() - began, processor_seconds() - used
            best[name] = min(seconds, best.get(name, seconds))
            processor[name] = min(used, processor.get(name, used))
            return done.stdout

        def ingest(name: str, expected: int, nothing_new: bool) -> None:
            said = measure(name, *OURS, "ingest", "kaldi", "exp", "--mode", "local")
            if f"{expected + MODELS} files read" not in said or ("; nothing new" in said) != nothing_new:
                raise SystemExit(f"{name} did not do what it is measured for:\n{said[-500:]}")

        present = files
        for turn in range(rounds):
            measure("find | xargs stat", "sh", "-c", "find exp -type f -print0 | xargs -0 stat -c '%n %s %Y' | wc -l")
            measure("find | xargs cat", "sh", "-c", "find exp -type f -print0 | xargs -0 cat | wc -l")
            measure("grep -rhc", "grep", "-rhc", "Overall average objective", "exp")
            measure("python -c pass", sys.executable, "-c", "pass")
            shutil.rmtree(store, ignore_errors=True)
            ingest("first pass", present, nothing_new=False)
            ingest("second pass, nothing new", present, nothing_new=True)
            for new in range(NEW_FILES // FILES_PER_ITERATION):
                write_iteration(root, f"exp/chain/tdnn_{new}", files // MODELS // FILES_PER_ITERATION + turn)
            present += NEW_FILES
            ingest(f"second pass, {NEW_FILES} new files", present, nothing_new=False)
    print(f"{files} logs, {size:.0f} MB, best of {rounds} rounds\n")
    for name, seconds in best.items():
        print(f"{name:<30}{seconds:>8.2f} s{processor[name]:>8.2f} s of the processor")
    print(json.dumps({"files": files, "megabytes": size, "seconds": best, "processor_seconds": processor}))


if __name__ == "__main__":
    main()
