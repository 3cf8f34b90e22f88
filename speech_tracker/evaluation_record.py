"""What a run records of an evaluation: counts, interval, speakers, worst utterances; every utterance in one file."""

from __future__ import annotations

import gzip
import logging
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.encoding import encode
from speech_tracker.errors import InvalidTypeError, MissingExtraError, explain
from speech_tracker.guard import shielded
from speech_tracker.paths import write_atomically
from speech_tracker.plain import plain

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

logger = logging.getLogger("speech_tracker")

WORST = 50
"""Utterances with most errors that are kept in the record itself; the file has all of them."""

LONGEST = 1000
"""Aligned tokens of one of them that are kept, so that hours in one utterance do not fill the record."""

SPEAKERS = 200
"""Speakers, worst first, that are kept in the record itself; `speakers_total` says how many there are."""

RATE_NAMES = {"word": "wer", "char": "cer", "mixed": "mixed_error_rate"}
"""Unit of an evaluation → name of its error rate."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def place_of(evaluation: Mapping[str, Any]) -> str:
    """Return where the numbers of an ``evaluation`` record belong: ``test/<set>``, or ``valid`` and ``valid/<set>``.

    >>> place_of({"test_set": "test-clean"}), place_of({"test_set": "dev", "metadata": {"stage": "valid"}})
    ('test/test-clean', 'valid/dev')
    """
    test_set = evaluation["test_set"]
    if test_set == "valid":
        return "valid"
    validation = (evaluation.get("metadata") or {}).get("stage") == "valid"
    return f"valid/{test_set}" if validation else f"test/{test_set}"


def evaluation_data(
    evaluation: Any,
    *,
    folder: Path,
    test_set: str,
    audio: Mapping[str, str | os.PathLike[str]] | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """Return the data of an ``evaluation`` record, and write the file with all utterances into the run's folder.

    Rates are fractions.

    Args:
        evaluation: an `Evaluation`, an `ErrorCounts`, or anything whose ``metrics()`` returns names to numbers.
        folder: the run's folder.
        test_set: the test set's name, for the file's name.
        audio: utterance id to audio file.
        unit: what an `ErrorCounts` counts: ``word``, ``char`` or ``mixed``.

    Raises:
        InvalidTypeError: `evaluation` is none of these.
    """
    if hasattr(evaluation, "utterance_ids") and hasattr(evaluation, "table"):
        return _scored(evaluation, folder, test_set, audio or {})
    if hasattr(evaluation, "substitutions") and hasattr(evaluation, "as_dict"):
        return {"unit": unit or "word", **_counts(evaluation, unit or "word")}
    metrics = getattr(evaluation, "metrics", None)
    if callable(metrics):
        return {"kind": type(evaluation).__name__, "metrics": dict(metrics())}
    raise InvalidTypeError(
        explain(
            "not an evaluation",
            got=evaluation,
            expected="what speech_tracker.evaluation.score returned, an ErrorCounts, or a result with metrics()",
            remedy="score references and hypotheses first",
        )
    )


def _counts(counts: Any, unit: str) -> dict[str, Any]:
    rate = counts.error_rate
    return {
        "counts": counts.as_dict(),
        "reference_length": counts.reference_length,
        "error_rate": rate,
        RATE_NAMES[unit]: rate,
        "sentence_error_rate": counts.sentence_error_rate,
    }


def _scored(evaluation: Evaluation, folder: Path, test_set: str, audio: Mapping[str, Any]) -> dict[str, Any]:
    normalizer = evaluation.normalizer
    data: dict[str, Any] = {
        "unit": evaluation.unit,
        "alignment": evaluation.alignment,
        "normalizer": {"name": normalizer.name, "version": normalizer.version, "digest": normalizer.digest},
        "missing": evaluation.missing,
        **_counts(evaluation.counts, evaluation.unit),
        "worst": [_utterance(evaluation, index, audio) for index in _worst(evaluation)],
        "problems": [str(problem) for problem in evaluation.problems],
    }
    with shielded(f"computing the interval of {test_set}"):
        interval = _interval(evaluation)
        if interval is not None:
            data[f"{RATE_NAMES[evaluation.unit]}_ci"] = interval
    if "speaker_id" in evaluation.attributes:
        data.update(_speakers(evaluation))
    with shielded(f"writing the utterances of {test_set} into the run's folder"):
        data["file"] = _write(evaluation, folder, test_set)
    return data


def _interval(evaluation: Evaluation) -> dict[str, Any] | None:
    from speech_tracker.evaluation.bootstrap import bootstrap_interval

    if evaluation.counts.reference_length == 0:
        return None
    found = bootstrap_interval(evaluation)
    return {
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "method": found.method,
        "blocks": found.blocks,
        "n_blocks": found.n_blocks,
        "warning": found.warning,
    }


def _worst(evaluation: Evaluation) -> list[int]:
    import numpy as np

    errors = evaluation.table[:, 1:].sum(axis=1)
    # most errors first; among equals the order of the test set
    order = np.argsort(-errors, kind="stable")[:WORST]
    return [int(index) for index in order if errors[index] > 0]


def _utterance(evaluation: Evaluation, index: int, audio: Mapping[str, Any]) -> dict[str, Any]:
    name = evaluation.utterance_ids[index]
    hits, substitutions, deletions, insertions = (int(count) for count in evaluation.table[index])
    aligned = evaluation.aligned(index)
    row: dict[str, Any] = {
        "utterance_id": name,
        "errors": substitutions + deletions + insertions,
        "hits": hits,
        "substitutions": substitutions,
        "deletions": deletions,
        "insertions": insertions,
        "alignment": [list(pair) for pair in aligned[:LONGEST]],
    }
    if len(aligned) > LONGEST:
        row["alignment_left_out"] = len(aligned) - LONGEST
    for attribute, column in evaluation.attributes.items():
        row[f"attribute_{attribute}" if attribute in row else attribute] = column[index]
    if name in audio:
        row["audio"] = os.fspath(audio[name])
    return row


def _speakers(evaluation: Evaluation) -> dict[str, Any]:
    rows = [
        {"speaker_id": speaker, **counts.as_dict(), "error_rate": counts.error_rate}
        for speaker, counts in evaluation.by("speaker_id").items()
    ]
    rows.sort(key=lambda row: -1.0 if row["error_rate"] is None else row["error_rate"], reverse=True)
    return {"speakers": rows[:SPEAKERS], "speakers_total": len(rows)}


def _write(evaluation: Evaluation, folder: Path, test_set: str) -> str:
    from speech_tracker.evaluation.parquet import write_parquet

    place = folder / "evaluations"
    place.mkdir(parents=True, exist_ok=True)
    safe = _UNSAFE.sub("_", test_set).strip("._")[:80] or "test"
    path = place / f"{safe}-{secrets.token_hex(3)}.parquet"
    try:
        write_parquet(evaluation, path)
    except MissingExtraError as error:  # the utterances are kept all the same, in a form that needs no library
        path = path.with_suffix(".jsonl.gz")
        logger.warning(
            "speech-tracker: the utterances of %s are kept in %s instead of Parquet: %s", test_set, path, error
        )
        _write_lines(evaluation, path)
    return str(path.relative_to(folder))


def _write_lines(evaluation: Evaluation, path: Path) -> None:
    lines = bytearray()
    for index, name in enumerate(evaluation.utterance_ids):
        row = {
            "utterance_id": name,
            "reference": evaluation.references[index],
            "hypothesis": evaluation.hypotheses[index],
            "operations": evaluation.operations(index).decode(),
            **{attribute: column[index] for attribute, column in evaluation.attributes.items()},
        }
        lines += encode(plain(row)[0]) + b"\n"
    write_atomically(path, gzip.compress(bytes(lines)))
