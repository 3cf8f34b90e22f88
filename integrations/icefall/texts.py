"""The utterances behind a result: ``recogs`` files, scored anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.found import LocatedProblem, Tally
from speech_tracker.integrations.icefall.recogs import Recognized, parse_recogs, speaker_of

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]
_NUMBERED = re.compile(r"^(.+)-(\d+)$")


def loader(path: Path, shown: str, metric: str, tally: Tally | None) -> Load:
    """Return a function that scores a ``recogs`` file as icefall does.

    Args:
        path: of the file.
        shown: as the user would open it.
        metric: ``cer`` where the tokens are characters.
        tally: what its counts must be; None when nothing else says.
    """

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        evaluation = score_recogs(path, shown, metric, problems)
        if evaluation is None or tally is None:
            return evaluation
        counts = evaluation.counts
        said = (tally.substitutions, tally.deletions, tally.insertions, tally.reference_length)
        if (counts.substitutions, counts.deletions, counts.insertions, counts.reference_length) != said:
            reason = (
                f"its utterances have {counts.errors} errors in {counts.reference_length} tokens, the scores "
                f"{tally.errors} in {tally.reference_length}: they are not of the same search, and were left out"
            )
            problems.append(LocatedProblem(shown, None, reason))
            return None
        return evaluation

    return load


def score_recogs(path: Path, shown: str, metric: str, problems: list[LocatedProblem]) -> Evaluation | None:
    """Return the evaluation of a ``recogs`` file, None when there is nothing in it."""
    from speech_tracker.evaluation import score

    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(LocatedProblem(shown, None, f"cannot be read: {error.strerror}"))
        return None
    utterances: list[Recognized] = []
    for each in parse_recogs(data):
        if isinstance(each, Problem):
            problems.append(LocatedProblem(shown, each.line_number or None, each.reason, each.text))
        else:
            utterances.append(each)
    ids = plain_ids([each.utterance_id for each in utterances])
    references: dict[str, str] = {}
    hypotheses: dict[str, str] = {}
    characters = metric == "cer" and all(
        len(token) == 1 for each in utterances for token in (*each.reference, *(each.hypothesis or ()))
    )
    separator = "" if characters else " "
    for utterance_id, each in zip(ids, utterances, strict=True):
        if utterance_id in references:
            problems.append(
                LocatedProblem(shown, each.line_number, f"utterance {utterance_id} comes twice; the first counts")
            )
            continue
        references[utterance_id] = separator.join(each.reference)
        if each.hypothesis is not None:
            hypotheses[utterance_id] = separator.join(each.hypothesis)
        else:
            problems.append(LocatedProblem(shown, each.line_number, f"utterance {utterance_id} has no hypothesis"))
    if not hypotheses:
        return None
    speakers = {each: speaker for each in hypotheses if (speaker := speaker_of(each)) is not None}
    return score(
        {each: text for each, text in references.items() if each in hypotheses},
        hypotheses,
        unit="char" if characters else "word",
        alignment="kaldi",
        attributes={"speaker_id": speakers} if len(speakers) == len(hypotheses) else None,
    )


def plain_ids(ids: Iterable[str]) -> list[str]:
    """Return ids without the number that lhotse gives each cut, so that they are those of other toolkits.

    The numbers count the cuts of a set: where each occurs once, and the ids are distinct without them, they are left out.

    >>> plain_ids(["1089-134686-0000-17", "1089-134686-0001-4"]), plain_ids(["1089-134686-0000", "1089-134691-0000"])
    (['1089-134686-0000', '1089-134686-0001'], ['1089-134686-0000', '1089-134691-0000'])
    """
    ids = list(ids)
    matches = [_NUMBERED.match(each) for each in ids]
    if not all(matches):
        return ids
    numbers = [match[2] for match in matches if match is not None]
    stems = [match[1] for match in matches if match is not None]
    counted = all(number == "0" or not number.startswith("0") for number in numbers)
    distinct = len(set(stems)) == len(stems) and len(set(numbers)) == len(numbers)
    return stems if counted and distinct and len(ids) > 1 else ids


def looks_like_characters(path: Path) -> bool:
    """Return whether the first references of a ``recogs`` file are characters of a script without spaces."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    tokens = [token for each in parse_recogs(head) if isinstance(each, Recognized) for token in each.reference]
    wide = [token for token in tokens if len(token) == 1 and ord(token) > 0x2E7F]
    return bool(tokens) and len(wide) > 0.8 * len(tokens)
