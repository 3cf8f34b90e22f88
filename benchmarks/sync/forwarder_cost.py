"""What the W&B forwarder costs the training thread: `log_metrics` of five scalars, with and without it, in turn.

Run: python benchmarks/forwarder_cost.py [CALLS]   (starts a W&B-compatible server on 127.0.0.1 for itself)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ONE = """
import json, sys, time
import speech_tracker
mode, calls, pace = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
run = speech_tracker.init("bench", mode=mode)
until = time.time() + 30
while mode == "online" and not run.url and time.time() < until:
    time.sleep(0.1)
values = {"train/loss": 0.5, "train/acc": 0.5, "lr": 0.1, "grad": 1.0, "time": 2.0}
spent = []
for step in range(calls):
    began = time.perf_counter_ns()
    run.log_metrics(values, step=step)
    spent.append(time.perf_counter_ns() - began)
    if pace:
        time.sleep(pace)
spent.sort()
run.finish(timeout=1.0)
print(json.dumps([spent[len(spent) // 2] / 1e3, spent[len(spent) * 99 // 100] / 1e3]))
"""


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [
            str(Path(sys.executable).with_name("openwandb")),
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        server = subprocess.Popen(
            [*command, "--data-dir", f"{folder}/server"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "SPEECH_TRACKER_DIR": f"{folder}/store", "SPEECH_TRACKER_SILENT": "1", "WANDB_DIR": folder,
                       "WANDB_BASE_URL": url, "WANDB_API_KEY": "0123456789" * 4}  # fmt: skip
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"{url}/api/v2/projects", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            for name, count, pace in (("tight loop", calls, 0.0), ("every 5 ms", min(calls, 3000), 0.005)):
                for mode in ("local", "online", "local", "online"):
                    done = subprocess.run([sys.executable, "-c", ONE, mode, str(count), str(pace)], env=environment, cwd=folder,
                                          capture_output=True, text=True, check=True)  # fmt: skip
                    median, late = json.loads(done.stdout)
                    print(f"{name:12s} {mode:8s} median {median:7.1f} us   p99 {late:7.1f} us", flush=True)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
