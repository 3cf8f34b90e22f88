"""The utterances of a file of error rates: taken from its alignments, scored anew, and compared with its head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech_tracker.errors import FormatError
from speech_tracker.formats.decode import decode
from speech_tracker.formats.speechbrain_wer import SpeechBrainWer, parse_speechbrain_wer
from speech_tracker.ingest.found import LocatedProblem
from speech_tracker.integrations.speechbrain.data_files import content_of, speakers_in
from speech_tracker.integrations.speechbrain.score_files import ErrorRates, report_text

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]

_SPACE = "_"
"""SpeechBrain's mark for the space between two words where it counts characters (``ErrorRateStats(space_token=…)``)."""


def loader(path: Path, shown: str, report: ErrorRates, metric: str, manifest: Path | None) -> Load | None:
    """Return a function that scores the utterances of a report again; None when it has none.

    SpeechBrain and we both count the least errors, so these must be the same in sum. Where they are not, that is a
    problem, and no utterances are given: the counts of the file remain.

    Args:
        path: of the file.
        shown: the same, for problems.
        report: the head.
        metric: ``wer`` or ``cer``.
        manifest: that names the speakers; None for none.
    """
    if not report.utterances:
        return None

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        found = _parsed(path, shown, report, problems)
        if found is None or not found.pairs:
            return None
        evaluation = _scored(found, metric, manifest)
        counts = evaluation.counts
        wanted = (report.errors, report.reference_length, report.sentences or len(evaluation))
        got = (counts.errors, counts.reference_length, len(evaluation))
        if got == wanted:
            return evaluation
        reason = (
            f"its alignments have {got[0]} errors in {got[1]} tokens of {got[2]} utterances, its head {wanted[0]} in "
            f"{wanted[1]} of {wanted[2]}: the counts of the head are taken, without utterances"
        )
        problems.append(LocatedProblem(shown, report.line_number, reason))
        return None

    return load


def _parsed(path: Path, shown: str, report: ErrorRates, problems: list[LocatedProblem]) -> SpeechBrainWer | None:
    before = report.line_number - 1
    try:
        decoded = decode(report_text(content_of(path), report.line_number))
    except FormatError as error:
        problems.append(LocatedProblem(shown, None, str(error)))
        return None
    found = parse_speechbrain_wer(decoded.text)
    problems += [
        LocatedProblem(shown, each.line_number + before, each.reason, each.text)
        for each in (*decoded.problems, *found.problems)
    ]
    return found


def _scored(found: SpeechBrainWer, metric: str, manifest: Path | None) -> Evaluation:
    from speech_tracker.evaluation import score

    speakers = speakers_in(manifest)
    known = {pair.utterance_id: speakers[pair.utterance_id] for pair in found.pairs if pair.utterance_id in speakers}
    if metric == "cer":
        found = replace(
            found,
            pairs=tuple(
                replace(pair, reference=_characters(pair.reference), hypothesis=_characters(pair.hypothesis))
                for pair in found.pairs
            ),
        )
    unit: Literal["word", "char"] = "char" if metric == "cer" else "word"
    return score(
        {pair.utterance_id: pair.reference for pair in found.pairs},
        {pair.utterance_id: pair.hypothesis for pair in found.pairs},
        unit=unit,
        attributes={"speaker_id": known} if known and len(known) == len(found.pairs) else None,
    )


def _characters(tokens: str) -> str:
    return "".join(" " if token == _SPACE else token for token in tokens.split(" "))
