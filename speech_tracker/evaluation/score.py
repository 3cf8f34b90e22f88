"""Join references and hypotheses by utterance id, count, and say what did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from speech_tracker.errors import InvalidArgumentError, ScoringError, explain
from speech_tracker.evaluation.align import align_texts
from speech_tracker.evaluation.preference import ALIGNMENTS, Alignment
from speech_tracker.evaluation.result import Evaluation, NormalizerRecord, ScoringProblem
from speech_tracker.evaluation.tokenize import UNUSUAL_SPACE, Spaces, Unit, tokenizer

if TYPE_CHECKING:
    from speech_tracker.evaluation.normalize import Normalizer

Missing = Literal["error", "deletions", "skip"]
MISSING: tuple[Missing, ...] = ("error", "deletions", "skip")


def score(
    references: Mapping[str, str],
    hypotheses: Mapping[str, str],
    *,
    unit: Unit = "word",
    alignment: Alignment = "kaldi",
    normalizer: str | Normalizer = "none",
    missing: Missing = "error",
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    spaces: Spaces = "keep",
) -> Evaluation:
    """Count hits, substitutions, deletions and insertions of every utterance.

    Args:
        references: utterance id → text.
        hypotheses: utterance id → text. Those without a reference are left out and reported in `problems`.
        unit: ``"word"``; ``"char"`` (Unicode code points); ``"mixed"`` (Han and Kana one by one, other words whole).
        alignment: whose choice between alignments of equal cost to follow; see `docs/scoring.md`.
        normalizer: name of a normaliser, or an object with `name`, `version`, `digest` that maps text to text. It is
            applied to both sides.
        missing: what to do where a reference has no hypothesis: ``"error"``, count all its tokens as ``"deletions"``,
            or ``"skip"`` it and report it.
        attributes: name of an attribute → utterance id → value, for breakdowns.
        spaces: for unit ``"char"``: whether the space between words counts as a character.

    Raises:
        InvalidArgumentError: an argument is not one of the allowed values.
        ScoringError: hypotheses are missing and `missing` is ``"error"``; nothing can be scored.
    """
    _check("alignment", alignment, ALIGNMENTS)
    _check("missing", missing, MISSING)
    tokenizer(unit, spaces)
    record, apply = _normalizer(normalizer)
    problems: list[ScoringProblem] = []

    absent = tuple(key for key in references if key not in hypotheses)
    if absent:
        problem = ScoringProblem("missing-hypothesis", absent)
        if missing == "error":
            raise ScoringError(
                f"{problem}; expected one for each of the {len(references)} references; check that both sides use the "
                "same utterance ids, or pass missing='deletions' (count them as deleted) or missing='skip'"
            )
        problems.append(problem)
    extra = tuple(key for key in hypotheses if key not in references)
    if extra:
        problems.append(ScoringProblem("extra-hypothesis", extra))
    ids = [key for key in references if key in hypotheses] if missing == "skip" and absent else list(references)
    reference_texts = [apply(references[key]) for key in ids]
    hypothesis_texts = [apply(hypotheses.get(key, "")) for key in ids]
    batch = align_texts(reference_texts, hypothesis_texts, alignment=alignment, unit=unit, spaces=spaces)

    empty = tuple(key for key, length in zip(ids, batch.table[:, :3].sum(axis=1).tolist(), strict=True) if not length)
    if empty:
        problems.append(ScoringProblem("empty-reference", empty))
    odd = tuple(
        key
        for key, reference, hypothesis in zip(ids, reference_texts, hypothesis_texts, strict=True)
        if UNUSUAL_SPACE.search(reference) or UNUSUAL_SPACE.search(hypothesis)
    )
    if odd:
        problems.append(ScoringProblem("unusual-space", odd))
    columns: dict[str, list[Any]] = {}
    for name, values in (attributes or {}).items():
        columns[name] = [values.get(key) for key in ids]
        without = tuple(key for key in ids if key not in values)
        if without:
            problems.append(ScoringProblem("missing-attribute", without, name))
    return Evaluation(
        unit=unit,
        alignment=alignment,
        normalizer=record,
        missing=missing,
        utterance_ids=ids,
        references=reference_texts,
        hypotheses=hypothesis_texts,
        table=batch.table,
        operation_codes=batch.operations,
        operation_offsets=batch.offsets,
        attributes=columns,
        problems=tuple(problems),
        spaces=spaces,
        pairs=batch.pairs,
    )


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgumentError(
            explain(f"unknown {name}", got=value, expected=f"one of {', '.join(allowed)}", remedy=f"correct `{name}=`")
        )


def _normalizer(which: str | Normalizer) -> tuple[NormalizerRecord, Any]:
    from speech_tracker.evaluation.normalize import get_normalizer

    found = get_normalizer(cast("Any", which))
    return NormalizerRecord(found.name, found.version, found.digest), found
