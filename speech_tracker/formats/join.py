"""Make the utterances of the two sides meet: cut a CTM at the reference's segments, and join ids as sclite does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from speech_tracker.formats.ctm import cut_at_segments
from speech_tracker.formats.problems import Problem
from speech_tracker.formats.transcripts import Transcripts


def cut_hypothesis(reference: Transcripts, hypothesis: Transcripts) -> Transcripts:
    """Return a CTM hypothesis cut at the segments of an STM reference, as sclite does; other pairs as they are."""
    if reference.format != "stm" or hypothesis.format != "ctm":
        return hypothesis
    texts, left = cut_at_segments(hypothesis.words, reference.segments)
    problems = hypothesis.problems
    if left:
        recordings = sorted({f"{word.recording_id} {word.channel}" for word in left})
        reason = f"{len(left)} words of recordings or channels without reference left out: {', '.join(recordings[:5])}"
        problems = (*problems, Problem(left[0].line_number, left[0].word, reason))
    notes = (*hypothesis.notes, f"{len(hypothesis.words)} words cut at the {len(texts)} segments of the reference")
    return replace(hypothesis, texts=texts, problems=problems, notes=notes)


def match_ids(references: Mapping[str, str], hypotheses: Mapping[str, str]) -> tuple[Mapping[str, str], Sequence[str]]:
    """Give hypotheses the spelling of the reference's ids where they differ in case alone (sclite folds ids).

    Nothing is changed when the ids fit as they are, or when folding would make two of them one.

    Returns:
        The hypotheses, and notes on what was done.
    """
    unmatched = [key for key in hypotheses if key not in references]
    if not unmatched:
        return hypotheses, ()
    folded: dict[str, str] = {}
    for key in references:
        if folded.setdefault(key.lower(), key) != key:
            return hypotheses, ()
    renamed = {key: folded[key.lower()] for key in unmatched if key.lower() in folded}
    targets = [target for target in renamed.values() if target not in hypotheses]
    if not renamed or len(set(targets)) != len(renamed):
        return hypotheses, ()
    result = {renamed.get(key, key): text for key, text in hypotheses.items()}
    return result, (f"{len(renamed)} utterance ids joined without regard to case, as sclite does",)
