"""How long it takes to ingest the largest sample folder of each toolkit.

    python benchmarks/adapters/ingesting.py --samples ../shared/samples

Of every toolkit's folders the largest one (bytes) is taken. "cold": a process from start to end with an empty store; "again":
the same, when there is nothing new; the process itself, which does nothing else, is the first line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "speech_tracker.cli")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, required=True, help="a folder with a folder for each toolkit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    from speech_tracker.ingest.ingester import INGESTERS

    results: dict[str, Any] = {}
    starting = statistics.median(seconds(["ingest", "--help"], {**os.environ}) for _ in range(rounds))
    print(f"{'':12}{'files':>7}{'MiB':>8}{'runs':>6}{'points':>8}{'evaluations':>13}{'cold':>9}{'again':>9}   folder")
    print(f"{'the process':12}{'':42}{starting:>7.2f} s")
    for toolkit in sorted(INGESTERS):
        folder = largest(options.samples / toolkit)
        if folder is None:
            print(f"{toolkit}: no folder in {options.samples / toolkit}")
            results[toolkit] = None
            continue
        found = results[toolkit] = measured(toolkit, folder, rounds)
        print(
            f"{toolkit:12}{found['files']:>7}{found['bytes'] / 2**20:>8.1f}{found['runs']:>6}{found['points']:>8}"
            f"{found['evaluations']:>13}{found['cold_s']:>7.2f} s{found['again_s']:>7.2f} s   {folder.name}"
        )
    if options.json:
        options.json.write_text(json.dumps({"process_s": starting, **results}, indent=2) + "\n")
    return 0


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def largest(toolkit: Path) -> Path | None:
    """Return the folder of a toolkit with the most bytes, None when it has none."""
    folders = [path for path in toolkit.iterdir() if path.is_dir()] if toolkit.is_dir() else []
    sizes = {path: sum(each.stat().st_size for each in files_of(path)) for path in folders}
    return max(sizes, key=lambda path: (sizes[path], path.name), default=None)


def measured(toolkit: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Return the times of a folder, and what was found in it."""
    cold, again = [], []
    document: dict[str, Any] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as store:
            environment = {**os.environ, "SPEECH_TRACKER_DIR": store}
            command = ["ingest", toolkit, str(folder), "--mode", "local", "--json"]
            cold.append(seconds(command, environment, output := Path(store) / "out.json"))
            document = json.loads(output.read_text())
            again.append(seconds(command, environment))
    files = files_of(folder)
    return {
        "folder": folder.name,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "runs": len(document["runs"]),
        "points": sum(curve["count"] for run in document["runs"] for curve in run["metrics"].values()),
        "evaluations": sum(len(run["evaluations"]) for run in document["runs"]),
        "cold_s": statistics.median(cold),
        "again_s": statistics.median(again),
    }


def seconds(command: list[str], environment: dict[str, str], output: Path | None = None) -> float:
    """Return the seconds of a process; what it prints goes to a file, or nowhere."""
    began = time.perf_counter()
    with (output or Path(os.devnull)).open("w") as out:
        subprocess.run([*COMMAND, *command], env=environment, stdout=out, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
