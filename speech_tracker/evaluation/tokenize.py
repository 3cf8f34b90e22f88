"""What is counted: words, characters, or Chinese and Japanese characters among words.

Words are separated by **ASCII** white space only, as Kaldi and sclite do: a no-break space (U+00A0) or an ideographic
space (U+3000) is part of a word. `score` reports the utterances in which one occurs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from speech_tracker.errors import InvalidArgumentError, explain
from speech_tracker.formats.parsed import BLANKS

Unit = Literal["word", "char", "mixed"]
Spaces = Literal["keep", "remove"]
Tokenizer = Callable[[str], "list[str]"]

UNITS: tuple[Unit, ...] = ("word", "char", "mixed")
SPACES: tuple[Spaces, ...] = ("keep", "remove")

UNUSUAL_SPACE = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]")
"""White space, or what looks like it, that separates words for the eye but not for Kaldi and sclite."""

_CHARACTER_SCRIPTS = (
    "\u2e80-\u2fdf"  # radicals
    "\u3005\u3007\u3021-\u3029\u3038-\u303b"  # 々 〇 and the Suzhou numerals
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # Hiragana, Katakana with the long-vowel mark
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Bopomofo, Katakana extensions
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"  # Han, compatibility Han, half-width Katakana
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # Kana supplements, Han beyond the basic plane
)
_MIXED = re.compile(f"[{_CHARACTER_SCRIPTS}]|[^{BLANKS}{_CHARACTER_SCRIPTS}]+")
_RUN_OF_SPACE = re.compile(f"[{BLANKS}]+")


def split_words(text: str) -> list[str]:
    """Split at runs of ASCII white space.

    >>> split_words(" one  two\\n")
    ['one', 'two']
    """
    if text.isascii() and not _HAS_SEPARATOR(text):
        return text.split()
    return [word.decode("utf-8", "surrogatepass") for word in text.encode("utf-8", "surrogatepass").split()]


_HAS_SEPARATOR = re.compile("[\x1c-\x1f]").search  # str.split takes these for white space, Kaldi does not


def split_characters(text: str) -> list[str]:
    """Split into Unicode code points; a run of ASCII white space between words is one token, a single space.

    >>> split_characters(" ab  c")
    ['a', 'b', ' ', 'c']
    """
    return list(_RUN_OF_SPACE.sub(" ", text.strip(BLANKS)))


def split_characters_without_spaces(text: str) -> list[str]:
    """Split into Unicode code points and leave out ASCII white space.

    >>> split_characters_without_spaces(" ab  c")
    ['a', 'b', 'c']
    """
    return list(_RUN_OF_SPACE.sub("", text))


def split_mixed(text: str) -> list[str]:
    """Split into single Han, Kana and Bopomofo characters and whole words of every other script.

    >>> split_mixed("我要 check一下 e-mail")
    ['我', '要', 'check', '一', '下', 'e-mail']
    """
    return _MIXED.findall(text)


def tokenizer(unit: str, spaces: str = "keep") -> Tokenizer:
    """Return the function that splits a text into tokens of `unit`.

    Args:
        unit: ``"word"``, ``"char"`` or ``"mixed"``.
        spaces: for ``"char"``: ``"keep"`` counts the space between two words as a character (ESPnet, jiwer),
            ``"remove"`` does not (``sclite -c``, Kaldi's Mandarin recipes).

    Raises:
        InvalidArgumentError: there is no such unit or treatment of spaces.
    """
    if unit not in UNITS:
        raise InvalidArgumentError(
            explain("unknown unit", got=unit, expected=f"one of {', '.join(UNITS)}", remedy="correct `unit=`")
        )
    if spaces not in SPACES:
        raise InvalidArgumentError(
            explain(
                "unknown treatment of spaces",
                got=spaces,
                expected=f"one of {', '.join(SPACES)}",
                remedy="correct `spaces=`",
            )
        )
    if unit == "word":
        return split_words
    if unit == "mixed":
        return split_mixed
    return split_characters if spaces == "keep" else split_characters_without_spaces
