"""The utterances behind a result: ``recogs`` files, scored anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.found import LocatedProblem, Tally
from speech_tracker.integrations.icefall.recogs import Recognized, parse_recogs, speaker_of

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]
Alignment = Literal["kaldi", "sclite"]
_ALIGNMENTS: tuple[Alignment, ...] = ("kaldi", "sclite")
_NUMBERED = re.compile(r"^(.+)-(\d+)$")


def loader(path: Path, shown: str, metric: str, tally: Tally | None) -> Load:
    """Return a function that scores a ``recogs`` file as icefall did.

    Most recipes align as Kaldi does, some as sclite does (`sclite_mode` of `write_error_stats`); those that count characters
    may have words in the file (`compute_CER`). What has the counts of the scores is taken; where two ways have the same sum
    of errors, their choice between equally good alignments differs, which is no contradiction.

    Args:
        path: of the file.
        shown: as the user would open it.
        metric: ``cer`` where characters were counted.
        tally: what its counts must be; None when nothing else says.
    """

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        texts = _read(path, shown, problems)
        if texts is None or tally is None:
            return None if texts is None else _score(texts, metric, "kaldi")
        said = (tally.substitutions, tally.deletions, tally.insertions, tally.reference_length)
        alike: Evaluation | None = None
        first: Evaluation | None = None
        for alignment in _ALIGNMENTS:
            evaluation = _score(texts, metric, alignment)
            counts = evaluation.counts
            if (counts.substitutions, counts.deletions, counts.insertions, counts.reference_length) == said:
                return evaluation
            first = first or evaluation
            if alike is None and (counts.errors, counts.reference_length) == (tally.errors, tally.reference_length):
                alike = evaluation
        if alike is None and first is not None:
            reason = (
                f"its utterances have {first.counts.errors} errors in {first.counts.reference_length} tokens, the scores "
                f"{tally.errors} in {tally.reference_length}: they are not of the same search, and were left out"
            )
            problems.append(LocatedProblem(shown, None, reason))
        return alike

    return load


def score_recogs(path: Path, shown: str, metric: str, problems: list[LocatedProblem]) -> Evaluation | None:
    """Return the evaluation of a ``recogs`` file by Kaldi's alignment, None when there is nothing in it."""
    texts = _read(path, shown, problems)
    return None if texts is None else _score(texts, metric, "kaldi")


@dataclass(frozen=True, slots=True)
class _Texts:
    """The utterances of a file that have both sides, by their plain ids."""

    references: dict[str, tuple[str, ...]]
    hypotheses: dict[str, tuple[str, ...]]


def _read(path: Path, shown: str, problems: list[LocatedProblem]) -> _Texts | None:
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
    texts = _Texts({}, {})
    for utterance_id, each in zip(ids, utterances, strict=True):
        if utterance_id in texts.references:
            reason = f"utterance {utterance_id} comes twice; the first counts"
            problems.append(LocatedProblem(shown, each.line_number, reason))
        elif each.hypothesis is None:
            problems.append(LocatedProblem(shown, each.line_number, f"utterance {utterance_id} has no hypothesis"))
        else:
            texts.references[utterance_id] = each.reference
            texts.hypotheses[utterance_id] = each.hypothesis
    return texts if texts.references else None


def _score(texts: _Texts, metric: str, alignment: Alignment) -> Evaluation:
    from speech_tracker.evaluation import score
    from speech_tracker.evaluation.sclite_network import ScliteRules

    speakers = {each: speaker for each in texts.references if (speaker := speaker_of(each)) is not None}
    separator = "" if metric == "cer" else " "
    return score(
        {name: separator.join(tokens) for name, tokens in texts.references.items()},
        {name: separator.join(tokens) for name, tokens in texts.hypotheses.items()},
        unit="char" if metric == "cer" else "word",
        alignment=alignment,
        attributes={"speaker_id": speakers} if len(speakers) == len(texts.references) else None,
        case_sensitive=True,
        # only the costs are those of sclite: its marks in the text are words like others here
        rules=ScliteRules(alternates=False, optional_words=False) if alignment == "sclite" else None,
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
    """Return whether the first references of a ``recogs`` file are in a script that icefall scores by characters."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    tokens = [token for each in parse_recogs(head) if isinstance(each, Recognized) for token in each.reference]
    wide = [token for token in tokens if token and 0x2E7F < ord(token[0]) < 0xAC00]
    return bool(tokens) and len(wide) > 0.8 * len(tokens)
