"""Which attributes of a test set are worth a table of their own."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from speech_tracker.evaluation.breakdown import REFERENCE_LENGTH, Breakdown, breakdown

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

MOST_GROUPS = 40
"""An attribute with more values names utterances rather than grouping them."""


def attribute_breakdowns(
    evaluation: Evaluation, *, most: int = MOST_GROUPS, asked: Collection[str] = ()
) -> list[Breakdown]:
    """Return a breakdown by each attribute with 2 to `most` groups, numbers in buckets, and by reference length.

    Speakers are left out: there may be thousands, and they are shown in their own way.

    Args:
        evaluation: what `score` returned.
        most: an attribute with more values is left out,
        asked: unless it is one of these.
    """
    found = []
    for name in [*sorted(evaluation.attributes.keys() - {"speaker_id"}), REFERENCE_LENGTH]:
        column = evaluation.attributes.get(name, ())
        values = {value for value in column if value is not None}
        is_number = name == REFERENCE_LENGTH or any(isinstance(value, float) for value in values)
        if not is_number and name not in asked and not 1 < len(values) <= most:
            continue
        if is_number and name != REFERENCE_LENGTH and len(values) < 2:
            continue
        groups = breakdown(evaluation, name)
        if len(groups.groups) > 1:
            found.append(groups)
    return found
