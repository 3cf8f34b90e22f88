"""Utterances per second of this library beside other scorers, in one run on one machine.

    python benchmarks/scoring/run.py                     20,000 utterances, every scorer, best of 3 rounds
    python benchmarks/scoring/run.py --large 1000000     and a large set, with the memory that it takes
    python benchmarks/scoring/run.py --quick             a few hundred, to see that it runs

The scorers take turns, so that a busy machine slows all of them; look at the ratios, not at the seconds. The second
ratio is of processor time, child processes included: it moves less when the machine has other work.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import scorers
import texts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=0, metavar="N", help="also a set of N utterances")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument("--one", nargs=2, metavar=("SCORER", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(one(options.one[0], int(options.one[1]))))
        return 0
    if options.quick:
        options.utterances, options.rounds, options.large = 400, 1, min(options.large, 2000)
    found = {"utterances": options.utterances, "scorers": small(options.utterances, options.rounds)}
    show(found["scorers"])
    if options.large:
        found["large"] = {
            "utterances": options.large,
            "scorers": [large(name, options.large) for name in scorers.LARGE],
        }
        print(f"\n{options.large:,} utterances, each scorer in a process of its own")
        show(found["large"]["scorers"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def small(utterances: int, rounds: int) -> list[dict[str, Any]]:
    test_set = scorers.columns(list(texts.utterances(utterances)))
    results: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, scorer in scorers.SCORERS.items():
            try:
                seconds, cpu, counts = timed(scorer, test_set)
            except (ImportError, FileNotFoundError) as error:
                print(f"without {name}: {error}", file=sys.stderr)
                continue
            fresh = {"scorer": name, "seconds": seconds, "cpu_seconds": cpu, "counts": counts}
            result = results.setdefault(name, fresh)
            result["seconds"] = min(seconds, result["seconds"])
            result["cpu_seconds"] = min(cpu, result["cpu_seconds"])
    return finished(list(results.values()), utterances)


def large(name: str, utterances: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", name, str(utterances)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def one(name: str, utterances: int) -> dict[str, Any]:
    test_set = scorers.columns(list(texts.utterances(utterances)))
    before = peak_megabytes()
    seconds, cpu, counts = timed(scorers.LARGE[name], test_set)
    result = {"scorer": name, "seconds": seconds, "cpu_seconds": cpu, "counts": counts}
    result["extra_megabytes"] = round(peak_megabytes() - before)
    return finished([result], utterances)[0]


def timed(scorer: Callable[[scorers.TestSet], scorers.Counts], test_set: scorers.TestSet) -> tuple[float, float, Any]:
    start, cpu_start = time.perf_counter(), processor_seconds()
    counts = scorer(test_set)
    return time.perf_counter() - start, processor_seconds() - cpu_start, counts


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def finished(results: list[dict[str, Any]], utterances: int) -> list[dict[str, Any]]:
    for result in results:
        result["utterances_per_second"] = round(utterances / result["seconds"])
    return results


def show(results: list[dict[str, Any]]) -> None:
    rates = {result["scorer"]: result["utterances_per_second"] for result in results}
    base = rates.get("jiwer", 0)
    base_cpu = next((result["cpu_seconds"] for result in results if result["scorer"] == "jiwer"), 0.0)
    print(f"{'scorer':32}{'utt/s':>10}{'x jiwer':>9}{'x cpu':>7}{'sub':>9}{'del':>9}{'ins':>9}{'MB':>7}")
    for result in results:
        counts = ["-" if count is None else f"{count}" for count in result["counts"]]
        ratio = f"{result['utterances_per_second'] / base:.1f}" if base else "-"
        memory = str(result.get("extra_megabytes", "-"))
        ratio_cpu = f"{base_cpu / result['cpu_seconds']:.1f}" if base_cpu else "-"
        line = f"{result['scorer']:32}{result['utterances_per_second']:>10,}{ratio:>9}{ratio_cpu:>7}"
        print(line + "".join(f"{count:>9}" for count in counts) + f"{memory:>7}")


if __name__ == "__main__":
    sys.exit(main())
