"""A training that logs: run by the tests as a process of its own.

Reads commands from stdin, one a line, and answers each with a line on stdout: ``log N`` logs N steps; ``rewind S``;
``finish [SECONDS]``; ``crash``; ``exit``; ``url``.
"""

from __future__ import annotations

import sys
import time

import speech_tracker


def main() -> None:
    mode, name = sys.argv[1], sys.argv[2]
    began = time.monotonic()
    run = speech_tracker.init("project", task="asr", name="training", id=name, mode=mode, config={"lr": 0.1})
    print(f"ready {time.monotonic() - began:.3f}", flush=True)
    step = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    for line in sys.stdin:
        command, *arguments = line.split()
        began = time.monotonic()
        if command == "log":
            for _ in range(int(arguments[0])):
                run.log_metrics(
                    {"train/loss": 1.0 / (step + 1), "valid/test-clean/wer": 0.5}, step=step, epoch=step // 10
                )
                step += 1
        elif command == "rewind":
            step = int(arguments[0]) + 1
            run.rewind(step=int(arguments[0]))
        elif command == "finish":
            run.finish(timeout=float(arguments[0]) if arguments else None)
        elif command == "crash":
            raise RuntimeError("the training broke")
        elif command == "exit":
            break
        print(f"done {command} {time.monotonic() - began:.3f} {run.url or ''}", flush=True)


main()
