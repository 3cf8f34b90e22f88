"""Any transcript file as id → text: what `score REF HYP` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from speech_tracker.errors import FormatError, InvalidArgumentError, explain
from speech_tracker.formats.columns import Side
from speech_tracker.formats.ctm import CtmWord, ctm_text, parse_ctm
from speech_tracker.formats.decode import read_text
from speech_tracker.formats.one_side import one_side
from speech_tracker.formats.parsed import Parsed
from speech_tracker.formats.problems import Problem, shown
from speech_tracker.formats.recognise import FORMATS, Format, recognise
from speech_tracker.formats.stm import Stm, StmSegment, parse_stm
from speech_tracker.formats.trn import speaker_by_sclite
from speech_tracker.formats.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Transcripts:
    """One side of a test set.

    Attributes:
        texts: utterance id → text, in file order.
        speakers: utterance id → speaker, where the file says.
        durations: utterance id → seconds of audio, where the file says.
        attributes: name → utterance id → value: other columns that group utterances (language, domain, condition).
        problems: lines that were lost, located.
        notes: what was repaired without loss, and what was inferred.
        format: one of `recognise.FORMATS`.
        why: how the format was recognised, or ``"named"``.
        path: the file, empty when text was given.
        segments: for STM, the segments behind the texts, to cut a CTM hypothesis at.
        words: for CTM, the words behind the texts.
    """

    texts: Mapping[str, str]
    speakers: Mapping[str, str]
    durations: Mapping[str, float]
    attributes: Mapping[str, Mapping[str, str]]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    format: str
    why: str
    path: str = ""
    segments: tuple[StmSegment, ...] = ()
    words: tuple[CtmWord, ...] = ()

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.texts)


def read_transcripts(
    path: str | Path,
    *,
    format: str = "auto",
    side: Side = "reference",
    text_column: str | None = None,
    encoding: str = "utf-8",
) -> Transcripts:
    """Read a transcript file of any format.

    Args:
        path: the file; gzip is read as it is.
        format: one of `recognise.FORMATS`, or ``"auto"`` to tell it from the content.
        side: which side to take from a file that holds both, and which column of a table.
        text_column: the column or key of the text, when the user says so.
        encoding: of the text; a byte order mark wins.

    Raises:
        FormatError: the file is binary, empty, of no known format, or nothing in it could be read.
        InvalidArgumentError: `format` is unknown.
        OSError: the file cannot be read.
    """
    decoded = read_text(path, encoding=encoding)
    try:
        found = parse_transcripts(decoded.text, format=format, side=side, text_column=text_column, path=str(path))
    except FormatError as error:
        raise FormatError(str(error), path=path) from error
    problems = tuple(sorted((*decoded.problems, *found.problems), key=lambda each: each.line_number))
    notes = tuple(note for note in (*decoded.notes, *found.notes) if _matters(note, found.format, decoded.problems))
    if not found.texts:
        first = f"; {problems[0]}" if problems else ""
        raise FormatError(
            f"no transcript could be read as {found.format} ({found.why}): {len(problems)} lines with problems{first}; "
            "correct the file, or name its format",
            path=path,
        )
    return replace(found, problems=problems, notes=notes)


def _matters(note: str, format: str, undecoded: tuple[Problem, ...]) -> bool:
    """Whether a note tells the user something: lines blanked by the decoder are problems already."""
    if note.startswith("empty lines") and undecoded:
        return False
    return not (note.startswith("no line end") and format in ("json", "seglst"))


def parse_transcripts(
    text: str,
    *,
    format: str = "auto",
    side: Side = "reference",
    text_column: str | None = None,
    path: str = "",
) -> Transcripts:
    """Return the transcripts in `text`; the arguments are those of `read_transcripts`.

    Raises:
        FormatError: the format cannot be told, or the file has no text of this side.
        InvalidArgumentError: `format` is unknown.
    """
    if format == "auto":
        found, why = recognise(text)
    elif format in FORMATS:
        found, why = cast("Format", format), "named"
    else:
        raise InvalidArgumentError(
            explain("unknown format", got=format, expected=f"auto or one of {', '.join(FORMATS)}", remedy="correct it")
        )
    if found == "rttm":
        raise FormatError("RTTM says who speaks when, and holds no words; expected a transcript file; name that file")
    if found == "stm":
        return _from_stm(parse_stm(text), why, path)
    if found == "ctm":
        return _from_ctm(parse_ctm(text), why, path)
    return _collect(one_side(text, found, side=side, text_column=text_column), found, why, path)


def _collect(parsed: Parsed[Utterance], format: str, why: str, path: str) -> Transcripts:
    """Join by id: of several lines with one id the first counts, the others are problems."""
    texts: dict[str, str] = {}
    places: dict[str, int] = {}
    speakers: dict[str, str] = {}
    durations: dict[str, float] = {}
    attributes: dict[str, dict[str, str]] = {}
    problems = list(parsed.problems)
    notes = list(parsed.notes)
    for each in parsed.records:
        key = each.utterance_id
        if key in texts:
            same = "with the same text" if texts[key] == each.text else "with another text"
            reason = f"utterance id {key!r} again, {same}; line {places[key]} is kept"
            problems.append(Problem(each.line_number, shown(each.text), reason))
            continue
        texts[key] = each.text
        places[key] = each.line_number
        if each.speaker_id is not None:
            speakers[key] = each.speaker_id
        if each.duration_s is not None:
            durations[key] = each.duration_s
        for name, value in each.attributes.items():
            attributes.setdefault(name, {})[key] = value
    if format == "trn":
        speakers = _speakers_of_ids(texts, notes)
    kept = {name: values for name, values in attributes.items() if _groups(values, len(texts))}
    problems.sort(key=lambda each: each.line_number)
    return Transcripts(texts, speakers, durations, kept, tuple(problems), tuple(notes), format, why, path)


def _groups(values: Mapping[str, str], utterances: int) -> bool:
    """Whether a column groups utterances, rather than naming each of them."""
    return len(set(values.values())) <= max(1, utterances // 2)


def _speakers_of_ids(texts: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Return sclite's speakers, unless they group nothing."""
    found = {key: speaker for key in texts if (speaker := speaker_by_sclite(key)) is not None}
    if len(found) < len(texts) or not 1 < len(set(found.values())) < len(texts):
        return {}
    notes.append("speakers taken from the utterance ids as sclite does (up to the first -, else _)")
    return found


