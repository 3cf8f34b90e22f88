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

from speech_tracker.guard import shielded

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
    _follow()
    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    found.main()


def _follow() -> None:
    with shielded("following ESPnet's trainings"):  # of an ESPnet whose parts lie elsewhere: it trains all the same
        from speech_tracker.integrations.espnet import install

        install()


def _infer(module: str, arguments: list[str]) -> None:
    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    watch = None
    with shielded("timing the decoder"):
        from speech_tracker.integrations.espnet.stopwatch import Stopwatch

        watch = Stopwatch(found)
    found.main()
    with shielded("recording the decoding"):
        from speech_tracker.integrations.espnet.inference import record

        record(arguments, module=module, seconds=watch.seconds if watch is not None else None)


def _perplexity(module: str, arguments: list[str]) -> None:
    found = importlib.import_module(module)
    sys.argv[0] = str(found.__file__)
    found.main()
    with shielded("recording the perplexity"):
        from speech_tracker.integrations.espnet.perplexity import record

        record(arguments, module=module)


if __name__ == "__mp_main__":  # a rank that multiprocessing spawned: the parent's hooks are not in this process
    _follow()
if __name__ == "__main__":
    main(sys.argv[1:])
