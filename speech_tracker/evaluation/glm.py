"""GLM rules applied to text, as ``csrfilt.sh`` and ``hubscr.pl`` do before sclite.

Source: SCTK 2.4.12, src/rfilter1 and src/tranfilt/csrfilt.sh.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from speech_tracker.errors import FormatError
from speech_tracker.evaluation.normalize import digest_of
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.glm import Glm, GlmRule, format_glm, parse_glm

Side = Literal["reference", "hypothesis"]
_TYPES: dict[str, tuple[str, ...]] = {"reference": ("stm", "ref"), "hypothesis": ("ctm", "hyp")}
_PARENTHESIS = re.compile(r"([()])")


def _upper(text: str) -> str:
    """Return the text in capitals, letter by letter, so that every position stays."""
    if text.isascii():
        return text.upper()
    return "".join(up if len(up := letter.upper()) == 1 else letter for letter in text)


class GlmNormalizer:
    """A normaliser made of a GLM file.

    A cursor moves over the text; at each place the first rule that matches there, with its context in the *input*, is
    applied, and the cursor jumps behind what was matched. The text gets a blank at both ends, so that ``/ [ ] __ [ ]``
    also holds for its first and last word.

    Rules under ``INPUT_DEPENDENT_APPLICATION`` hold for one side only: use `for_side`; called without a side, the
    normaliser applies the rules that hold for both.

    Args:
        glm: the rules.
        label: what stands for the file in the name, ``glm:<label>``.
        side: which side's rules to apply.
        upper: write everything in capitals first, as csrfilt.sh does unless given ``-s``; by default for rules that
            match without regard to case.
    """

    def __init__(self, glm: Glm, *, label: str = "", side: Side | None = None, upper: bool | None = None) -> None:
        self.glm = glm
        self.name = f"glm:{label or glm.name or 'rules'}"
        self.version = glm.name or "1"
        self._label = label
        self._upper = (not glm.case_sensitive) if upper is None else upper
        self.digest = digest_of("glm", format_glm(glm), str(self._upper))
        self._index: dict[str, list[tuple[GlmRule, str, str, str]]] = {}
        fold = (lambda text: text) if glm.case_sensitive else _upper
        for rule in _rules_for(glm.rules, side):
            entry = (rule, fold(rule.source), fold(rule.left), fold(rule.right))
            self._index.setdefault(entry[1][0], []).append(entry)

    @property
    def has_sides(self) -> bool:
        """Whether some rules hold for one side only."""
        return any(rule.condition for rule in self.glm.rules)

    def for_side(self, side: Side) -> GlmNormalizer:
        """Return the normaliser with the rules of one side; name, version and digest stay."""
        return GlmNormalizer(self.glm, label=self._label, side=side, upper=self._upper)

    def __call__(self, text: str, /) -> str:
        """Return the rewritten text, single-spaced."""
        if self._upper:
            text = _upper(text)
        text = f" {_PARENTHESIS.sub(_apart, text)} "
        folded = text if self.glm.case_sensitive else _upper(text)
        result: list[str] = []
        place = 0
        while place < len(text):
            for rule, source, left, right in self._index.get(folded[place], ()):
                end = place + len(source)
                if (
                    folded.startswith(source, place)
                    and folded.startswith(right, end)
                    and place >= len(left)
                    and folded.startswith(left, place - len(left))
                ):
                    result.append(rule.target)
                    place = end
                    break
            else:
                if self.glm.copy_no_hit:
                    result.append(text[place])
                place += 1
        rewritten = " ".join("".join(result).split(" "))
        rewritten = rewritten.replace("( ", "(").replace(" )", ")")
        return " ".join(rewritten.split())


def _apart(found: re.Match[str]) -> str:
    return "( " if found[1] == "(" else " )"


def _rules_for(rules: Sequence[GlmRule], side: Side | None) -> list[GlmRule]:
    """Return the rules that hold for a side; a condition is matched against csrfilt's input types."""
    types = () if side is None else _TYPES[side]
    return [rule for rule in rules if not rule.condition or any(_matches(rule.condition, each) for each in types)]


def _matches(condition: str, name: str) -> bool:
    try:
        return re.search(condition.lower(), name) is not None
    except re.error:
        return condition.lower() == name


def read_glm(path: str | Path) -> GlmNormalizer:
    """Return the normaliser of a GLM file.

    Raises:
        FormatError: the file is empty or binary, holds no rule, or a line that is none.
        OSError: it cannot be read.
    """
    decoded = read_text(path)
    glm = parse_glm(decoded.text)
    problems = (*decoded.problems, *glm.problems)
    if problems or not glm.rules:
        first = problems[0] if problems else "there is no rule in it"
        more = f" ({len(problems)} such lines)" if len(problems) > 1 else ""
        raise FormatError(f"not all of it is GLM rules{more}: {first}; correct the file", path=path)
    return GlmNormalizer(glm, label=Path(path).name)
