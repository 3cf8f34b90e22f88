"""Keys as W&B wants them: parts of letters, digits and underscores, between slashes.

>>> keys = Keys()
>>> keys.of("test/test-clean/wer"), keys.of("lr-AdamW/pg1"), keys.of("train/loss")
('test/test_clean/wer', 'lr_AdamW/pg1', 'train/loss')
>>> keys.of("test/test_clean/wer")
'test/test_clean/wer_2'
>>> keys.changed
{'test/test_clean/wer': 'test/test-clean/wer', 'lr_AdamW/pg1': 'lr-AdamW/pg1', 'test/test_clean/wer_2': 'test/test_clean/wer'}
"""

from __future__ import annotations

import re

AXES = ("step", "epoch")
"""Keys of the axes in every row."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
_ARTIFACT_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_VERSION = re.compile(r"^v\d+$")


class Keys:
    """Gives each name a key of its own, always the same one.

    Of two names that come to the same key the first keeps it and the second is numbered.

    Attributes:
        changed: key to name, where they differ.
    """

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._taken: set[str] = set(AXES)
        self.changed: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the key of `name`."""
        known = self._of.get(name)
        if known is not None:
            return known
        wanted = safe_key(name)
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}_{number}"
        self._of[name] = key
        self._taken.add(key)
        if key != name:
            self.changed[key] = name
        return key


def safe_key(name: str) -> str:
    """Return `name` with every part made of ``[A-Za-z_][A-Za-z0-9_]*``; no key begins with an underscore.

    W&B hides keys that begin with one, so the first part then begins with ``m_``.
    """
    parts = [_UNSAFE.sub("_", part) or "_" for part in name.split("/")]
    parts = [f"_{part}" if part[0].isdigit() else part for part in parts]
    if parts[0].startswith("_"):
        parts[0] = f"m{parts[0]}"
    return "/".join(parts)


def artifact_name(*parts: str) -> str:
    """Return a name that an artifact can have (letters, digits, ``_``, ``.``, ``-``; at most 128 characters)."""
    return _ARTIFACT_UNSAFE.sub("-", "-".join(part for part in parts if part)).strip("-")[:128] or "artifact"


def aliases(*names: object) -> tuple[str, ...]:
    """Return `names` as aliases that W&B takes: without ``/`` and ``:``, none that looks like its own (``v3``), no twins."""
    made = [_ARTIFACT_UNSAFE.sub("-", str(name))[:128].strip("-") for name in names if name is not None]
    return tuple(dict.fromkeys(f"version-{name}" if _VERSION.match(name) else name for name in made if name))
