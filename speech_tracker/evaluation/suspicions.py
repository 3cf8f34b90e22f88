"""Sentences about a score that is not what it seems: swapped files, loops, hypotheses that ran away."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from speech_tracker.evaluation.mismatch import find_mismatches
from speech_tracker.evaluation.runaway import runaway_hypotheses

if TYPE_CHECKING:
    from speech_tracker.evaluation.result import Evaluation

_SHOWN = 3
_WORTH_SAYING = 0.02


def suspicions(evaluation: Evaluation) -> list[str]:
    """Return one sentence for each thing that a reader should look at before trusting the rate.

    Runaway hypotheses are named when they make more than 2 % of all errors.
    """
    found = []
    misplaced = find_mismatches(evaluation)
    if misplaced.explanation is not None:
        shown = ", ".join(f"{each.utterance_id} fits {each.belongs_to}" for each in misplaced.found[:_SHOWN])
        found.append(f"hypotheses of other utterances? {misplaced.explanation} ({shown})")
    runaways = runaway_hypotheses(evaluation)
    if runaways.share_of_errors is not None and runaways.share_of_errors > _WORTH_SAYING:
        kinds = Counter(each.kind for each in runaways.found)
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        shown = ", ".join(each.utterance_id for each in runaways.found[:_SHOWN])
        rest = runaways.error_rate_without
        without = "" if rest is None else f"; without them the error rate is {100 * rest:.2f} %"
        found.append(
            f"{_some(len(runaways.found))} no transcription ({counted}), with "
            f"{100 * runaways.share_of_errors:.0f} % of all errors{without}: {shown}"
        )
    return found


def _some(count: int) -> str:
    return "1 hypothesis is" if count == 1 else f"{count} hypotheses are"
