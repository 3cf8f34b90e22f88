"""Score a stream of utterances part by part, so that the memory does not grow with the set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from speech_tracker.errors import InvalidArgumentError, ScoringError, explain
from speech_tracker.evaluation.result import Evaluation
from speech_tracker.evaluation.score import score

Triple = tuple[str, str, str]
WithAttributes = tuple[str, str, str, Mapping[str, Any]]


def score_parts(
    utterances: Iterable[Triple | WithAttributes], *, utterances_per_part: int = 100_000, **options: Any
) -> Iterator[Evaluation]:
    """Score utterances as they come; counts of the parts add up to those of the whole.

    >>> parts = score_parts([("u1", "a b", "a b"), ("u2", "c d", "c")], utterances_per_part=1)
    >>> sum(part.counts for part in parts).kaldi_line()
    '%WER 25.00 [ 1 / 4, 0 ins, 1 del, 0 sub ]'

    Args:
        utterances: (utterance id, reference, hypothesis), or these and a mapping of attributes. Which reference
            belongs to which hypothesis is for the caller to know, so nothing can be missing.
        utterances_per_part: how many are held at a time.
        options: those of `score`, without `missing` and `attributes`.

    Yields:
        One `Evaluation` for each part, in order. Keep what you need of it (counts, worst utterances) and let it go.

    Raises:
        InvalidArgumentError: the size of a part is not positive.
        ScoringError: an id occurs twice in a part (across parts it would need memory for all ids to notice), or as
            in `score`.
    """
    if utterances_per_part < 1:
        raise InvalidArgumentError(
            explain(
                "a part holds no utterance",
                got=utterances_per_part,
                expected="1 or more",
                remedy="correct `utterances_per_part=`",
            )
        )
    references: dict[str, str] = {}
    hypotheses: dict[str, str] = {}
    attributes: dict[str, dict[str, Any]] = {}
    for utterance in utterances:
        utterance_id = utterance[0]
        if utterance_id in references:
            raise ScoringError(
                f"utterance {utterance_id!r} comes twice; expected each id once; give the second one another id"
            )
        references[utterance_id], hypotheses[utterance_id] = utterance[1], utterance[2]
        for name, value in (utterance[3] if len(utterance) == 4 else {}).items():
            attributes.setdefault(name, {})[utterance_id] = value
        if len(references) == utterances_per_part:
            yield score(references, hypotheses, attributes=attributes, **options)
            references, hypotheses, attributes = {}, {}, {}
    if references:
        yield score(references, hypotheses, attributes=attributes, **options)
