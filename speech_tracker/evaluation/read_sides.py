"""Read the references and the hypotheses of a test set from files, and make them meet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import FormatError
from speech_tracker.evaluation.normalize import get_normalizer, normalize_sides
from speech_tracker.evaluation.normalize_structure import KeepingStructure, has_alternates
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.join import cut_hypothesis, match_ids
from speech_tracker.formats.kaldi_text import parse_utt2spk
from speech_tracker.formats.numbers import seconds
from speech_tracker.formats.one_side import PAIR_FORMATS
from speech_tracker.formats.transcripts import Transcripts, read_transcripts

if TYPE_CHECKING:
    from speech_tracker.evaluation.normalize import Normalizer
    from speech_tracker.evaluation.preference import Alignment


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
class NormalizedSides:
    """Both sides as they are counted.

    Attributes:
        references: utterance id → text.
        hypotheses: utterance id → text.
        normalizer: what was done, for the record.
        alternates: whether the reference's alternates ``{ a / b }`` are kept, because the alignment honours them.
        remarks: what the normaliser warned of.
    """

    references: Mapping[str, str]
    hypotheses: Mapping[str, str]
    normalizer: Normalizer
    alternates: bool
    remarks: tuple[str, ...]


def read_sides(
    reference: str | Path,
    hypothesis: str | Path | None = None,
    *,
    speakers: str | Path | None = None,
    attribute_files: Mapping[str, str | Path] | None = None,
    options: ReadOptions | None = None,
    read: Transcripts | None = None,
) -> Sides:
    """Read both sides; one file serves for both when it holds both (SpeechBrain ``wer_*.txt``, icefall ``recogs``, …).

    Args:
        reference: the reference file.
        hypothesis: the hypothesis file; None when `reference` holds both.
        speakers: an ``utt2spk`` file; it wins over what the files say.
        attribute_files: name → file of ``utterance-id value`` lines (``utt2lang``, ``utt2dur``, …).
        options: formats, columns and encoding.
        read: the reference file as it was read before, for another hypothesis file.

    Raises:
        FormatError: a file cannot be read as transcripts, or one file was given that holds one side only.
        OSError: a file cannot be read.
    """
    options = options or ReadOptions()
    left = read or read_transcripts(
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


def normalized(sides: Sides, normalizer: str | Normalizer, alignment: Alignment) -> NormalizedSides:
    """Normalise both sides.

    Args:
        sides: what was read.
        normalizer: see `get_normalizer`.
        alignment: ``sclite`` honours alternates, which a normaliser must then leave as they are.

    Raises:
        InvalidArgumentError: no such normaliser.
    """
    found = get_normalizer(normalizer)
    keeps = alignment == "sclite" and any(map(has_alternates, sides.references.values()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        references, hypotheses, done = normalize_sides(
            KeepingStructure(found) if keeps else found, sides.references, sides.hypotheses
        )
    remarks = tuple(dict.fromkeys(str(each.message) for each in caught))
    return NormalizedSides(references, hypotheses, done, keeps, remarks)


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
    numbers = {key: seconds(value) for key, value in values.items()}
    if any("." in value for value in values.values()) and None not in numbers.values():
        return numbers, remarks  # utt2dur and other measures, to be put in buckets; whole numbers may be names
    return values, remarks
