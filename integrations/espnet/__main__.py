"""`python -m speech_tracker.integrations.espnet -m espnet2.bin.asr_train …`: what it runs, it runs as Python would.

A training is recorded (`live`), an inference job (`inference`) and the perplexity of a language model (`perplexity`) are
looked at when they are done; every other module, script or ``-c`` passes straight through.
"""

from __future__ import annotations

import importlib
import os
import re
import runpy
import sys

_MODULE = re.compile(r"^espnet2\.bin\.\w+_(train|inference|perplexity)(_\w+)?$")


def main(arguments: list[str]) -> None:
    """Run what `arguments` say, as ``python`` would."""
    if not arguments or arguments[0] != "-m" or len(arguments) < 2:  # a script, -c, or nothing at all
        os.execv(sys.executable, [sys.executable, *arguments])
    module, *rest = arguments[1:]
    sys.argv = [module, *rest]
    found = _MODULE.match(module)
    if found:
        # not runpy: it would replace __main__, and ranks that are spawned import __main__ again to find their hooks
        {"train": _train, "inference": _infer, "perplexity": _perplexity}[found[1]](module, rest)
        return
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _train(module: str, _arguments: list[str]) -> None:
    from speech_tracker.integrations.espnet import install

    install()
    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    found.main()


def _infer(module: str, arguments: list[str]) -> None:
    from speech_tracker.integrations.espnet.inference import record
    from speech_tracker.integrations.espnet.stopwatch import Stopwatch

    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    watch = Stopwatch(found)
    found.main()
    record(arguments, module=module, seconds=watch.seconds)


def _perplexity(module: str, arguments: list[str]) -> None:
    from speech_tracker.integrations.espnet.perplexity import record

    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    found.main()
    record(arguments, module=module)


if __name__ == "__mp_main__":  # a rank that multiprocessing spawned: the parent's hooks are not in this process
    from speech_tracker.integrations.espnet import install

    install()
if __name__ == "__main__":
    main(sys.argv[1:])
