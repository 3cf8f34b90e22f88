"""What ``--user-dir`` imports, in every process of the training, before the task is set up."""

import sys
from contextlib import suppress
from pathlib import Path

from speech_tracker.guard import shielded

# Fairseq has put the folder above this one first, where a recipe's own `import results` would find a module of ours
with suppress(ValueError):
    sys.path.remove(str(Path(__file__).parents[1]))

with shielded("following Fairseq"):
    from speech_tracker.integrations.fairseq.live import install

    install()
