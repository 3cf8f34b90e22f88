"""Text normalisers by name and version, so that a score says what was done to the text before counting."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from speech_tracker.errors import InvalidArgumentError, explain


@runtime_checkable
class Normalizer(Protocol):
    """What `score` needs of a normaliser; every attribute is stored with the result."""

    @property
    def name(self) -> str:
        """How it is asked for, e.g. ``"whisper-en"``; a chain is ``"a+b"``."""

    @property
    def version(self) -> str:
        """Version of the rules; for rules of a library, of that library."""

    @property
    def digest(self) -> str:
        """Short hash over name, version and what decides the behaviour."""

    def __call__(self, text: str, /) -> str:
        """Return the normalised text."""


@dataclass(frozen=True, slots=True)
class NamedNormalizer:
    """A function with the name, version and digest under which a result records it."""

    name: str
    version: str
    digest: str
    function: Callable[[str], str]

    def __call__(self, text: str, /) -> str:
        """Return the normalised text."""
        return self.function(text)


def digest_of(*parts: str) -> str:
    """Return 16 hexadecimal digits that change when any part changes."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _as_it_is(text: str) -> str:
    return text


_BUILT_IN: dict[str, tuple[str, Callable[[str], str]]] = {
    "none": ("1", _as_it_is),
    "lower": ("1", str.lower),
}


def get_normalizer(which: str | Normalizer) -> Normalizer:
    """Return the normaliser of that name, or the object itself when it is one.

    Raises:
        InvalidArgumentError: no normaliser has that name.
    """
    if not isinstance(which, str):
        return which
    if which not in _BUILT_IN:
        raise InvalidArgumentError(
            explain(
                "unknown normalizer", got=which, expected=f"one of {', '.join(_BUILT_IN)}", remedy="correct the name"
            )
        )
    version, function = _BUILT_IN[which]
    return NamedNormalizer(which, version, digest_of(which, version), function)
