"""Looks at the clock after every step of every optimizer, and writes what it saw when the process ends.

The training programs import it, whether they are recorded or not: what it costs itself (a microsecond a step) is in both.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import statistics
import time
from pathlib import Path

from torch.optim.optimizer import register_optimizer_step_post_hook

_moments: list[tuple[float, float]] = []


def _look(*_: object) -> None:
    _moments.append((time.monotonic(), time.process_time()))


def _write() -> None:
    if len(_moments) < 3:
        return
    ended = time.monotonic()
    walls = [wall for wall, _ in _moments]
    # what is imported when the first epoch is validated is a cost of starting, not of training
    second = min(int(os.environ["BENCHMARK_EPOCH_STEPS"]), len(_moments) - 2)
    seen = {
        "steps": len(_moments),
        "startup_s": walls[0] - float(os.environ["BENCHMARK_BEGAN"]),
        "loop_s": walls[-1] - walls[0],
        "loop_processor_s": _moments[-1][1] - _moments[0][1],
        "steady_s": walls[-1] - walls[second],
        "steady_processor_s": _moments[-1][1] - _moments[second][1],
        "step_s": statistics.median(later - earlier for earlier, later in itertools.pairwise(walls)),
        "ending_s": ended - walls[-1],
    }
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(seen))


register_optimizer_step_post_hook(_look)
atexit.register(_write)
