"""How fast logs of nnet3 trainings are read, beside tools that only look for lines.

    python benchmarks/parse/run.py            500 MB of generated logs
    python benchmarks/parse/run.py --quick    a few MB, to see that it runs

Each reader takes the same file, in turns, and the best of the rounds counts; the file is in the page cache.
"""

from __future__ import annotations

import argparse
import json
import mmap
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from speech_tracker.integrations.kaldi.nnet3_logs import parse_nnet3_log

OBJECTIVE = re.compile(rb"Overall average objective function for '([^'\n]+)' is (-?[\d.e+-]+) over ([\d.e+-]+) frames")
PIECE = 1 << 20


def write_log(path: Path, size: int) -> int:
    """Write `size` bytes of a training's log; return how many objectives are in it."""
    head = "LOG (nnet3-chain-train[5.5.1113~1-a52a4]:"
    lines = [
        f"{head}PrintStatsForThisPhase():nnet-training.cc:{280 + place % 9}) Average objective function for 'output' for "
        f"minibatches {100 * place}-{100 * place + 99} is -0.{1000 + place} + -0.0{place} = -0.{2000 + place} over 12{place} frames.\n"
        if place % 3 == 0
        else f"{head}UpdateParamsWithMaxChange():nnet-utils.cc:2254) Per-component max-change active on 12 / 35 Updatable "
        f"Components. (smallest factor=0.{place}1 on tdnn1.affine with max-change=0.75). Global max-change factor was 0.9{place}.\n"
        for place in range(200)
    ]
    lines.append(
        f"{head}PrintTotalStats():nnet-training.cc:328) Overall average objective function for 'output' is -0.1234 over 123456 frames.\n"
    )
    block = "".join(lines).encode()
    count = max(size // len(block), 1)
    with path.open("wb") as file:
        for _ in range(count):
            file.write(block)
    return count


def ours(path: Path) -> int:
    """Read the records as `speech-tracker ingest kaldi` does, a piece at a time."""
    with path.open("rb") as file:
        records = parse_nnet3_log(iter(lambda: file.read(PIECE), b""))
        return sum(type(record).__name__ == "TrainObjective" for record in records)


def finditer(path: Path) -> int:
    """One expression over the whole file in memory."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sum(1 for _ in OBJECTIVE.finditer(data))


def line_loop(path: Path) -> int:
    """One expression on each line."""
    with path.open("rb") as file:
        return sum(1 for line in file if OBJECTIVE.search(line))


def command(*arguments: str) -> Callable[[Path], int]:
    """A program that counts."""

    def run(path: Path) -> int:
        return int(
            subprocess.run([*arguments, str(path)], capture_output=True, check=True, text=True).stdout.split()[0]
        )

    return run


def main() -> None:
    """Measure and print a table and, in the last line, JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    megabytes, rounds = (4, 1) if arguments.quick else (arguments.megabytes, arguments.rounds)
    pattern = "Overall average objective"
    readers: dict[str, Callable[[Path], int]] = {
        "speech-tracker, records": ours,
        "mmap + finditer, one expression": finditer,
        "line loop, one expression": line_loop,
        "grep -c": command("grep", "-c", pattern),
        "wc -l": command("wc", "-l"),
    }
    if shutil.which("rg"):
        readers["ripgrep -c"] = command("rg", "-c", pattern)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.1.1.log"
        expected = write_log(path, megabytes * 1_000_000)
        size = path.stat().st_size / 1e6
        best: dict[str, float] = {}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        growth = 0
        for turn in range(rounds):
            for name, read in readers.items():
                began = time.perf_counter()
                found = read(path)
                seconds = time.perf_counter() - began
                if name == "speech-tracker, records" and turn == 0:  # before the mapped file counts as ours
                    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                if name != "wc -l" and found != expected:
                    raise SystemExit(f"{name} found {found} objectives, expected {expected}")
                best[name] = min(seconds, best.get(name, seconds))
    speeds = {name: size / seconds for name, seconds in best.items()}
    print(f"{size:.0f} MB, best of {rounds} rounds, one core\n")
    for name, speed in speeds.items():
        print(f"{name:<34}{speed:>8.0f} MB/s{speed / speeds['mmap + finditer, one expression']:>8.2f} × finditer")
    print(f"\nmemory that reading added: {growth / 1024:.0f} MiB")
    print(json.dumps({"megabytes": size, "mb_per_s": speeds, "memory_mib": growth / 1024}))


if __name__ == "__main__":
    main()
