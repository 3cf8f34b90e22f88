"""Compare systems from their transcript files: what `speech-tracker significance REF HYP_A HYP_B` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.evaluation.compare import Comparison, compare
from speech_tracker.evaluation.score import Missing, score
from speech_tracker.evaluation.tokenize import Unit
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.join import cut_hypothesis, match_ids
from speech_tracker.formats.kaldi_text import parse_utt2spk
from speech_tracker.formats.transcripts import Transcripts, read_transcripts

if TYPE_CHECKING:
    from speech_tracker.evaluation.interval import Method
    from speech_tracker.evaluation.preference import Alignment
    from speech_tracker.evaluation.result import Evaluation

SHOWN_PROBLEMS = 5
"""Lines with problems that are named one by one for each file; the others are counted."""


@dataclass(frozen=True, slots=True)
class ComparedFiles:
    """The comparison, and what a user must be told about the files.

    Attributes:
        comparison: all tests.
        evaluations: name of the system → its evaluation.
        messages: lines that could not be read, utterances that were left out: one line each.
    """

    comparison: Comparison
    evaluations: Mapping[str, Evaluation]
    messages: tuple[str, ...]


def compare_files(
    reference: str | Path,
    hypotheses: Sequence[str | Path],
    *,
    speakers: str | Path | None = None,
    unit: Unit = "word",
    alignment: Alignment = "sclite",
    normalizer: str = "none",
    missing: Missing = "error",
    level: float = 0.95,
    replications: int = 10_000,
    seed: int = 0,
    method: Method = "percentile",
    block: str | None = "auto",
) -> ComparedFiles:
    """Score the files and compare the systems.

    Args:
        reference: a transcript file of any format that `read_transcripts` knows.
        hypotheses: two or more transcript files.
        speakers: Kaldi's ``utt2spk``; where it is not given, speakers come from the files if these name them.
        unit: see `score`.
        alignment: see `score`; ``sclite`` gives the segments of NIST's `sc_stats`.
        normalizer: see `score`.
        missing: see `score`; with ``skip``, the utterances that all systems have are compared.
        level: see `compare`.
        replications: see `compare`.
        seed: see `compare`.
        method: see `compare`.
        block: see `compare`.

    Raises:
        FormatError: a file cannot be read as a transcript.
        OSError: a file cannot be read at all.
        ScoringError: the files do not fit together.
        InvalidArgumentError: an argument is not one of the allowed values.
    """
    if len(hypotheses) < 2:
        raise InvalidArgumentError(
            f"nothing to compare: got {len(hypotheses)} hypothesis file, expected two or more; for a single one use "
            "`speech-tracker score`"
        )
    truth = read_transcripts(reference, side="reference")
    messages = list(_problems(reference, truth.problems))
    attributes: dict[str, Mapping[str, Any]] = dict(truth.attributes)
    if truth.speakers:
        attributes["speaker_id"] = truth.speakers
    if speakers is not None:
        parsed = parse_utt2spk(read_text(speakers).text)
        messages += _problems(speakers, parsed.problems)
        attributes["speaker_id"] = {entry.utterance_id: entry.value for entry in parsed.records}
    evaluations: dict[str, Evaluation] = {}
    for name, path in zip(names_of(hypotheses), hypotheses, strict=True):
        heard = read_transcripts(path, side="hypothesis")
        messages += _problems(path, heard.problems)
        heard = cut_hypothesis(truth, heard)
        texts, notes = match_ids(truth.texts, heard.texts)
        messages += [f"{path}: {note}" for note in notes]
        evaluations[name] = evaluation = score(
            truth.texts,
            texts,
            unit=unit,
            alignment=alignment,
            normalizer=normalizer,
            missing=missing,
            attributes=attributes or _speakers_of(heard),
        )
        messages += [f"{path}: {problem}" for problem in evaluation.problems if problem.kind != "empty-reference"]
    comparison = compare(
        evaluations,
        level=level,
        replications=replications,
        seed=seed,
        method=method,
        block=block,
        common=missing == "skip",
    )
    return ComparedFiles(comparison, evaluations, tuple(dict.fromkeys(messages)))


def names_of(paths: Sequence[str | Path]) -> list[str]:
    """Return the shortest ends of the paths that tell them apart.

    >>> names_of(["exp/a/decode/text", "exp/b/decode/text"])
    ['a/decode/text', 'b/decode/text']
    """
    parts = [Path(path).parts for path in paths]
    for length in range(1, max(len(part) for part in parts) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise InvalidArgumentError(
        f"a system cannot be compared with itself: got {', '.join(map(str, paths))}, expected different files"
    )


def _speakers_of(heard: Transcripts) -> dict[str, Mapping[str, Any]] | None:
    return {"speaker_id": heard.speakers} if heard.speakers else None


def _problems(path: str | Path, problems: Iterable[object]) -> list[str]:
    found = [f"{path}: {problem}" for problem in problems]
    if len(found) > SHOWN_PROBLEMS:
        found[SHOWN_PROBLEMS:] = [f"{path}: and {len(found) - SHOWN_PROBLEMS} more lines with problems"]
    return found
