"""Runs `speech-tracker` so that permissions hold for root as for everybody else; exit code 77 where that cannot be done.

Root remains the same user, so that it can still start its own Python, but without the two capabilities by which it reads
and enters everything (capabilities(7)). They are taken from what a new program may have, and then one is begun.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2

if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if not hasattr(libc, "prctl") or libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            print(os.strerror(ctypes.get_errno()), file=sys.stderr)
            sys.exit(77)
program = "import sys; from speech_tracker.cli import main; sys.exit(main())"
os.execv(sys.executable, [sys.executable, "-c", program, *sys.argv[1:]])
