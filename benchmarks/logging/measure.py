"""Measure one tool in a process of its own; prints one JSON object. Started by run.py."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from tools import TOOLS, installed

PERIOD = 0.005  # seconds of a paced step
TOUCHED = 32 * 1024 * 1024  # bytes read and written between two paced steps: more than the processor's caches hold


def main(name: str, pace: str, steps: int, folder: str) -> None:
    if not installed(name):
        print(json.dumps({"installed": False}))
        return
    tool = TOOLS[name]()
    log = tool.start(Path(folder))
    for step in range(min(50, steps)):  # connections, first files, compiled paths
        log(step)
    taken = paced(log, steps) if pace == "paced" else tight(log, steps)
    tool.finish()
    taken.sort()
    print(json.dumps({
        "installed": True, "steps": steps, "median_us": taken[steps // 2] / 1e3,
        "p99_us": taken[min(steps - 1, int(steps * 0.99))] / 1e3, "max_us": taken[-1] / 1e3, "mean_us": sum(taken) / steps / 1e3,
    }))  # fmt: skip


def tight(log, steps: int) -> list[int]:  # type: ignore[no-untyped-def]
    clock, taken = time.perf_counter_ns, [0] * steps
    gc.collect()
    for index in range(steps):
        begin = clock()
        log(50 + index)
        taken[index] = clock() - begin
    return taken


def paced(log, steps: int) -> list[int]:  # type: ignore[no-untyped-def]
    clock, taken = time.perf_counter_ns, [0] * steps
    work = bytearray(TOUCHED)
    half = TOUCHED // 2
    for index in range(steps):
        until = time.perf_counter() + PERIOD
        work[:half] = work[half:]  # the training step: its data push ours out of the caches
        while (left := until - time.perf_counter()) > 0:
            time.sleep(left)
        begin = clock()
        log(50 + index)
        taken[index] = clock() - begin
    return taken


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
