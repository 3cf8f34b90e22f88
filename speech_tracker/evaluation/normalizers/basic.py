"""The `basic` normaliser: case and punctuation removed in any script, nothing that is part of a word.

Whisper's basic normaliser replaces every combining mark by a blank, which tears Indic, Thai and pointed Arabic and
Hebrew words apart (arXiv 2409.02449). This one keeps marks, and the joiners and apostrophes inside words.
Source of "inside words": Unicode Standard Annex 29, word boundary rules WB6, WB7, WB11 and WB12.
"""

from __future__ import annotations

import re
import unicodedata

VERSION = "1"

_APOSTROPHES = "\u2019\u02bc\u2018\uff07`\u00b4"
_INSIDE_WORDS = "'\u00b7\u05f3\u05f4"  # apostrophe, Catalan middle dot, Hebrew geresh and gershayim
_INSIDE_NUMBERS = ".,:"
_JOINERS = "\u200c\u200d"
_PLACE = {mark: chr(0xF0000 + index) for index, mark in enumerate(_INSIDE_WORDS + _INSIDE_NUMBERS + _JOINERS)}
# letters and marks of the word on both sides; a mark never begins a word
_BETWEEN_LETTERS = re.compile(rf"(?<=[^\W\d_])[{_INSIDE_WORDS}](?=[^\W\d_])")
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)[{_INSIDE_NUMBERS}](?=\d)")
_ASCII_REST = re.compile(r"[^a-z0-9\U000F0000-\U000F00FF]+")


class _Table(dict[int, str | None]):
    """What becomes of each character, looked up by Unicode category once."""

    def __missing__(self, code: int) -> str | None:
        category = unicodedata.category(chr(code))
        if 0xF0000 <= code < 0xF0000 + len(_PLACE):
            result: str | None = chr(code)
        elif category == "Cf":
            # a zero-width space parts words (Khmer, Thai); direction marks and soft hyphens are nothing
            result = " " if code == 0x200B else None
        else:
            result = " " if category[0] in "PSZC" else chr(code)
        self[code] = result
        return result


_TABLE = _Table()
_BACK = str.maketrans({place: mark for mark, place in _PLACE.items()})
_TO_APOSTROPHE = str.maketrans(dict.fromkeys(_APOSTROPHES, "'"))


def basic(text: str) -> str:
    """Return `text` in NFC, case-folded, without punctuation and symbols, single-spaced.

    Kept: letters, digits and combining marks (categories L, N, M); apostrophes between letters (typographic ones become
    ``'``); ``.``, ``,`` and ``:`` between digits; the Catalan middle dot, Hebrew geresh and gershayim between letters;
    zero-width joiner and non-joiner after a letter or mark. All else becomes a blank, except invisible formatting,
    which goes.

    >>> basic("It\u2019s 3.5 km, well-known!")
    "it's 3.5 km well known"
    """
    if text.isascii():
        text = text.replace("`", "'").lower()
        if "'" in text:
            text = _BETWEEN_LETTERS.sub(_hide, text)
        text = _BETWEEN_DIGITS.sub(_hide, text)
        return _ASCII_REST.sub(" ", text).strip().translate(_BACK)
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).translate(_TO_APOSTROPHE)
    text = _BETWEEN_LETTERS.sub(_hide, _after_marks(text))
    text = _BETWEEN_DIGITS.sub(_hide, text)
    return " ".join(text.translate(_TABLE).split()).translate(_BACK)


def _hide(found: re.Match[str]) -> str:
    return _PLACE[found[0]]


def _after_marks(text: str) -> str:
    """Hide joiners, and apostrophes after a combining mark, which a regular expression takes for no letter."""
    if not any(mark in text for mark in _INSIDE_WORDS + _JOINERS):
        return text
    kept = []
    before = " "
    for index, character in enumerate(text):
        inside = unicodedata.category(before)[0] in "LM"
        if (inside and character in _JOINERS) or (
            inside and character in _INSIDE_WORDS and text[index + 1 : index + 2].isalpha()
        ):
            kept.append(_PLACE[character])
        else:
            kept.append(character)
        before = character
    return "".join(kept)
