"""Runs training scripts, each in a fork of this process, which has imported SpeechBrain already.

Importing it takes longer than the training. A line of JSON on stdin asks for a script: ``argv``, ``cwd``, ``env``, and
the files ``stdout`` and ``stderr``; a line on stdout answers with its exit status. The fork is a process of its own:
its signals, its exit handlers and its exit status are those of any script.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

# what a training imports, and does not change by importing it
import hyperpyyaml  # noqa: F401
import soundfile  # noqa: F401
import speechbrain.lobes.features
import speechbrain.nnet.losses  # noqa: F401
import torch._dynamo  # noqa: F401 - by the optimizer


def asked() -> dict[str, object] | None:
    """Answer requests; return one in each fork, and None in this process when there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


request = asked()
if request is not None:
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, request["stdout"], os.O_WRONLY), (2, request["stderr"], os.O_WRONLY)):  # fmt: skip
        opened = os.open(path, flags | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what was read ahead of the requests belongs to the parent
    sys.argv = request["argv"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
