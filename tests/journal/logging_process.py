"""A program that logs and is killed in the middle, many times; run by test_kill.py as a process of its own.

It forks one logging process after another (so that Python starts only once), lets each acknowledge through a pipe every
log call that has returned, and kills it, alone or with its process group, at a random moment. What was acknowledged goes to
stdout, one JSON object a line. Nothing is repaired.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker import Run

SHAPES = ("one", "threads", "group")
THREADS = 3


def calls(seed: int) -> Iterator[Callable[[Run], None]]:
    """Yield log calls without end, mixed in kind and in size; the same ones for the same seed."""
    draw = random.Random(seed)
    step = 0
    while True:
        step += 1
        kind = draw.choices(
            (
                "metrics",
                "config",
                "checkpoint",
                "event",
                "json",
                "table",
                "dataset",
                "problem",
                "tags",
                "link",
                "speech",
            ),
            (30, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1),
        )[0]
        number = draw.choice((draw.random(), float("nan"), float("inf"), -0.0, draw.randrange(10**30), True))
        text = draw.choice(("plain", "مرحبا", "\ud800 half a character", "a\nb\tc\x00", "x" * draw.randrange(20_000)))
        yield _call(kind, step, number, text)


def _call(kind: str, step: int, number: Any, text: str) -> Callable[[Run], None]:
    table: dict[str, Callable[[Run], None]] = {
        "metrics": lambda run: run.log_metrics({"train/loss": number, "train/step": step}, step=step, epoch=step // 7),
        "config": lambda run: run.log_config({"model": {"layers": step, "note": text}, f"key{step % 5}": number}),
        "checkpoint": lambda run: run.log_checkpoint(
            f"/nowhere/{step % 4}.ckpt", step=step, metrics={"valid/wer": number}
        ),
        "event": lambda run: run.log_event("stage", stage=step, note=text),
        "json": lambda run: run.log_json("last", {"step": step, "note": text, "number": number}),
        "table": lambda run: run.log_table("sweep", ["beam", "wer"], [[1, number], [2, text]], step=step),
        "dataset": lambda run: run.log_dataset(f"set{step % 3}", split="train", utterances=step, note=text),
        "problem": lambda run: run.log_problem("skipped", path="log", line=step, text=text),
        "tags": lambda run: run.add_tags(f"tag{step % 6}"),
        "link": lambda run: run.link(f"other{step % 3}", "fine-tuned-from"),
        "speech": lambda run: run.log_speech({"model": {"encoder_layers": step}}),
    }
    return table[kind]


def log_thread(run: Run, name: str, acknowledge: Callable[[str], None], limit: int | None = None) -> None:
    """Log counted metrics under `name`, `limit` of them or without end."""
    step = 0
    while limit is None or step < limit:
        step += 1
        run.log_metrics({f"{name}/value": step / 7}, step=step)
        acknowledge(name)


def _child(store: str, seed: int, shape: str, ack: int) -> None:
    os.setpgid(0, 0)
    sys.setswitchinterval(0.0005)

    def acknowledge(name: str) -> None:
        os.write(ack, name.encode() + b"\n")  # shorter than PIPE_BUF: whole, from any thread or process

    run = speech_tracker.init("kill", "asr", id=f"{shape}-{seed}", store=store, mode="local", capture_environment=False)
    acknowledge("init")
    if shape == "threads":
        for number in range(THREADS):
            threading.Thread(target=log_thread, args=(run, f"thread{number}", acknowledge), daemon=True).start()
    if shape == "group" and os.fork() == 0:  # a data loader's worker, which logs into a segment of its own
        log_thread(run, "worker", acknowledge)
    for call in calls(seed):
        call(run)
        acknowledge("main")


def _kill_one(store: str, seed: int, shape: str) -> dict[str, Any]:
    draw = random.Random(seed)
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receive)
            _child(store, seed, shape, send)
        finally:
            os._exit(3)
    os.close(send)
    with contextlib.suppress(PermissionError):  # whoever comes first, child or parent
        os.setpgid(child, child)
    received = b"" if draw.random() < 0.2 else os.read(receive, 1)  # a fifth may die while the run is being begun
    time.sleep(draw.random() ** 2 * 0.04)
    if shape == "group":
        os.killpg(child, signal.SIGKILL)
    else:
        os.kill(child, signal.SIGKILL)
    while piece := os.read(receive, 65536):  # the pipe ends when the last process that could acknowledge is gone
        received += piece
    os.close(receive)
    _, status = os.waitpid(child, 0)
    counts: dict[str, int] = {}
    for name in received.decode().splitlines():
        counts[name] = counts.get(name, 0) + 1
    return {
        "run": f"{shape}-{seed}",
        "seed": seed,
        "shape": shape,
        "acknowledged": counts,
        "signal": os.WTERMSIG(status),
    }


def main(store: str, kills: int) -> None:
    Path(store).mkdir(parents=True, exist_ok=True)
    for seed in range(kills):
        # half of them alone (one thread or several), half with their whole process group
        shape = "group" if seed % 2 else SHAPES[seed // 2 % 2]
        print(json.dumps(_kill_one(store, seed, shape)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
