"""How many steps are lost when a logging process is killed, of those whose log call had returned, beside other tools.

    python benchmarks/durability/run.py                                  about eight minutes
    python benchmarks/durability/run.py --peers-python VENV/bin/python   tools that cannot share our environment (MLflow, …)
    python benchmarks/durability/run.py --quick                          ours and the bare write, few steps

Each tool logs five scalars per step every 2 ms and acknowledges each step through a pipe. At the last one the process gets
SIGTERM, SIGKILL, or SIGKILL with all processes that it has started, as a scheduler does. Helper processes that survive have
ten seconds to write what they have. Then a new process reads what is on disk, without any repair step.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "logging"))

import family  # noqa: E402
from tools import TOOLS  # noqa: E402

PAUSE = 0.002  # seconds between steps
GRACE = 10.0  # seconds for helper processes to write what they have
ENDS = ("SIGTERM", "SIGKILL", "everything")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, metavar="PYTHON", help="another Python that has further tools")
    parser.add_argument("--steps", default="10,100,1000", help="acknowledged steps, with commas between them")
    parser.add_argument("--tools", default=",".join(name for name in TOOLS if name != "ours-online"), help="only these")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args(arguments)
    if options.quick:
        options.steps, options.tools = "10", "ours,bare"
    counts = [int(each) for each in options.steps.split(",")]
    results: dict[str, dict[str, dict[str, int]] | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.tools.split(","):
            python = next(
                (each for each in (sys.executable, options.peers_python) if each and has(str(each), name)), None
            )
            results[name] = None
            if python is not None:
                results[name] = {
                    end: {str(count): lost(str(python), name, count, end, Path(folder) / f"{name}-{end}-{count}") for count in counts}
                    for end in ENDS
                }  # fmt: skip
    table(results, counts)
    if options.json:
        options.json.write_text(json.dumps({"acknowledged": counts, "lost": results}, indent=2) + "\n")
    return 0


def has(python: str, name: str) -> bool:
    done = subprocess.run(
        [python, str(HERE / "process.py"), "read", name, "/nowhere"], capture_output=True, text=True, check=False
    )
    return "not installed" not in done.stdout


def lost(python: str, name: str, count: int, end: str, folder: Path) -> int:
    """Return how many of `count` acknowledged steps cannot be read after the process was ended by `end`."""
    home = {
        variable: str(folder / "home")
        for variable in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    }
    (folder / "home").mkdir(parents=True)
    environment: dict[str, Any] = {**os.environ, **home, "WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
                                   family.MARK: str(folder), "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # fmt: skip
    data = str(folder / "data")
    with (folder / "stderr").open("wb") as errors, subprocess.Popen(
        [python, str(HERE / "process.py"), "log", name, str(count), str(PAUSE), data],
        env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            seen += line.strip().isdigit()  # a tool may print greetings
            if seen == count:
                break
        if seen < count:
            raise SystemExit(f"{name} ended early:\n{(folder / 'stderr').read_text()[-3000:]}")
        if end == "everything":
            family.kill(str(folder))
        else:
            process.send_signal(signal.SIGTERM if end == "SIGTERM" else signal.SIGKILL)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        family.wait(str(folder), GRACE)
        family.kill(str(folder))
    done = subprocess.run(
        [python, str(HERE / "process.py"), "read", name, data],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name} cannot be read:\n{done.stderr[-3000:]}")
    return count - min(count, int(done.stdout.splitlines()[-1]))


def table(results: dict[str, dict[str, dict[str, int]] | None], counts: list[int]) -> None:
    print(f"{'lost of ' + ' / '.join(map(str, counts)) + ' steps':30}" + "".join(f"{end:>18}" for end in ENDS))
    for name, each in results.items():
        if each is None:
            print(f"{TOOLS[name].title:30}{'not installed':>18}")
            continue
        print(
            f"{TOOLS[name].title:30}"
            + "".join(f"{' / '.join(str(each[end][str(n)]) for n in counts):>18}" for end in ENDS)
        )


if __name__ == "__main__":
    sys.exit(main())
