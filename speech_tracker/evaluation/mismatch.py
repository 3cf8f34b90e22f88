"""Hypotheses that belong to other references: files shifted by a line, utterances exchanged, ids mixed up.

Such an utterance has an error rate near 100 %, yet its hypothesis is nearly right for another utterance. No recogniser
does that; a script that pairs by line number does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.tokenize import split_words

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

Pattern = Literal["shifted", "exchanged", "elsewhere"]

_RAREST = 10  # words and pairs of words of a hypothesis that are looked up
_COMMON = 60  # a word in more references than this tells nothing
_CANDIDATES = 3  # references that a hypothesis is aligned with
_RUN = 3  # neighbours displaced alike that make a shift


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A hypothesis that fits another reference far better than its own.

    Attributes:
        utterance_id: whose hypothesis it is.
        error_rate: against its own reference, as a fraction.
        belongs_to: the utterance whose reference it fits.
        error_rate_there: against that reference, as a fraction.
        pattern: ``shifted`` (neighbours are displaced by as many places), ``exchanged`` (the other utterance's
            hypothesis fits here) or ``elsewhere``.
        offset: places from this utterance to the other, in the order of the references.
    """

    utterance_id: str
    error_rate: float
    belongs_to: str
    error_rate_there: float
    pattern: Pattern
    offset: int


@dataclass(frozen=True, slots=True)
class Mismatches:
    """What was found in a test set.

    Attributes:
        found: in the order of the references.
        suspicious: utterances with a rate near 100 %, that were looked at.
        utterances: of the test set.
    """

    found: tuple[Mismatch, ...]
    suspicious: int
    utterances: int

    @property
    def explanation(self) -> str | None:
        """What probably happened, in a sentence; None where nothing was found."""
        if not self.found:
            return None
        patterns = Counter(each.pattern for each in self.found)
        parts = []
        if patterns["shifted"]:
            offset, _ = Counter(each.offset for each in self.found if each.pattern == "shifted").most_common(1)[0]
            parts.append(
                f"{patterns['shifted']} hypotheses stand {abs(offset)} line{'s' if abs(offset) > 1 else ''} too "
                f"{'early' if offset > 0 else 'late'}: was a line lost or added in one of the files?"
            )
        if patterns["exchanged"]:
            parts.append(f"{patterns['exchanged']} hypotheses are exchanged in pairs")
        if patterns["elsewhere"]:
            parts.append(f"{patterns['elsewhere']} hypotheses fit another utterance: are the ids mixed up?")
        return "; ".join(parts)


def find_mismatches(evaluation: Evaluation, *, near: float = 0.8, good: float = 0.5, minimum: int = 3) -> Mismatches:
    """Find hypotheses that fit another utterance's reference.

    Each suspicious hypothesis is looked up by its rarest words and aligned with the few references that share most of
    them, so that the time grows with the test set and not with its square.

    Args:
        evaluation: what `score` returned.
        near: error rate from which an utterance is suspicious.
        good: error rate up to which a hypothesis fits another reference.
        minimum: tokens that a hypothesis needs: "yes" fits everywhere.

    Raises:
        InvalidArgumentError: `good` is not below `near`.
    """
    if good >= near:
        raise InvalidArgumentError(
            f"nothing fits better elsewhere: got good={good!r} and near={near!r}, expected good below near"
        )
    table = evaluation.table.astype(np.int64)
    errors, lengths = table[:, 1:].sum(axis=1), table[:, :3].sum(axis=1)
    heard = table[:, 0] + table[:, 1] + table[:, 3]
    bad = np.flatnonzero((errors >= near * lengths) & (heard >= minimum)).tolist()
    best = _best_elsewhere(evaluation, bad, good) if bad else {}
    places = {place: target for place, (target, _) in best.items()}
    found = [
        Mismatch(
            evaluation.utterance_ids[place],
            float(errors[place] / max(1, lengths[place])),
            evaluation.utterance_ids[target],
            rate,
            _pattern(place, places),
            target - place,
        )
        for place, (target, rate) in sorted(best.items())
    ]
    return Mismatches(tuple(found), len(bad), len(evaluation))


def _best_elsewhere(evaluation: Evaluation, bad: list[int], good: float) -> dict[int, tuple[int, float]]:
    """Return, for each of the places that fits elsewhere, the other place and the error rate there."""
    # only what is looked up is listed: a few suspicious utterances in a huge set need little memory
    postings: dict[str, list[int]] = {}
    for place in bad:
        postings.update((key, []) for key in _keys(evaluation.hypotheses[place], evaluation.unit))
    for place, text in enumerate(evaluation.references):
        for key in _keys(text, evaluation.unit) & postings.keys():
            postings[key].append(place)
    pairs: list[tuple[int, int]] = []
    for place in bad:
        keys = [
            key for key in _keys(evaluation.hypotheses[place], evaluation.unit) if 0 < len(postings[key]) <= _COMMON
        ]
        keys.sort(key=lambda key: (len(postings[key]), key))
        votes: defaultdict[int, float] = defaultdict(float)
        for key in keys[:_RAREST]:
            for other in postings[key]:
                if other != place:
                    votes[other] += 1 / len(postings[key])
        pairs += [(place, other) for other in sorted(votes, key=lambda other: (-votes[other], other))[:_CANDIDATES]]
    if not pairs:
        return {}
    names = [f"{place} {other}" for place, other in pairs]
    there = score(
        {name: evaluation.references[other] for name, (_, other) in zip(names, pairs, strict=True)},
        {name: evaluation.hypotheses[place] for name, (place, _) in zip(names, pairs, strict=True)},
        unit=evaluation.unit,
        spaces=evaluation.spaces,
    )
    best: dict[int, tuple[int, float]] = {}
    for (place, other), row in zip(pairs, there.table.tolist(), strict=True):
        length = sum(row[:3])
        rate = sum(row[1:]) / length if length else float("inf")
        if rate <= good and rate < best.get(place, (0, float("inf")))[1]:
            best[place] = (other, rate)
    return best


def _keys(text: str, unit: str) -> set[str]:
    """Return what a text is looked up by: its words and pairs of words, or runs of three characters without spaces."""
    words = split_words(text)
    if unit == "word" or len(words) > 2:
        return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
    joined = "".join(words)
    return {joined[i : i + 3] for i in range(max(1, len(joined) - 2))}


def _pattern(place: int, targets: dict[int, int]) -> Pattern:
    if targets.get(targets[place]) == place:
        return "exchanged"
    offset = targets[place] - place
    run = 1
    for step in (-1, 1):
        neighbour = place + step
        while neighbour in targets and targets[neighbour] - neighbour == offset and run < _RUN:
            run += 1
            neighbour += step
    return "shifted" if run >= _RUN else "elsewhere"
