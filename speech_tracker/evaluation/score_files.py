"""Score transcript files: read both sides, make them meet, normalise, count, and say how sure the rate is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from speech_tracker.errors import FormatError, ScoringError
from speech_tracker.evaluation.normalize import Normalizer, get_normalizer, normalize_sides
from speech_tracker.evaluation.normalize_structure import KeepingStructure, has_alternates
from speech_tracker.evaluation.preference import Alignment
from speech_tracker.evaluation.result import Evaluation
from speech_tracker.evaluation.score import Missing, score
from speech_tracker.evaluation.suspicions import suspicions
from speech_tracker.evaluation.tokenize import Spaces, Unit
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.join import cut_hypothesis, match_ids
from speech_tracker.formats.kaldi_text import parse_utt2spk
from speech_tracker.formats.one_side import PAIR_FORMATS
from speech_tracker.formats.transcripts import Transcripts, read_transcripts

if TYPE_CHECKING:
    from speech_tracker.evaluation.bootstrap import Interval, Method


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read the files; see `speech_tracker.formats.transcripts.read_transcripts`."""

    reference_format: str = "auto"
    hypothesis_format: str = "auto"
    reference_column: str | None = None
    hypothesis_column: str | None = None
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a test set with their utterances joined.

    Attributes:
        reference: the reference file as read.
        hypothesis: the hypothesis file as read, a CTM cut at the reference's segments.
        references: utterance id → text.
        hypotheses: utterance id → text, in the spelling of the reference's ids.
        attributes: name → utterance id → value, ``speaker_id`` among them where known.
        remarks: problems and notes of reading, for the user, the file named in each.
    """

    reference: Transcripts
    hypothesis: Transcripts
    references: Mapping[str, str]
    hypotheses: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, Any]]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileScore:
    """The score of one hypothesis file.

    Attributes:
        evaluation: in the unit asked for.
        words: in words (the same object when that is the unit).
        characters: in characters.
        interval: around the error rate of `evaluation`; None where it has none.
        word_interval: around the word error rate.
        sides: what was read.
        remarks: all that the user should hear about, in order.
    """

    evaluation: Evaluation
    words: Evaluation
    characters: Evaluation
    interval: Interval | None
    word_interval: Interval | None
    sides: Sides
    remarks: tuple[str, ...] = field(default=())


def read_sides(
    reference: str | Path,
    hypothesis: str | Path | None = None,
    *,
    speakers: str | Path | None = None,
    attribute_files: Mapping[str, str | Path] | None = None,
    options: ReadOptions | None = None,
) -> Sides:
    """Read both sides; one file serves for both when it holds both (SpeechBrain ``wer_*.txt``, icefall ``recogs``, …).

    Args:
        reference: the reference file.
        hypothesis: the hypothesis file; None when `reference` holds both.
        speakers: an ``utt2spk`` file; it wins over what the files say.
        attribute_files: name → file of ``utterance-id value`` lines (``utt2lang``, ``utt2dur``, …).
        options: formats, columns and encoding.

    Raises:
        FormatError: a file cannot be read as transcripts, or one file was given that holds one side only.
        OSError: a file cannot be read.
    """
    options = options or ReadOptions()
    left = read_transcripts(
        reference, format=options.reference_format, text_column=options.reference_column, encoding=options.encoding
    )
    right = read_transcripts(
        reference if hypothesis is None else hypothesis,
        format=options.hypothesis_format if hypothesis is not None else left.format,
        side="hypothesis",
        text_column=options.hypothesis_column,
        encoding=options.encoding,
    )
    if hypothesis is None and left.format not in PAIR_FORMATS and left.texts == right.texts:
        raise FormatError(
            f"this {left.format} file holds one side only; expected a hypothesis file too; give REF and HYP",
            path=reference,
        )
    right = cut_hypothesis(left, right)
    remarks = _remarks(left) + (_remarks(right) if hypothesis is not None else [])
    hypotheses, notes = match_ids(left.texts, right.texts)
    remarks += notes
    attributes: dict[str, Mapping[str, Any]] = dict(left.attributes)
    if left.durations:
        attributes["duration_s"] = left.durations
    known = left.speakers or right.speakers
    if known:
        attributes["speaker_id"] = known
    for name, path in {**(attribute_files or {}), **({"speaker_id": speakers} if speakers is not None else {})}.items():
        attributes[name], said = _read_map(path, name, options.encoding)
        remarks += said
    return Sides(left, right, left.texts, hypotheses, attributes, tuple(remarks))


def score_files(
    reference: str | Path,
    hypothesis: str | Path | None = None,
    *,
    speakers: str | Path | None = None,
    attribute_files: Mapping[str, str | Path] | None = None,
    unit: Unit = "word",
    alignment: Alignment = "kaldi",
    normalizer: str | Normalizer = "none",
    missing: Missing = "error",
    spaces: Spaces = "keep",
    level: float = 0.95,
    interval: Method = "percentile",
    block: str | None = "auto",
    options: ReadOptions | None = None,
) -> FileScore:
    """Score a hypothesis file against a reference file.

    Args:
        reference: see `read_sides`.
        hypothesis: see `read_sides`.
        speakers: see `read_sides`.
        attribute_files: see `read_sides`.
        unit: what is counted; see `score`.
        alignment: see `score`.
        normalizer: see `get_normalizer`.
        missing: see `score`.
        spaces: see `score`.
        level: coverage of the interval.
        interval: its method; see `bootstrap_interval`.
        block: what it resamples; see `bootstrap_interval`.
        options: see `read_sides`.

    Raises:
        FormatError: a file cannot be read.
        ScoringError: hypotheses are missing, or the sides have no utterance in common.
        InvalidArgumentError: an argument is not one of the allowed values.
    """
    sides = read_sides(reference, hypothesis, speakers=speakers, attribute_files=attribute_files, options=options)
    remarks = list(sides.remarks)
    if not sides.references.keys() & sides.hypotheses.keys():
        raise ScoringError(_nothing_in_common(sides))
    found = get_normalizer(normalizer)
    keeps = alignment == "sclite" and any(map(has_alternates, sides.references.values()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        references, hypotheses, done = normalize_sides(
            KeepingStructure(found) if keeps else found, sides.references, sides.hypotheses
        )
    remarks += dict.fromkeys(str(each.message) for each in caught)
    if alignment != "sclite" and any(map(has_alternates, sides.references.values())):
        remarks.append(
            "the reference holds alternates { a / b }, which alignment 'sclite' honours and this one does not"
        )

    # with alternates there is no telling where a space belongs; sclite -c does not count it either
    bare: Spaces = "remove" if keeps else spaces

    def count(what: Unit) -> Evaluation:
        return score(
            references,
            hypotheses,
            unit=what,
            alignment=alignment,
            normalizer=done,
            missing=missing,
            attributes=cast("Any", sides.attributes),
            spaces=bare if what == "char" and unit != "char" else spaces,
        )

    evaluation = count(unit)
    words = evaluation if unit == "word" else count("word")
    characters = evaluation if unit == "char" else count("char")
    if characters.spaces != spaces:
        remarks.append("the CER does not count spaces, because the reference holds alternates")
    around = interval_of(evaluation, level, method=interval, block=block)
    remarks += [str(problem) for problem in evaluation.problems]
    remarks += suspicions(evaluation)
    return FileScore(
        evaluation,
        words,
        characters,
        around,
        around if words is evaluation else interval_of(words, level, method=interval, block=block),
        sides,
        tuple(remarks),
    )


def interval_of(
    evaluation: Evaluation, level: float = 0.95, *, method: Method = "percentile", block: str | None = "auto"
) -> Interval | None:
    """Return the bootstrap interval, or None where there is no rate."""
    from speech_tracker.evaluation.bootstrap import bootstrap_interval

    if not evaluation.counts.reference_length:
        return None
    return bootstrap_interval(evaluation, level=level, method=method, block=block)


def _remarks(found: Transcripts) -> list[str]:
    """Return what reading a file met: counted, the first five located."""
    remarks = []
    if found.problems:
        shown = "; ".join(str(each) for each in found.problems[:5])
        more = f"; and {len(found.problems) - 5} more" if len(found.problems) > 5 else ""
        remarks.append(f"{found.path}: {len(found.problems)} lines with problems: {shown}{more}")
    return remarks + [f"{found.path}: {note}" for note in found.notes]


def _read_map(path: str | Path, name: str, encoding: str) -> tuple[Mapping[str, Any], list[str]]:
    decoded = read_text(path, encoding=encoding)
    parsed = parse_utt2spk(decoded.text, what="speaker" if name == "speaker_id" else name)
    problems = (*decoded.problems, *parsed.problems)
    if not parsed.records:
        raise FormatError(
            f"no line is 'utterance-id {name}'; {problems[0] if problems else 'nothing was read'}; expected two fields "
            "a line, as utt2spk has",
            path=path,
        )
    remarks = []
    if problems:
        shown = "; ".join(str(each) for each in problems[:5])
        remarks.append(f"{path}: {len(problems)} lines with problems: {shown}")
    values: dict[str, str] = {}
    remarks += [
        f"{path}: line {each.line_number}: {each.utterance_id!r} again with another {name}; left out"
        for each in parsed.records
        if values.setdefault(each.utterance_id, each.value) != each.value
    ]
    return values, remarks


def _nothing_in_common(sides: Sides) -> str:
    reference, hypothesis = next(iter(sides.references)), next(iter(sides.hypotheses))
    return (
        f"no utterance id of the hypotheses is in the references: got {hypothesis!r} ({len(sides.hypotheses)} ids, "
        f"{sides.hypothesis.format}) against {reference!r} ({len(sides.references)} ids, {sides.reference.format}); "
        "expected the same ids on both sides; check that the files belong together"
    )
