"""Score transcript files: read both sides, make them meet, normalise, count, and say how sure the rate is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation.normalize import Normalizer
from speech_tracker.evaluation.normalize_structure import has_alternates
from speech_tracker.evaluation.preference import Alignment
from speech_tracker.evaluation.read_sides import ReadOptions, Sides, normalized, read_sides
from speech_tracker.evaluation.result import Evaluation
from speech_tracker.evaluation.score import Missing, score
from speech_tracker.evaluation.suspicions import suspicions
from speech_tracker.evaluation.tokenize import Spaces, Unit

if TYPE_CHECKING:
    from speech_tracker.evaluation.bootstrap import Interval, Method


@dataclass(frozen=True, slots=True)
class FileScore:
    """The score of one hypothesis file.

    Attributes:
        evaluation: in the unit asked for.
        words: in words (the same object when that is the unit).
        characters: in characters.
        interval: around the error rate of `evaluation`; None where it has none.
        word_interval: around the word error rate.
        sides: what was read.
        remarks: all that the user should hear about, in order.
        asked: attributes that a file was given for: they are broken down by, however many values they have.
    """

    evaluation: Evaluation
    words: Evaluation
    characters: Evaluation
    interval: Interval | None
    word_interval: Interval | None
    sides: Sides
    remarks: tuple[str, ...] = field(default=())
    asked: tuple[str, ...] = ()


def score_files(
    reference: str | Path,
    hypothesis: str | Path | None = None,
    *,
    speakers: str | Path | None = None,
    attribute_files: Mapping[str, str | Path] | None = None,
    unit: Unit = "word",
    alignment: Alignment = "kaldi",
    normalizer: str | Normalizer = "none",
    missing: Missing = "error",
    spaces: Spaces = "keep",
    level: float = 0.95,
    interval: Method = "percentile",
    block: str | None = "auto",
    options: ReadOptions | None = None,
) -> FileScore:
    """Score a hypothesis file against a reference file.

    Args:
        reference: see `read_sides`.
        hypothesis: see `read_sides`.
        speakers: see `read_sides`.
        attribute_files: see `read_sides`.
        unit: what is counted; see `score`.
        alignment: see `score`.
        normalizer: see `get_normalizer`.
        missing: see `score`.
        spaces: see `score`.
        level: coverage of the interval.
        interval: its method; see `bootstrap_interval`.
        block: what it resamples; see `bootstrap_interval`.
        options: see `read_sides`.

    Raises:
        FormatError: a file cannot be read.
        ScoringError: hypotheses are missing, or the sides have no utterance in common.
        InvalidArgumentError: an argument is not one of the allowed values.
    """
    sides = read_sides(reference, hypothesis, speakers=speakers, attribute_files=attribute_files, options=options)
    remarks = list(sides.remarks)
    if not sides.references.keys() & sides.hypotheses.keys():
        raise ScoringError(_nothing_in_common(sides))
    counted = normalized(sides, normalizer, alignment)
    remarks += counted.remarks
    if alignment != "sclite" and any(map(has_alternates, sides.references.values())):
        remarks.append(
            "the reference holds alternates { a / b }, which alignment 'sclite' honours and this one does not"
        )

    # with alternates there is no telling where a space belongs; sclite -c does not count it either
    bare: Spaces = "remove" if counted.alternates else spaces

    def count(what: Unit) -> Evaluation:
        return score(
            counted.references,
            counted.hypotheses,
            unit=what,
            alignment=alignment,
            normalizer=counted.normalizer,
            missing=missing,
            attributes=cast("Any", sides.attributes),
            spaces=bare if what == "char" and unit != "char" else spaces,
        )

    evaluation = count(unit)
    words = evaluation if unit == "word" else count("word")
    characters = evaluation if unit == "char" else count("char")
    if characters.spaces != spaces:
        remarks.append("the CER does not count spaces, because the reference holds alternates")
    around = interval_of(evaluation, level, method=interval, block=block)
    remarks += [str(problem) for problem in evaluation.problems]
    remarks += suspicions(evaluation)
    return FileScore(
        evaluation,
        words,
        characters,
        around,
        around if words is evaluation else interval_of(words, level, method=interval, block=block),
        sides,
        tuple(remarks),
        tuple(attribute_files or ()),
    )


def interval_of(
    evaluation: Evaluation, level: float = 0.95, *, method: Method = "percentile", block: str | None = "auto"
) -> Interval | None:
    """Return the bootstrap interval, or None where there is no rate."""
    from speech_tracker.evaluation.bootstrap import bootstrap_interval

    if not evaluation.counts.reference_length:
        return None
    return bootstrap_interval(evaluation, level=level, method=method, block=block)


def _nothing_in_common(sides: Sides) -> str:
    reference, hypothesis = next(iter(sides.references)), next(iter(sides.hypotheses))
    return (
        f"no utterance id of the hypotheses is in the references: got {hypothesis!r} ({len(sides.hypotheses)} ids, "
        f"{sides.hypothesis.format}) against {reference!r} ({len(sides.references)} ids, {sides.reference.format}); "
        "expected the same ids on both sides; check that the files belong together"
    )