def _from_stm(stm: Stm, why: str, path: str) -> Transcripts:
    segments = tuple(each for each in stm.segments if not each.is_ignored)
    records = tuple(
        Utterance(
            each.utterance_id,
            each.text,
            each.line_number,
            each.speaker_id,
            each.end_s - each.begin_s,
            {**stm.attributes(each), "recording_id": each.recording_id},
        )
        for each in segments
    )
    found = _collect(Parsed(records, stm.problems, stm.notes), "stm", why, path)
    ignored = len(stm.segments) - len(segments)
    notes = (*found.notes, f"segments out of scoring: {ignored}") if ignored else found.notes
    return replace(found, notes=notes, segments=stm.segments)


def _from_ctm(parsed: Parsed[CtmWord], why: str, path: str) -> Transcripts:
    """Words of one recording and channel are one utterance, until a reference says where to cut."""
    conversations: dict[tuple[str, str], list[CtmWord]] = {}
    for word in parsed.records:
        conversations.setdefault((word.recording_id, word.channel), []).append(word)
    records = tuple(
        Utterance(f"{recording}-{channel}", ctm_text(words), words[0].line_number)
        for (recording, channel), words in conversations.items()
    )
    found = _collect(Parsed(records, parsed.problems, parsed.notes), "ctm", why, path)
    return replace(found, words=parsed.records)
