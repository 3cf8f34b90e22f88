"""What one log call of five scalars costs the thread that trains, beside other tools in the same run.

    python benchmarks/logging/run.py                                  about four minutes
    python benchmarks/logging/run.py --peers-python VENV/bin/python   tools that cannot share our environment (MLflow, …)
    python benchmarks/logging/run.py --quick                          a few steps, to see that it runs

"tight" calls without a pause; "paced" once in 5 ms, with 32 MiB moved in between as a training step does, so that nothing of
the logger is left in the processor's caches. The tools take turns, each in a process of its own; the median over the rounds
is shown. The machine may be busy: look at the ratios. A tool that no given Python has is listed as "not installed".
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from tools import TOOLS  # noqa: E402

Result = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, metavar="PYTHON", help="another Python that has further tools")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5000, help="of the tight loop")
    parser.add_argument("--paced-steps", type=int, default=400)
    parser.add_argument("--tools", default=",".join(TOOLS), help="only these, with commas between them")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.steps, options.paced_steps = 1, 100, 10
    names = options.tools.split(",")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), wanted="ours-online" in names) as url:
        results = {
            pace: measure(names, pace, steps, options, Path(folder), url)
            for pace, steps in (("tight", options.steps), ("paced", options.paced_steps))
        }
    for pace, each in results.items():
        table(pace, each)
    if options.json:
        facts = {"rounds": options.rounds, "python": sys.version.split()[0], "cores": os.cpu_count()}
        options.json.write_text(json.dumps({**facts, **results}, indent=2) + "\n")
    return 0


@contextmanager
def server(folder: Path, *, wanted: bool) -> Iterator[str | None]:
    """A local W&B-compatible server (openwandb), None where it is not installed."""
    program = Path(sys.executable).with_name("openwandb")
    if not wanted or not program.exists():
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder / "server"),
               "--log-level", "error"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/api/v2/projects", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit("openwandb did not start")
        yield url
    finally:
        process.kill()
        process.wait()


def measure(
    names: list[str], pace: str, steps: int, options: argparse.Namespace, folder: Path, url: str | None
) -> dict[str, Result]:
    found: dict[str, list[Result]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names:
            count = max(10, steps // 20) if TOOLS[name].slow else steps
            found[name].append(one(name, pace, count, folder / f"{pace}-{name}-{number}", options.peers_python, url))
    return {name: summary(each) for name, each in found.items()}


def one(name: str, pace: str, steps: int, folder: Path, peers: Path | None, url: str | None) -> Result:
    if name == "ours-online" and url is None:
        return {"installed": False}
    home = {
        variable: str(folder / "home")
        for variable in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    }
    (folder / "home").mkdir(parents=True)
    environment = {**os.environ, **home, "WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1",
                   "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # fmt: skip
    if name == "ours-online":
        environment |= {"WANDB_BASE_URL": str(url), "WANDB_API_KEY": "0123456789" * 4, "WANDB_MODE": "online"}
    result: Result = {"installed": False}
    for python in (sys.executable, peers):
        if python is None or result["installed"]:
            continue
        done = subprocess.run(
            [str(python), str(HERE / "measure.py"), name, pace, str(steps), str(folder / "data")],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
    return result


def summary(rounds: list[Result]) -> Result:
    if not rounds[0]["installed"]:
        return {"installed": False}
    values = ("median_us", "p99_us", "mean_us", "max_us")
    return {
        "installed": True,
        "steps": rounds[0]["steps"],
        **{key: statistics.median(r[key] for r in rounds) for key in values},
    }


def table(pace: str, results: dict[str, Result]) -> None:
    ours = results.get("ours", {}).get("median_us")
    print(f"\n{pace:30}{'median':>12}{'p99':>12}{'mean':>12}{'÷ ours':>9}")
    for name, each in results.items():
        title = TOOLS[name].title
        if not each["installed"]:
            print(f"{title:30}{'not installed':>12}")
            continue
        numbers = "".join(f"{each[key]:>9.1f} µs" for key in ("median_us", "p99_us", "mean_us"))
        print(f"{title:30}{numbers}{each['median_us'] / ours if ours else float('nan'):>9.2f}")


if __name__ == "__main__":
    sys.exit(main())
