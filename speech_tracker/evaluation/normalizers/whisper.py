"""OpenAI's Whisper normalisers, from the package whisper-normalizer, with a warning where they ruin a script."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

from speech_tracker.optional import require

_PACKAGE = "whisper-normalizer"


class NormalizerWarning(UserWarning):
    """A normaliser changes text in a way that makes the error rate mean something else."""


def package_version() -> str:
    """Return the version of whisper-normalizer, which is the version of these rules."""
    return version(_PACKAGE)


def english() -> Callable[[str], str]:
    """Return Whisper's English normaliser: numbers, spelling, contractions, fillers, diacritics.

    Raises:
        MissingExtraError: whisper-normalizer is not installed.
    """
    module = _package("whisper_normalizer.english")
    return _Watched("whisper-en", module.EnglishTextNormalizer(), _foreign_letter)


def basic() -> Callable[[str], str]:
    """Return Whisper's basic normaliser, which replaces combining marks by blanks.

    Raises:
        MissingExtraError: whisper-normalizer is not installed.
    """
    module = _package("whisper_normalizer.basic")
    return _Watched("whisper-basic", module.BasicTextNormalizer(), _combining_mark)


def basic_keeping_marks() -> Callable[[str], str]:
    """Return Whisper's basic normaliser with its later option to keep combining marks.

    Raises:
        MissingExtraError: whisper-normalizer is not installed, or is too old to have the option.
    """
    module = _package("whisper_normalizer.basic")
    return _Watched("whisper-basic-marks", module.BasicTextNormalizer(preserve_marks=True), None)


def _package(module: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own source makes Python complain about an escape sequence
        return require(module, extra="normalizers", purpose="normalise as Whisper does")


class _Watched:
    """Calls a normaliser, and warns at the first text that it is not made for."""

    def __init__(self, name: str, rules: Any, find: Callable[[str], str | None] | None) -> None:
        self._name, self._rules, self._find = name, rules, find

    def quietly(self, text: str) -> str:
        """Return the normalised text without looking whether the rules are made for it."""
        return str(self._rules(text)).strip()

    def __call__(self, text: str) -> str:
        result = self.quietly(text)
        if self._find is not None and not text.isascii() and (character := self._find(text)) is not None:
            self._find = None
            warnings.warn(self._warning(text, character), NormalizerWarning, stacklevel=2)
        return result

    def _warning(self, text: str, character: str) -> str:
        word = next((each for each in unicodedata.normalize("NFKC", text).split() if character in each), text)
        became = self.quietly(word)
        script = script_of(character)
        if self._name == "whisper-en":
            what = f"whisper-en is made for English, and the text holds {script} letters: {word!r} becomes {became!r}"
        else:
            what = f"whisper-basic replaces the combining marks of {script} by blanks: {word!r} becomes {became!r}"
        return f"{what}; the error rate is not that of the words any more; use the normaliser 'basic', which keeps them"


def _combining_mark(text: str) -> str | None:
    composed = unicodedata.normalize("NFKC", text)
    return next((each for each in composed if unicodedata.category(each)[0] == "M"), None)


def _foreign_letter(text: str) -> str | None:
    for each in unicodedata.normalize("NFKC", text):
        if unicodedata.category(each)[0] in "LM" and not unicodedata.name(each, "").startswith(_HARMLESS):
            return each
    return None


_HARMLESS = ("LATIN", "FULLWIDTH LATIN", "MODIFIER LETTER", "FEMININE ORDINAL", "MASCULINE ORDINAL")


def script_of(character: str) -> str:
    """Return the script's name as Unicode names begin, such as ``"Devanagari"``; ``"combining"`` for shared marks.

    >>> script_of("\u093f"), script_of("\u0e35")
    ('Devanagari', 'Thai')
    """
    return unicodedata.name(character, "unknown").split()[0].capitalize()
