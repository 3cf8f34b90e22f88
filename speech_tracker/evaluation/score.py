"""Join references and hypotheses by utterance id, count, and say what did not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, ScoringError, explain
from speech_tracker.evaluation.align import Aligner
from speech_tracker.evaluation.align_sclite import TextError
from speech_tracker.evaluation.align_worker import align_in_processes
from speech_tracker.evaluation.preference import ALIGNMENTS, Alignment
from speech_tracker.evaluation.result import Evaluation, NormalizerRecord, ScoringProblem
from speech_tracker.evaluation.sclite_network import ScliteRules
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
    normalizer: str | Normalizer | Callable[[str], str] = "none",
    missing: Missing = "error",
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    spaces: Spaces = "keep",
    case_sensitive: bool | None = None,
    rules: ScliteRules | None = None,
    workers: int | None = None,
) -> Evaluation:
    """Count hits, substitutions, deletions and insertions of every utterance.

    Args:
        references: utterance id → text.
        hypotheses: utterance id → text. Those without a reference are left out and reported in `problems`.
        unit: ``"word"``; ``"char"`` (Unicode code points); ``"mixed"`` (Han and Kana one by one, other words whole).
        alignment: whose choice between alignments of equal cost to follow: ``"kaldi"`` (compute-wer, the %WER line),
            ``"align-text"`` (Kaldi's per_utt and per_spk), ``"sclite"`` or ``"jiwer"``; see `docs/scoring.md`.
        normalizer: name of a normaliser, a function, or an object with `name`, `version`, `digest` that maps text to
            text. It is applied to both sides.
        missing: what to do where a reference has no hypothesis: ``"error"``, count all its tokens as ``"deletions"``,
            or ``"skip"`` it and report it.
        attributes: name of an attribute → utterance id → value, for breakdowns; `None` and NaN are no value.
        spaces: for unit ``"char"``: whether the space between words counts as a character.
        case_sensitive: whether ``A`` and ``a`` differ. `None` means what the reference scorer does: sclite folds
            ``A``-``Z`` (and no other letter), the others fold nothing.
        rules: for ``"sclite"``: which of its conventions to honour in the text; `None` for alternates and optional
            words, without fragments.
        workers: processes to align in; `None` for several when there are more than 150,000 utterances.

    Raises:
        InvalidArgumentError: an argument is not one of the allowed values.
        InvalidTypeError: a text is not a string, or texts have no ids.
        ScoringError: hypotheses are missing and `missing` is ``"error"``; nothing can be scored; sclite's alternates
            are malformed.
    """
    _check("alignment", alignment, ALIGNMENTS)
    _check("missing", missing, MISSING)
    tokenizer(unit, spaces)  # says what is wrong with either
    if rules is not None and alignment != "sclite":
        raise InvalidArgumentError(
            explain(
                "rules for another alignment",
                got=alignment,
                expected="'sclite', the only one with alternates, optional words and fragments",
                remedy="pass alignment='sclite' or no `rules=`",
            )
        )
    aligner = Aligner(
        alignment,
        unit,
        spaces,
        alignment != "sclite" if case_sensitive is None else case_sensitive,
        rules or ScliteRules(),
    )
    record, apply = _normalizer(normalizer)
    ids, problems = _join(references, hypotheses, missing)
    reference_texts = _texts("reference", references, ids, apply)
    hypothesis_texts = _texts("hypothesis", hypotheses, ids, apply)
    try:
        batch = align_in_processes(aligner, reference_texts, hypothesis_texts, workers)
    except TextError as error:
        raise ScoringError(f"{error.side} of utterance {ids[error.position]!r}: {error.reason}") from None

    empty = np.flatnonzero(batch.table[:, :3].sum(axis=1) == 0)
    if len(empty):
        problems.append(ScoringProblem("empty-reference", tuple(ids[index] for index in empty.tolist())))
    odd = _with_unusual_space(ids, reference_texts, hypothesis_texts)
    if odd:
        problems.append(ScoringProblem("unusual-space", odd))
    columns: dict[str, list[Any]] = {}
    for name, values in (attributes or {}).items():
        # a table library's NaN is no value either
        columns[name] = [
            None if isinstance(value, float) and math.isnan(value) else value for value in map(values.get, ids)
        ]
        without = tuple(key for key, value in zip(ids, columns[name], strict=True) if value is None)
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
        case_sensitive=aligner.case_sensitive,
        pairs=batch.pairs,
        rules=aligner.rules if alignment == "sclite" else None,
    )


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgumentError(
            explain(f"unknown {name}", got=value, expected=f"one of {', '.join(allowed)}", remedy=f"correct `{name}=`")
        )


def _normalizer(
    which: str | Normalizer | Callable[[str], str],
) -> tuple[NormalizerRecord, Callable[[str], str] | None]:
    """Return what the result records, and the function to apply; `None` where it would change nothing."""
    from speech_tracker.evaluation.normalize import get_normalizer

    found = get_normalizer(which)
    return NormalizerRecord(found.name, found.version, found.digest), None if found.name == "none" else found


def _join(
    references: Mapping[str, str], hypotheses: Mapping[str, str], missing: Missing
) -> tuple[list[str], list[ScoringProblem]]:
    """Return the ids to score, in the order of the references, and what does not fit."""
    for side, texts in (("references", references), ("hypotheses", hypotheses)):
        if not isinstance(texts, Mapping):
            raise InvalidTypeError(
                explain(
                    f"{side} without utterance ids",
                    got=texts,
                    expected="a mapping of utterance id to text",
                    remedy="give each text its id: lines of two files that are paired by number go wrong unnoticed",
                )
            )
    ids = list(references)
    problems: list[ScoringProblem] = []
    absent: tuple[str, ...] = ()
    if references.keys() != hypotheses.keys():
        absent = tuple(key for key in ids if key not in hypotheses)
        extra = tuple(key for key in hypotheses if key not in references)
        if extra:
            problems.append(ScoringProblem("extra-hypothesis", extra))
    if absent:
        problem = ScoringProblem("missing-hypothesis", absent)
        problems.insert(0, problem)
        if len(absent) == len(ids) and hypotheses:
            raise ScoringError(
                f"no utterance id is on both sides: references have ids like {ids[0]!r}, hypotheses like "
                f"{next(iter(hypotheses))!r}; expected the same ids; rename one side"
            )
        if missing == "error":
            raise ScoringError(
                f"{problem}; expected one for each of the {len(ids)} references; check that both sides use the same "
                "utterance ids, or pass missing='deletions' (count them as deleted) or missing='skip'"
            )
        if missing == "skip":
            ids = [key for key in ids if key in hypotheses]
    if not ids:
        raise ScoringError(
            f"nothing to score: got {len(references)} references and {len(hypotheses)} hypotheses, expected at least "
            "one utterance with both; check the files"
        )
    return ids, problems


def _texts(side: str, texts: Mapping[str, str], ids: Sequence[str], apply: Callable[[str], str] | None) -> list[str]:
    found = list(texts.values()) if list(texts) == ids else [texts.get(key, "") for key in ids]
    if set(map(type, found)) != {str}:
        for key, text in zip(ids, found, strict=True):
            if not isinstance(text, str):
                raise InvalidTypeError(
                    explain(
                        f"{side} of utterance {key!r} is not a text",
                        got=text,
                        expected="a string",
                        remedy="join tokens with spaces, and pass '' where nothing was said or recognised",
                    )
                )
    return found if apply is None else list(map(apply, found))


def _with_unusual_space(ids: Sequence[str], references: Sequence[str], hypotheses: Sequence[str]) -> tuple[str, ...]:
    if all(map(str.isascii, references)) and all(map(str.isascii, hypotheses)):
        return ()
    return tuple(
        key
        for key, reference, hypothesis in zip(ids, references, hypotheses, strict=True)
        if not (reference.isascii() and hypothesis.isascii())
        and (UNUSUAL_SPACE.search(reference) or UNUSUAL_SPACE.search(hypothesis))
    )
