"""Which column of a table or key of a JSON object is what: id, reference, hypothesis, speaker, duration.

The names are those that toolkits write: NeMo manifests, Lhotse, SpeechBrain CSV, fairseq S2T, Common Voice, Hugging
Face data sets, SegLST. Shared by the JSON lines and the CSV reader, so that one file means the same in both forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from speech_tracker.errors import FormatError, explain
from speech_tracker.formats.numbers import seconds
from speech_tracker.formats.parsed import BLANKS, Findings
from speech_tracker.formats.utterance import Utterance

Side = Literal["reference", "hypothesis"]

ID = ("utterance_id", "utt_id", "utterance", "uttid", "utt", "segment_id", "sample_id", "id", "key")
AUDIO = ("audio_filepath", "audio_path", "audio_file", "path", "file", "wav", "audio", "file_name", "filename")
REFERENCE = (
    "reference", "ref", "text", "tgt_text", "wrd", "words", "transcript", "transcription", "sentence", "normalized_text",
    "target", "label",
)  # fmt: skip
HYPOTHESIS = ("hypothesis", "hyp", "pred_text", "prediction", "predicted", "pred", "asr_text", "recognized", "output")
SPEAKER = ("speaker_id", "spk_id", "speaker", "spk", "client_id", "talker")
DURATION = ("duration_s", "duration", "audio_duration", "length_s")
LONGEST_ATTRIBUTE = 64
"""Characters. A longer value is no group to break a result down by."""

Row = tuple[int, Mapping[str, object]]
"""Line number and the values by column name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The chosen columns; None where the table has none."""

    text: str
    identity: str
    speaker: str | None
    duration: str | None
    is_audio_path: bool

    @property
    def why(self) -> str:
        """Which columns were taken, for people."""
        return f"id from {self.identity!r}, text from {self.text!r}"


def _first(names: Sequence[str], available: Mapping[str, str]) -> str | None:
    return next((available[name] for name in names if name in available), None)


def choose_columns(names: Iterable[str], side: Side, *, text_column: str | None = None) -> Columns:
    """Choose the columns of one side of a table.

    For a hypothesis, the names of hypotheses come first (``pred_text`` and one ``pred_text_<model>`` among them), then
    those of plain text.

    Args:
        names: the columns there are; compared without case.
        side: which side the file is read as.
        text_column: the column to take, when the user says so.

    Raises:
        FormatError: a column is missing, or the choice is not clear.
    """
    available = {name.lower(): name for name in reversed(list(names))}
    shown = sorted(available.values())
    if text_column is not None:
        text = available.get(text_column.lower())
        if text is None:
            raise FormatError(
                explain(
                    f"no {side} column of that name", got=text_column, expected=f"one of {shown}", remedy="correct it"
                )
            )
    else:
        models = [name for low, name in available.items() if low.startswith("pred_text_")]
        chosen = _first(HYPOTHESIS, available) if side == "hypothesis" else _first(REFERENCE, available)
        if side == "hypothesis" and chosen is None and models:
            if len(models) > 1:
                raise FormatError(
                    explain(
                        "several models' hypotheses",
                        got=sorted(models),
                        expected="one",
                        remedy="name one: --hypothesis-field",
                    )
                )
            chosen = models[0]
        text = chosen or _first(REFERENCE, available)
        if text is None:
            wanted = ", ".join((HYPOTHESIS if side == "hypothesis" else ()) + REFERENCE)
            raise FormatError(
                explain(f"no column holds the {side}", got=shown, expected=f"one of {wanted}", remedy="name it")
            )
    identity = _first(ID, available)
    audio = _first(AUDIO, available)
    found = identity or audio
    if found is None:
        wanted = ", ".join(ID + AUDIO)
        raise FormatError(
            explain("no column holds an utterance id", got=shown, expected=f"one of {wanted}", remedy="add one")
        )
    return Columns(text, found, _first(SPEAKER, available), _first(DURATION, available), identity is None)


def utterances(rows: Sequence[Row], columns: Columns, findings: Findings) -> list[Utterance]:
    """Turn rows into utterances; a row without an id or a text becomes a problem.

    Where only an audio path names the utterance, the id is the file's name without folder and ending, provided that
    these are unique in the file; else the whole path. ``offset`` (NeMo) is added when a file holds several utterances.
    """
    names = _audio_names(rows, columns) if columns.is_audio_path else {}
    known = {columns.text, columns.identity, columns.speaker, columns.duration}
    found = []
    for number, row in rows:
        raw, text = row.get(columns.identity), row.get(columns.text)
        if raw is None or raw == "" or isinstance(raw, (dict, list)):
            findings.problem(number, str(dict(row)), f"no {columns.identity!r}, which should hold the utterance id")
            continue
        if isinstance(text, list) and all(isinstance(word, str) for word in text):
            text = " ".join(text)
        elif isinstance(text, (int, float)) and not isinstance(text, bool):
            text = str(text)  # digit strings that a writer took for numbers
        if not isinstance(text, str):
            findings.problem(number, str(dict(row)), f"no text in {columns.text!r}")
            continue
        speaker = row.get(columns.speaker) if columns.speaker else None
        found.append(
            Utterance(
                names.get(number, str(raw)),
                text.strip(BLANKS),
                number,
                None if speaker in (None, "") else str(speaker),
                seconds(row.get(columns.duration)) if columns.duration else None,
                {
                    key: str(value)
                    for key, value in row.items()
                    if key not in known
                    and isinstance(value, (str, int, bool))
                    and value != ""
                    and len(str(value)) <= LONGEST_ATTRIBUTE
                },
            )
        )
    return found


def _audio_names(rows: Sequence[Row], columns: Columns) -> dict[int, str]:
    """Return an id for each row that has only a path; keyed by line number."""
    paths = {number: str(row.get(columns.identity) or "") for number, row in rows}
    stems = {path: PurePosixPath(path.replace("\\", "/")).stem for path in set(paths.values())}
    use_stems = len(set(stems.values())) == len(stems)
    uses = Counter(paths.values())
    names = {}
    for number, row in rows:
        path = paths[number]
        name = stems[path] if use_stems else path
        names[number] = f"{name}-{row['offset']}" if uses[path] > 1 and "offset" in row else name
    return names
