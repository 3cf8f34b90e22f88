"""Hypotheses that are no transcription: loops, floods of words, endings cut off, silence.

A handful of them can make most of the errors of a test set, and they are decoding faults, not recognition errors:
worth seeing apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.tokenize import tokenizer

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

Kind = Literal["loop", "long", "cut off", "empty"]

LONGEST_PERIOD = {"word": 12, "mixed": 16, "char": 40}
"""Tokens that the repeated part of a loop has at most, by unit."""


@dataclass(frozen=True, slots=True)
class Runaway:
    """A suspicious hypothesis.

    Attributes:
        utterance_id: whose it is.
        kind: ``loop`` (a part repeated in a row, more often than in the reference), ``long`` (more than `factor` times
            the reference), ``cut off`` (right so far, then nothing for the second half or more) or ``empty``.
        repeated: the part that a loop repeats, otherwise empty.
        times: how often in a row.
        hypothesis_length: tokens of the hypothesis.
        reference_length: tokens of the reference.
        errors: errors of this utterance.
    """

    utterance_id: str
    kind: Kind
    repeated: str
    times: int
    hypothesis_length: int
    reference_length: int
    errors: int


@dataclass(frozen=True, slots=True)
class Runaways:
    """Suspicious hypotheses of a test set, most errors first.

    Attributes:
        found: each of them.
        share_of_errors: their share of all errors; None where there is no error.
        error_rate_without: the error rate of the other utterances, as a fraction; None where there are none.
    """

    found: tuple[Runaway, ...]
    share_of_errors: float | None
    error_rate_without: float | None

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names."""
        counts = {f"runaway_{kind.replace(' ', '_')}": 0.0 for kind in ("loop", "long", "cut off", "empty")}
        for each in self.found:
            counts[f"runaway_{each.kind.replace(' ', '_')}"] += 1
        if self.share_of_errors is not None:
            counts["runaway_share_of_errors"] = self.share_of_errors
        return counts


def runaway_hypotheses(evaluation: Evaluation, *, factor: float = 3.0, times: int = 4, minimum: int = 6) -> Runaways:
    """Find hypotheses that are no transcription.

    Args:
        evaluation: what `score` returned.
        factor: a hypothesis longer than this many times its reference is ``long``.
        times: repetitions in a row that make a loop. A reference that repeats the part as often is no loop ("no no no
            no").
        minimum: tokens that a looping or long hypothesis has at least, and a cut-off reference: short answers vary.

    Raises:
        InvalidArgumentError: `factor` is not above 1 or `times` is below 2.
    """
    if factor <= 1 or times < 2:
        raise InvalidArgumentError(
            f"nothing would be suspicious: got factor={factor!r}, times={times!r}; expected a factor above 1 and 2 "
            "repetitions or more"
        )
    split = tokenizer(evaluation.unit, evaluation.spaces)
    longest = LONGEST_PERIOD[evaluation.unit]
    table = evaluation.table.astype(np.int64)
    errors = table[:, 1:].sum(axis=1)
    references = table[:, :3].sum(axis=1)
    hypotheses = table[:, 0] + table[:, 1] + table[:, 3]
    found: list[Runaway] = []
    for index in np.flatnonzero(errors > 0).tolist():
        said, heard = int(references[index]), int(hypotheses[index])
        kind: Kind | None = None
        repeated, count = "", 1
        if not heard:
            kind = "empty"
        elif heard >= minimum and errors[index] >= times - 1:
            tokens = split(evaluation.hypotheses[index])
            part, count = longest_loop(tokens, longest)
            if count >= times and count > _most_repeated(split(evaluation.references[index]), part):
                kind, repeated = "loop", ("" if evaluation.unit == "char" else " ").join(part)
            elif heard > factor * max(1, said):
                kind = "long"
        if kind is None and said >= minimum and _is_cut_off(evaluation.operations(index), said):
            kind = "cut off"
        if kind is not None:
            found.append(
                Runaway(
                    evaluation.utterance_ids[index],
                    kind,
                    repeated,
                    count if kind == "loop" else 1,
                    heard,
                    said,
                    int(errors[index]),
                )
            )
    found.sort(key=lambda each: -each.errors)
    total, theirs = int(errors.sum()), sum(each.errors for each in found)
    words = int(references.sum()) - sum(each.reference_length for each in found)
    return Runaways(tuple(found), theirs / total if total else None, (total - theirs) / words if words > 0 else None)


def longest_loop(tokens: list[str], longest_period: int) -> tuple[tuple[str, ...], int]:
    """Return the part that is repeated most often in a row, and how often; the shortest such part.

    >>> longest_loop("so we go we go we go home".split(), 4)
    (('we', 'go'), 3)
    """
    best: tuple[tuple[str, ...], int] = ((), 1)
    for period in range(1, min(longest_period, len(tokens) // 2) + 1):
        run = 0
        for place in range(len(tokens) - period):
            run = run + 1 if tokens[place] == tokens[place + period] else 0
            if run // period + 1 > best[1]:
                begin = place - run + 1
                best = (tuple(tokens[begin : begin + period]), run // period + 1)
    return best


def _most_repeated(tokens: list[str], part: tuple[str, ...]) -> int:
    """Return how often in a row a reference has this part."""
    most = 0
    for begin in range(len(tokens)):
        count = 0
        while tuple(tokens[begin + count * len(part) : begin + (count + 1) * len(part)]) == part:
            count += 1
        most = max(most, count)
    return most


def _is_cut_off(operations: bytes, reference_length: int) -> bool:
    """Whether at least half of the reference is one deletion at its end, and what came before is mostly right."""
    kept = operations.rstrip(b"D")
    missing = len(operations) - len(kept)
    return 2 * missing >= reference_length and 2 * kept.count(b"C") > len(kept)
