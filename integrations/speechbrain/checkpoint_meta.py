"""``save/CKPT+…/CKPT.yaml``: when a checkpoint was made, and the figures that the recipe chooses checkpoints by.

A flat YAML file. Names of checkpoints are local times, so file and name together tell the machine's time zone. Source:
SpeechBrain 1.1, ``speechbrain.utils.checkpoints``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.integrations.speechbrain.train_log import number_of

_ENTRY = re.compile(r"^([^\s#][^:]*):(?:\s+(.*?))?\s*$")
_NAME = re.compile(r"^CKPT\+(\d{4})-(\d\d)-(\d\d)\+(\d\d)-(\d\d)-(\d\d)\+\d+$")
_QUARTER = 900


@dataclass(frozen=True, slots=True)
class CheckpointMeta:
    """What the file says.

    Attributes:
        unixtime: seconds since 1970; None where it is missing.
        end_of_epoch: False for one that was made in the middle of an epoch.
        epoch: where the recipe says it.
        values: the other numbers, in SpeechBrain's own units: error rates in percent.
    """

    unixtime: float | None
    end_of_epoch: bool
    epoch: int | None
    values: tuple[tuple[str, float], ...]


def parse_checkpoint_meta(data: bytes) -> Iterator[CheckpointMeta | Problem]:
    """Yield what the file says, and what of it cannot be read."""
    entries: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "backslashreplace").splitlines(), start=1):
        if (
            not line.strip()
            or line.lstrip().startswith("#")
            or line[0].isspace()
            or line.strip() in ("---", "...", "{}")
        ):
            continue
        found = _ENTRY.match(line)
        if found is None:
            yield Problem(number, shown(line), "expected `name: value`")
            continue
        entries[found[1].strip("'\"")] = (found[2] or "").strip("'\"")
    numbers: dict[str, float] = {}
    for key, text in entries.items():
        value = _number(text)
        if value is not None:
            numbers[key] = value
    epoch = numbers.pop("epoch", None)
    unixtime = numbers.pop("unixtime", None)
    if not entries:
        return
    yield CheckpointMeta(
        unixtime if unixtime is not None and math.isfinite(unixtime) else None,
        entries.get("end-of-epoch", "true").lower() != "false",
        int(epoch) if epoch is not None and abs(epoch) < 1e9 else None,
        tuple(numbers.items()),
    )


def _number(text: str) -> float | None:
    text = {".nan": "nan", ".inf": "inf", "-.inf": "-inf"}.get(text.lower(), text)
    return number_of(text)


def local_time(folder: str) -> float | None:
    """Return the local time that a checkpoint's folder is named by, as seconds since 1970 as if it were UTC.

    >>> local_time("CKPT+2025-04-16+17-20-59+00")
    1744824059.0
    >>> local_time("final") is None
    True
    """
    found = _NAME.match(folder)
    if found is None:
        return None
    try:
        return datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def zone_offset(folder: str, meta: CheckpointMeta) -> float | None:
    """Return how far the machine's clock was ahead of UTC in seconds, None when it cannot be told."""
    local = local_time(folder)
    if local is None or meta.unixtime is None:
        return None
    offset = round((local - meta.unixtime) / _QUARTER) * _QUARTER
    # a checkpoint is named within seconds of its time; another difference means that it was moved or renamed
    good = abs(offset) <= 14 * 3600 and abs(local - meta.unixtime - offset) < 120
    return float(offset) if good else None
