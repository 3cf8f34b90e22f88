"""Values of a configuration that may be anything, as what they should be, or None."""

from __future__ import annotations


def number_of(value: object) -> float | None:
    """Return a number, None for everything else, ``True`` and texts included."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text_of(value: object) -> str | None:
    """Return a text that is not empty, None for everything else."""
    return value if isinstance(value, str) and value else None


def truth_of(value: object) -> bool | None:
    """Return ``True`` or ``False``, None for everything else, 0 and 1 included."""
    return value if isinstance(value, bool) else None
