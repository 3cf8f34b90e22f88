"""Texts scored by our scorer, and set against what Fairseq printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speech_tracker.errors import SpeechTrackerError
from speech_tracker.ingest.found import LocatedProblem, Outcome, Tally

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

_PRINTED_TO = 0.0051
"""Percent: `fairseq-generate` prints two decimals."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Both sides of a test set.

    Attributes:
        references: utterance id → text.
        hypotheses: likewise.
        speakers: utterance id → speaker, of all of them or of none.
    """

    references: Mapping[str, str]
    hypotheses: Mapping[str, str]
    speakers: Mapping[str, str]


def scored(texts: Texts, path: str, problems: list[LocatedProblem]) -> Evaluation | None:
    """Return the score in words, None (and a problem) where there is none.

    Fairseq counts the edits between the words that white space separates, as `compute-wer` does.
    """
    from speech_tracker.evaluation import score

    known = len(texts.speakers) == len(texts.references)
    try:
        return score(
            texts.references,
            texts.hypotheses,
            missing="skip",
            attributes={"speaker_id": texts.speakers} if known else None,
        )
    except SpeechTrackerError as error:
        problems.append(LocatedProblem(path, None, f"its utterances were not scored: {error}"))
        return None


def outcome_of(evaluation: Evaluation, source: str, absent: int) -> Outcome:
    """Return the result of a score."""
    counts = evaluation.counts
    tally = Tally(
        counts.substitutions,
        counts.deletions,
        counts.insertions,
        counts.reference_length,
        counts.utterances,
        counts.utterances_with_errors,
    )
    return Outcome(source, None, None, counts.error_rate, counts.reference_length, tally, absent or None)


def differs(outcome: Outcome, percent: float | None) -> str | None:
    """Return what is wrong between our rate and a printed one, None where they agree."""
    if percent is None or outcome.error_rate is None or abs(100 * outcome.error_rate - percent) <= _PRINTED_TO:
        return None
    return (
        f"a WER of {percent:g} % is printed, and the texts have {100 * outcome.error_rate:.4f} %: "
        "they are not of the same scoring; the texts are taken"
    )


def manifest_rows(path: Path) -> list[tuple[str, str]]:
    """Return (id, speaker) of each row of a manifest of ``speech_to_text``; none where it is no such file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    header = lines[0].split("\t") if lines else []
    if "id" not in header:
        return []
    number, speaker = header.index("id"), header.index("speaker") if "speaker" in header else None
    rows = []
    for line in lines[1:]:
        cells = line.split("\t")
        if len(cells) != len(header):
            return []  # a row that cannot be counted on moves all that follow
        rows.append((cells[number], cells[speaker] if speaker is not None else ""))
    return rows
