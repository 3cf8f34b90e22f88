"""Log and be killed, or count what is left; started by run.py.

process.py log NAME STEPS PAUSE FOLDER     one line on stdout for each step whose log call has returned; then it waits
process.py read NAME FOLDER                prints how many steps are in the folder, read as it lies there
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "logging"))

from tools import TOOLS, installed


def main() -> None:
    task, name = sys.argv[1], sys.argv[2]
    if not installed(name):
        print("not installed", flush=True)
        return
    if task == "read":
        print(TOOLS[name]().read(Path(sys.argv[3])))
        return
    steps, pause = int(sys.argv[3]), float(sys.argv[4])
    log = TOOLS[name]().start(Path(sys.argv[5]))
    for step in range(steps):
        log(step)
        print(step, flush=True)
        time.sleep(pause)
    time.sleep(600)


if __name__ == "__main__":
    main()
