"""A score as one plain dictionary: what `speech-tracker score --json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speech_tracker.evaluation.grouped import attribute_breakdowns

if TYPE_CHECKING:
    from speech_tracker.evaluation.bootstrap import Interval
    from speech_tracker.evaluation.counts import ErrorCounts
    from speech_tracker.evaluation.result import Evaluation
    from speech_tracker.evaluation.score_files import FileScore


def summary(scored: FileScore) -> dict[str, Any]:
    """Return the score for scripts. Rates are fractions, None where the references are empty.

    The counts are those of ``unit``; ``wer`` and ``cer`` are always there, and ``error_rate`` is the rate of the unit.
    """
    evaluation = scored.evaluation
    normalizer = evaluation.normalizer
    return {
        "reference": scored.sides.reference.path,
        "hypothesis": scored.sides.hypothesis.path,
        "wer": scored.words.error_rate,
        "cer": scored.characters.error_rate,
        "error_rate": evaluation.error_rate,
        "unit": evaluation.unit,
        **counts_of(evaluation.counts),
        "alignment": evaluation.alignment,
        "normalizer": normalizer.name,
        "normalizer_version": normalizer.version,
        "normalizer_digest": normalizer.digest,
        "missing": evaluation.missing,
        "wer_ci": interval_dict(scored.word_interval),
        "error_rate_ci": interval_dict(scored.interval),
        "speakers": speakers(evaluation),
        "groups": [
            found.as_dict()
            for found in attribute_breakdowns(evaluation, asked=scored.asked)
            if found.attribute in evaluation.attributes
        ],
        "remarks": list(scored.remarks),
    }


def counts_of(counts: ErrorCounts) -> dict[str, Any]:
    """Return counts and the rates that need no other unit."""
    return {
        "hits": counts.hits,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
        "errors": counts.errors,
        "reference_length": counts.reference_length,
        "hypothesis_length": counts.hypothesis_length,
        "utterances": counts.utterances,
        "utterances_with_errors": counts.utterances_with_errors,
        "sentence_error_rate": counts.sentence_error_rate,
    }


def speakers(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return counts and rate of each speaker, in the order of the test set; empty without speakers."""
    if "speaker_id" not in evaluation.attributes:
        return []
    name = {"word": "wer", "char": "cer"}.get(evaluation.unit, "error_rate")
    return [
        {"speaker_id": speaker, name: counts.error_rate, **counts_of(counts)}
        for speaker, counts in evaluation.by("speaker_id").items()
    ]


def interval_dict(interval: Interval | None) -> dict[str, Any] | None:
    """Return an interval for JSON, the contract's keys first."""
    if interval is None:
        return None
    return {
        "low": interval.low,
        "high": interval.high,
        "level": interval.level,
        "method": interval.method,
        "blocks": interval.blocks,
        "n_blocks": interval.n_blocks,
        "replications": interval.replications,
        "warning": interval.warning,
    }
