"""Stages that a recipe announces in its output: ``stage 3``, or the scripts that echo how they were called."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"(?:^|[\s(:\[=*#-])[Ss]tage\s*[:=]?\s*(-?\d+)\b[\s:.)\]-]*(.{0,200})")
_SCRIPT = re.compile(r"^((?:\./)?(?:steps|local|utils|rnnlm|sid|diarization)/[\w./-]+\.(?:sh|py|pl))(?: (.*))?$")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def stage_of(line: str) -> tuple[str, str] | None:
    """Return a stage and what is said of it, None when a line announces none.

    >>> stage_of("steps/train_mono.sh --nj 4 data/train data/lang exp/mono")
    ('steps/train_mono.sh', '--nj 4 data/train data/lang exp/mono')
    >>> stage_of("2024-05-01T10:00:00 (asr.sh:123:main) Stage 3: Format wav.scp")
    ('stage 3', 'Format wav.scp')
    >>> stage_of("steps/train_mono.sh: Initializing monophone system.") is None
    True
    """
    line = _COLOURS.sub("", line).strip()
    script = _SCRIPT.match(line)
    if script is not None:
        return script[1].removeprefix("./"), (script[2] or "")[:500]
    numbered = _NUMBERED.search(line[:400])
    if numbered is not None and "--stage" not in line:
        return f"stage {numbered[1]}", numbered[2].strip()
    return None
