"""A Kaldi data folder: what is in it, whether its tables agree, and a hash that changes when its content does.

Source: utils/validate_data_dir.sh (tables are sorted as with ``LC_ALL=C`` and have the same keys).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from speech_tracker.formats.problems import Problem, shown
from speech_tracker.integrations.kaldi.model_facts import parse_options

TABLES = ("utt2spk", "text", "segments", "wav.scp", "utt2dur", "reco2dur", "utt2num_frames", "spk2gender")
"""Files that are read, those that define the content first."""

_HASHED = ("utt2spk", "text", "segments", "wav.scp")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its key, and everything behind it."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a data folder holds.

    Attributes:
        utterances: in `utt2spk`, else in `segments`, `text` or `wav.scp`; None when there is no table.
        speakers: distinct; None without `utt2spk`.
        recordings: in `wav.scp`.
        words: in `text`, split at blanks.
        hours: of `utt2dur`, else of `utt2num_frames`, else of `segments`, else of `reco2dur`; None when none tells.
        genders: number of speakers of each, from `spk2gender`.
        version: hash of the tables that define the content, whatever the order of lines.
        problems: file name and what is wrong in it.
    """

    utterances: int | None
    speakers: int | None
    recordings: int | None
    words: int | None
    hours: float | None
    genders: tuple[tuple[str, int], ...]
    version: str
    problems: tuple[tuple[str, Problem], ...] = field(default=())


def parse_table(data: bytes) -> Iterator[Row | Problem]:
    """Yield the rows of a table; `Problem` for a key that comes twice or is out of order (one for each file)."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    seen: set[bytes] = set()
    before = b""
    disordered = False
    for line_number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r")
        key, _, value = line.strip(b" \t").partition(b" ")
        if b"\t" in key:
            key, _, value = line.strip(b" \t").partition(b"\t")
        if not key:
            continue
        if key in seen:
            yield Problem(line_number, shown(_text(line)), f"{_text(key)!r} was there already")
            continue
        if key < before and not disordered:
            disordered = True
            yield Problem(line_number, shown(_text(line)), "not sorted as with LC_ALL=C, which Kaldi's tools demand")
        seen.add(key)
        before = key
        yield Row(_text(key), _text(value.strip(b" \t")))


def describe_data(tables: Mapping[str, bytes], frame_shift: float = 0.01) -> DataFacts:
    """Return what a data folder holds.

    Args:
        tables: content of its files by name; those of `TABLES` are used, and `frame_shift` where it is there.
        frame_shift: in seconds, for `utt2num_frames`.
    """
    problems: list[tuple[str, Problem]] = []
    rows: dict[str, dict[str, str]] = {}
    for name in TABLES:
        if name not in tables:
            continue
        rows[name] = {}
        for each in parse_table(tables[name]):
            if isinstance(each, Problem):
                problems.append((name, each))
            else:
                rows[name][each.key] = each.value
    utterances = next((rows[name] for name in ("utt2spk", "segments", "text", "wav.scp") if name in rows), None)
    if "utt2spk" in rows and "text" in rows:
        strangers = [key for key in rows["text"] if key not in rows["utt2spk"]]
        if strangers:
            reason = f"{len(strangers)} utterances are not in utt2spk, the first is {strangers[0]!r}"
            problems.append(("text", Problem(0, "", reason)))
    try:
        frame_shift = float(tables.get("frame_shift", b"").strip() or frame_shift)
    except ValueError:
        problems.append(("frame_shift", Problem(1, "", "expected a number of seconds")))
    genders: dict[str, int] = {}
    for gender in rows.get("spk2gender", {}).values():
        genders[gender] = genders.get(gender, 0) + 1
    return DataFacts(
        utterances=None if utterances is None else len(utterances),
        speakers=len(set(rows["utt2spk"].values())) if "utt2spk" in rows else None,
        recordings=len(rows["wav.scp"]) if "wav.scp" in rows else None,
        words=sum(len(value.split()) for value in rows["text"].values()) if "text" in rows else None,
        hours=_hours(rows, frame_shift),
        genders=tuple(sorted(genders.items())),
        version=_version(tables),
        problems=tuple(problems),
    )


def _hours(rows: Mapping[str, Mapping[str, str]], frame_shift: float) -> float | None:
    for name, scale in (("utt2dur", 1.0), ("utt2num_frames", frame_shift), ("reco2dur", 1.0)):
        if name == "reco2dur" and "segments" in rows:
            continue
        if name in rows:
            try:
                return scale * sum(float(value) for value in rows[name].values()) / 3600
            except ValueError:
                continue
    if "segments" in rows:
        try:
            spans = (value.split() for value in rows["segments"].values())
            return sum(float(end) - float(start) for _, start, end in spans) / 3600
        except ValueError:
            return None
    return None


def _version(tables: Mapping[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in _HASHED:
        if name in tables:
            digest.update(name.encode() + b"\0")
            for line in sorted(line.strip() for line in tables[name].split(b"\n") if line.strip()):
                digest.update(line + b"\n")
    return digest.hexdigest()


def parse_speakers(utt2spk: bytes) -> dict[str, str]:
    """Return utterance → speaker of a `utt2spk` file, damaged lines left out."""
    return {each.key: each.value for each in parse_table(utt2spk) if isinstance(each, Row)}


def describe_features(configuration: bytes, kind: str) -> dict[str, object]:
    """Return the features that an option file such as `conf/mfcc.conf` asks for, with Kaldi's defaults filled in.

    Args:
        configuration: the file.
        kind: ``mfcc``, ``fbank`` or ``plp``: for the default of mel bins (23).

    Source: feat/feature-window.h, feat/mel-computations.h (25 ms windows every 10 ms at 16 kHz).
    """
    given = dict(parse_options(configuration).values)

    def number(name: str, default: float) -> float:
        try:
            value = float(given.get(name, default))
        except ValueError:
            return default
        return value if math.isfinite(value) else default

    return {
        "type": kind,
        "sample_rate": int(number("sample-frequency", 16000)),
        "n_mels": int(number("num-mel-bins", 23)),
        "window_ms": number("frame-length", 25.0),
        "hop_ms": number("frame-shift", 10.0),
        **({"num_ceps": int(number("num-ceps", 13))} if kind in ("mfcc", "plp") else {}),
        "options": given,
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
