"""Normalising text with alternates: the words are normalised, the marks of the structure stay.

A normaliser that removes punctuation would turn ``{ um / uh / @ }`` into words that nobody said.
"""

from __future__ import annotations

import re

from speech_tracker.evaluation.normalize import Normalizer

_MARK = re.compile(r"([{}/])")
_OPTIONAL = re.compile(r"(\([^()\s]+\))")


def has_alternates(text: str) -> bool:
    """Whether a text holds alternates ``{ a / b }``."""
    return "{" in text and "}" in text


class KeepingStructure:
    """A normaliser that leaves alternates and optional words ``(word)`` in place; recorded as the one it wraps.

    Text without alternates is normalised as a whole, optional words included, so that ordinary text with parentheses
    is treated the same with and without this.
    """

    def __init__(self, normalizer: Normalizer) -> None:
        self._normalizer = normalizer
        self.name = normalizer.name
        self.version = normalizer.version
        self.digest = normalizer.digest

    def __call__(self, text: str, /) -> str:
        """Return the text with every run of words normalised; an alternate that comes out empty is ``@``."""
        if not has_alternates(text):
            return self._normalizer(text)
        parts: list[str] = []
        depth = 0
        pieces = _MARK.split(text)
        run = ""
        for piece in pieces:
            if piece == "/" and not depth:  # outside of alternates a slash is text
                run += piece
            elif piece in ("{", "}", "/"):
                self._add(run, parts, ends_alternate=bool(depth) and piece != "{")
                run = ""
                depth = max(0, depth + (piece == "{") - (piece == "}"))
                parts.append(piece)
            else:
                run += piece
        self._add(run, parts, ends_alternate=False)
        return " ".join(part for part in parts if part)

    def _add(self, run: str, parts: list[str], *, ends_alternate: bool) -> None:
        words = "" if run.strip() == "@" else " ".join(self._words(run))
        # an alternate is empty when nothing stands between its mark and the next one
        parts.append(words or ("@" if ends_alternate and parts and parts[-1] in ("{", "/") else ""))

    def _words(self, run: str) -> list[str]:
        found = []
        for piece in _OPTIONAL.split(run):
            if _OPTIONAL.fullmatch(piece):
                inner = self._normalizer(piece[1:-1])
                found += [f"({word})" for word in inner.split()]
            elif piece.strip():
                found += self._normalizer(piece).split()
        return found
