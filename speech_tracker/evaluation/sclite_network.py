"""What sclite reads into a transcript: alternates, optional words, fragments, and the marks that a word may carry.

::

    it was { um / uh / @ } good      alternates, nested if need be; the null word ``@`` is no word at all
    we (really) went                 an optional word: deleting it is no error (sclite -D)
    goi- going                       a fragment: agrees with any word that begins so (sclite -F)
    word;tag  word*  back\\slash      read as ``word``, ``word`` and ``backslash``

A transcript becomes a network of words; in most there is one path, and nothing here is needed.

Source: SCTK, `Network_create_from_TEXT` (net_adt.c), `find_next_TEXT_token` and `find_next_TEXT_alternation` (text.c),
`new_WORD_parseText`, `equal_WORD2` and `wwd_WORD` (word.c), `decode_opt_del` and `decode_fragment` (align.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.tokenize import Tokenizer

NULL_WORD = "@"
_WORD_END = re.compile(r"[ \t\n\r\x0b\f]")
_TAG = re.compile(r"(?<!\\);")


@dataclass(frozen=True, slots=True)
class ScliteRules:
    """Which of sclite's conventions about the text hold; without them a text is a plain sequence of words.

    Attributes:
        alternates: read ``{ a / b / @ }`` as alternatives and ``@`` as no word (always on in sclite).
        optional_words: a deleted ``(word)`` is no error (``sclite -D``; without it the parentheses are letters).
        fragments: ``wo-`` and ``-rd`` agree with ``word`` (``sclite -F``).
    """

    alternates: bool = True
    optional_words: bool = True
    fragments: bool = False

    def special(self) -> str:
        """Return the letters of which every text holds one for which a network has to be made."""
        return (
            ("{@;*\\" if self.alternates else "")
            + ("(" if self.optional_words else "")
            + ("-" if self.fragments else "")
        )


@dataclass(frozen=True, slots=True)
class Arc:
    """One word of a network.

    Attributes:
        word: as compared, without marks and in the case that was asked for.
        shown: as compared, in the case of the text.
        previous: positions of the words that may come before; the order decides between equally cheap paths.
        is_null: it is ``@``.
        is_optional: deleting it is no error.
        is_fragment: it begins or ends with a hyphen, and fragments count.
    """

    word: str
    shown: str
    previous: tuple[int, ...]
    is_null: bool = False
    is_optional: bool = False
    is_fragment: bool = False

    def agrees_with(self, other: Arc) -> bool:
        """Whether an alignment of the two is correct."""
        if self.is_fragment or other.is_fragment:
            for fragment, word in ((self.word, other.word), (other.word, self.word)):
                if len(fragment) > 1 and fragment[0] == "-":
                    return word.endswith(fragment[1:])
                if len(fragment) > 1 and fragment[-1] == "-":
                    return word.startswith(fragment[:-1])
        return self.word == other.word


@dataclass(frozen=True, slots=True)
class Network:
    """The words of a text in an order in which each comes after those before it.

    Attributes:
        arcs: the first one is no word, but the beginning.
        last: positions of the words with which a path may end.
    """

    arcs: tuple[Arc, ...]
    last: tuple[int, ...]


def parse_network(text: str, rules: ScliteRules, split: Tokenizer, *, case_sensitive: bool) -> Network:
    """Read a text.

    Args:
        text: a transcript without utterance id.
        rules: what to look for.
        split: splits a single word into tokens; for words the identity.
        case_sensitive: `False` compares ``A``-``Z`` as ``a``-``z``.

    Raises:
        ScoringError: a brace is not closed, or alternates hold no word.
    """
    return _Builder(rules, split, case_sensitive).network(text)


class _Builder:
    def __init__(self, rules: ScliteRules, split: Tokenizer, case_sensitive: bool) -> None:
        self._rules = rules
        self._split = split
        self._case_sensitive = case_sensitive
        self._arcs = [Arc("", "", ())]

    def network(self, text: str) -> Network:
        last = self._sequence(text, (0,))
        return Network(tuple(self._arcs), last)

    def _sequence(self, text: str, previous: tuple[int, ...]) -> tuple[int, ...]:
        for token in _tokens(text, self._rules.alternates):
            if token.startswith("{") and self._rules.alternates:
                ways = [self._sequence(way, previous) for way in _alternatives(token) if way.strip(" \t\n\r\x0b\f")]
                if not ways:
                    raise ScoringError(
                        f"alternates without a word: got {token!r}, expected something like {{ a / b / @ }}; correct "
                        "the transcript"
                    )
                previous = tuple(position for way in ways for position in way)
            else:
                previous = self._word(token, previous)
        return previous

    def _word(self, token: str, previous: tuple[int, ...]) -> tuple[int, ...]:
        rules = self._rules
        if rules.alternates:
            token = _TAG.split(token, maxsplit=1)[0].replace("\\", "")
            if len(token) > 1 and token[-1] == "*":
                token = token[:-1]
        optional = rules.optional_words and len(token) > 1 and token[0] == "(" and token[-1] == ")"
        whole = token[1:-1] if optional else token
        parts = self._split(whole) or [whole]
        # In parentheses sclite sees the fragment "(wo-)", but not "(-rd)"; and none in a word cut into characters.
        hyphen = len(parts) == 1 and (whole[-1:] == "-" or (whole[:1] == "-" and not optional))
        for part in parts:
            self._arcs.append(
                Arc(
                    part if self._case_sensitive else fold_case(part),
                    part,
                    previous,
                    is_null=rules.alternates and part == NULL_WORD and not optional,
                    is_optional=optional,
                    is_fragment=rules.fragments and hyphen,
                )
            )
            previous = (len(self._arcs) - 1,)
        return previous


def fold_case(text: str) -> str:
    """Return the text with ``A``-``Z`` as ``a``-``z`` and every other letter unchanged, as sclite compares.

    >>> fold_case("ÉTÉ")
    'ÉtÉ'
    """
    return text.translate(_FOLD)


_FOLD = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _tokens(text: str, alternates: bool) -> Iterator[str]:
    """Yield words and whole alternates ``{…}``; the latter end at their brace, with or without a space behind it."""
    place, end = 0, len(text)
    while place < end:
        if _WORD_END.match(text, place):
            place += 1
        elif text[place] == "{" and alternates:
            depth = 0
            for stop in range(place, end):
                depth += (text[stop] == "{") - (text[stop] == "}")
                if not depth:
                    break
            if depth:
                raise ScoringError(
                    f"a brace is not closed: got {text[place : place + 60]!r}, expected {{ a / b }}; correct the "
                    "transcript, or take another alignment than sclite if a brace is a letter here"
                )
            yield text[place : stop + 1]
            place = stop + 1
        else:
            found = _WORD_END.search(text, place)
            stop = found.start() if found else end
            yield text[place:stop]
            place = stop


def _alternatives(token: str) -> Iterator[str]:
    """Yield what stands between the outermost braces and slashes."""
    depth, start = 0, 1
    for place in range(1, len(token) - 1):
        if token[place] == "{":
            depth += 1
        elif token[place] == "}":
            depth -= 1
        elif token[place] == "/" and not depth:
            yield token[start:place]
            start = place + 1
    yield token[start:-1]
