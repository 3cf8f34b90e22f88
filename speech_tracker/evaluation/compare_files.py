"""Compare systems from their transcript files: what `speech-tracker significance REF HYP_A HYP_B` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.compare import Comparison, compare
from speech_tracker.evaluation.read_sides import ReadOptions, Sides, normalized, read_sides
from speech_tracker.evaluation.score import Missing, score
from speech_tracker.evaluation.tokenize import Unit

if TYPE_CHECKING:
    from speech_tracker.evaluation.interval import Method
    from speech_tracker.evaluation.normalize import Normalizer
    from speech_tracker.evaluation.preference import Alignment
    from speech_tracker.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class ComparedFiles:
    """The comparison, and what a user must be told about the files.

    Attributes:
        comparison: all tests.
        evaluations: name of the system → its evaluation.
        remarks: lines that could not be read, utterances that were left out: one line each.
    """

    comparison: Comparison
    evaluations: Mapping[str, Evaluation]
    remarks: tuple[str, ...]


def compare_files(
    reference: str | Path,
    hypotheses: Sequence[str | Path],
    *,
    speakers: str | Path | None = None,
    attribute_files: Mapping[str, str | Path] | None = None,
    unit: Unit = "word",
    alignment: Alignment = "sclite",
    normalizer: str | Normalizer = "none",
    missing: Missing = "error",
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    block: str | None = "auto",
    options: ReadOptions | None = None,
) -> ComparedFiles:
    """Score the files and compare the systems.

    Args:
        reference: see `read_sides`.
        hypotheses: two or more transcript files.
        speakers: see `read_sides`.
        attribute_files: see `read_sides`; any of them can be the `block`.
        unit: see `score`.
        alignment: see `score`; ``sclite`` gives the segments of NIST's `sc_stats`.
        normalizer: see `get_normalizer`.
        missing: see `score`; with ``skip``, the utterances that all systems have are compared.
        level: see `compare`.
        replications: see `compare`.
        seed: see `compare`.
        method: see `compare`.
        block: see `compare`.
        options: see `read_sides`.

    Raises:
        FormatError: a file cannot be read as a transcript.
        OSError: a file cannot be read at all.
        ScoringError: the files do not fit together.
        InvalidArgumentError: an argument is not one of the allowed values.
    """
    if len(hypotheses) < 2:
        raise InvalidArgumentError(
            f"nothing to compare: got {len(hypotheses)} hypothesis file, expected two or more; for a single one use "
            "`speech-tracker score`"
        )
    evaluations: dict[str, Evaluation] = {}
    remarks: list[str] = []
    sides: Sides | None = None
    for name, path in zip(names_of(hypotheses), hypotheses, strict=True):
        sides = read_sides(
            reference,
            path,
            speakers=speakers,
            attribute_files=attribute_files,
            options=options,
            read=sides.reference if sides is not None else None,
        )
        evaluation, said = _evaluate(sides, unit, alignment, normalizer, missing)
        evaluations[name] = evaluation
        remarks += sides.remarks
        remarks += [f"{path}: {remark}" for remark in said]
    comparison = compare(
        evaluations,
        level=level,
        replications=replications,
        seed=seed,
        method=method,
        block=block,
        common=missing == "skip",
    )
    return ComparedFiles(comparison, evaluations, tuple(dict.fromkeys(remarks)))


def _evaluate(
    sides: Sides, unit: Unit, alignment: Alignment, normalizer: str | Normalizer, missing: Missing
) -> tuple[Evaluation, list[str]]:
    """Normalise and count; return what the user should hear about besides."""
    counted = normalized(sides, normalizer, alignment)
    evaluation = score(
        counted.references,
        counted.hypotheses,
        unit=unit,
        alignment=alignment,
        normalizer=counted.normalizer,
        missing=missing,
        attributes=cast("Any", sides.attributes),
    )
    return evaluation, [
        *counted.remarks, *(str(each) for each in evaluation.problems if each.kind != "empty-reference")
    ]  # fmt: skip


def names_of(paths: Sequence[str | Path]) -> list[str]:
    """Return the shortest ends of the paths that tell them apart.

    >>> names_of(["exp/a/decode/text", "exp/b/decode/text"])
    ['a/decode/text', 'b/decode/text']
    """
    parts = [Path(path).parts for path in paths]
    for length in range(1, max(len(part) for part in parts) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise InvalidArgumentError(
        f"a system cannot be compared with itself: got {', '.join(map(str, paths))}, expected different files"
    )
