"""ESPnet2: one option of the recipe, or one line before `espnetez.Trainer`, records training, decoding and scores.

Tested with ESPnet 202511. Without touching the recipe (``asr.sh``, ``tts.sh``, … put ``--python`` before every module)::

    ./run.sh --python "python3 -m speech_tracker.integrations.espnet"

With a Python entry point of one's own, or espnetez::

    import speech_tracker.integrations.espnet
    speech_tracker.integrations.espnet.install(project="librispeech")

This module imports nothing of ESPnet: the option prefixes dozens of helper commands too, which must start as fast and
as silently as without it. The hooks are listed in `docs/espnet.md`.
"""

from __future__ import annotations

from typing import Any

from speech_tracker.optional import require


def install(**options: Any) -> None:
    """Have every ESPnet training of this process recorded.

    Args:
        options: as for `speech_tracker.init`: project, name, tags, languages, mode.

    Raises:
        MissingExtraError: ESPnet cannot be imported.
    """
    require("espnet2.tasks.abs_task", extra="espnet", purpose="follow its trainings")
    from speech_tracker.integrations.espnet.live import install as install_hooks

    install_hooks(**options)
