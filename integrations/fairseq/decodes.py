"""References and hypotheses, from the output of ``fairseq-generate`` and from the log of ``infer.py``.

A file may hold several searches one after the other: each ends with its result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.fairseq import parse_fairseq_generate
from speech_tracker.formats.problems import Problem, shown

_GENERATED = re.compile(r"^\s*(?:\| )?Generate \S+ with beam=\d+", re.MULTILINE)
_SOURCE = re.compile(r"^S-(\d+)\t(.*)$", re.MULTILINE)
_SCORE = re.compile(r"^H-(\d+)\t(\S+)\t", re.MULTILINE)
_SAID = re.compile(r"(?:\] - | \| |:__main__:|^)(HYPO|REF|TARGET): ?(.*)$")
_OVER = re.compile(r"(?:\] - | \| |:__main__:|^)(?:Word error rate: |WER: )")


@dataclass(frozen=True, slots=True)
class Pair:
    """One utterance.

    Attributes:
        key: number of the row in the manifest (`generate`), or place in the log from 1 (`infer`).
        reference: text.
        hypothesis: the best one.
        source: what was translated; None in recognition.
        score: of the hypothesis: log-probability to the base 2, by its length; None where it is not said.
    """

    key: str
    reference: str
    hypothesis: str
    source: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Decode:
    """One search.

    Attributes:
        first_line: of it, from 1.
        last_line: of it.
        pairs: what was found.
        complete: whether the line stands there that ends it.
        problems: lines that could not be used.
    """

    first_line: int
    last_line: int
    pairs: tuple[Pair, ...]
    complete: bool
    problems: tuple[Problem, ...] = ()

    @property
    def is_translation(self) -> bool:
        """Whether texts were translated; speech has no source text."""
        return any(pair.source for pair in self.pairs)


def parse_generated(data: bytes) -> list[Decode]:
    """Return the searches in the output of ``fairseq-generate``: ``S-``, ``T-``, ``H-``, ``D-`` and ``P-`` lines."""
    text = data.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
    found = []
    for start, end, complete in _parts(text):
        part = text[start:end]
        parsed = parse_fairseq_generate(part)
        before = text.count("\n", 0, start)
        sources = {match[1]: match[2].strip() for match in _SOURCE.finditer(part)}
        scores = {match[1]: match[2] for match in reversed(list(_SCORE.finditer(part)))}
        pairs = tuple(
            Pair(
                each.utterance_id,
                each.reference,
                each.hypothesis,
                sources.get(each.utterance_id),
                _number(scores.get(each.utterance_id)),
            )
            for each in parsed.records
        )
        problems = tuple(
            Problem(each.line_number + before if each.line_number else 0, each.text, each.reason)
            for each in parsed.problems
        )
        if pairs or problems:
            found.append(Decode(before + 1, before + 1 + part.count("\n"), pairs, complete, problems))
    return found


def _parts(text: str) -> Iterator[tuple[int, int, bool]]:
    start = 0
    for match in _GENERATED.finditer(text):
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end + 1
        yield start, end, True
        start = end
    if start < len(text):
        yield start, len(text), False


def parse_inferred(data: bytes) -> list[Decode]:
    """Return the searches in a log of ``infer.py``: lines with ``HYPO:``, each followed by one with ``REF:``."""
    found: list[Decode] = []
    pairs: list[Pair] = []
    problems: list[Problem] = []
    first, hypothesis = 1, None
    number = 0
    for number, line in enumerate(data.decode("utf-8", "backslashreplace").splitlines(), 1):
        said = _SAID.search(line)
        if said is None:
            if pairs and _OVER.search(line):
                found.append(Decode(first, number, tuple(pairs), True, tuple(problems)))
                pairs, problems, first, hypothesis = [], [], number + 1, None
        elif said[1] == "HYPO":
            if hypothesis is not None:
                problems.append(Problem(hypothesis[0], shown(hypothesis[1]), "a hypothesis without its reference"))
            hypothesis = (number, said[2].strip())
        elif hypothesis is None:
            problems.append(Problem(number, shown(line), "a reference without its hypothesis"))
        else:
            pairs.append(Pair(str(len(pairs) + 1), said[2].strip(), hypothesis[1]))
            hypothesis = None
    if pairs:  # what follows the last hypothesis may still be written
        found.append(Decode(first, number, tuple(pairs), False, tuple(problems)))
    return found


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
