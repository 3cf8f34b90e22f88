"""The segments of a run as one history: in order, ranks apart, what a rewind superseded kept but hidden."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_tracker.errors import JournalVersionError, RunNotFoundError
from speech_tracker.journal.reader import Damage, read_segment
from speech_tracker.journal.record import VERSION, Record

_NAME = re.compile(r"^(\d{4,})-rank(\d+)\.jsonl$")
_REWOUND = ("metrics", "rank_metrics")


@dataclass(frozen=True, slots=True)
class Segment:
    """What one process wrote.

    Attributes:
        name: for example ``0002-rank0``: the second segment of the run, written by rank 0.
        path: its file.
        number: its place in the order of segments, from 1.
        rank: the rank of the process.
        role: ``main`` (opened by `init`), ``attached`` (a handle in another process), ``forked``, or ``unknown`` when
            its first record is damaged.
        header: its first record's content: process, host, start, versions.
        records: number of undamaged records.
        first_time, last_time: seconds since the epoch, None in an empty segment.
    """

    name: str
    path: Path
    number: int
    rank: int
    role: str
    header: dict[str, Any]
    records: int
    first_time: float | None
    last_time: float | None


@dataclass(frozen=True, slots=True)
class Journal:
    """A run's records.

    Attributes:
        folder: the run's folder.
        segments: in order.
        records: every record that counts, segment after segment, in each by number.
        superseded: metric records of steps that a continued run went through again.
        damage: what could not be read.
        missing: (segment, first, last) of record numbers that are neither there nor accounted for by damage. In a segment
            whose process was killed these may be records that threads were about to write.
    """

    folder: Path
    segments: tuple[Segment, ...]
    records: tuple[Record, ...]
    superseded: tuple[Record, ...] = ()
    damage: tuple[Damage, ...] = ()
    missing: tuple[tuple[str, int, int], ...] = field(default=())


def segment_files(run_folder: Path) -> list[tuple[int, int, Path]]:
    """Return (number, rank, path) of the run's segments, in order.

    Raises:
        RunNotFoundError: there is no such folder, or it is not a run's.
    """
    try:
        names = [(found, entry) for entry in (run_folder / "segments").iterdir() if (found := _NAME.match(entry.name))]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunNotFoundError(f"{run_folder} is not the folder of a run: it has no segments/") from error
    return sorted((int(found[1]), int(found[2]), path) for found, path in names)


def read_journal(run_folder: Path, *, kinds: Collection[str] | None = None) -> Journal:
    """Read the run in `run_folder`, also while it is being written.

    Args:
        run_folder: the run's folder.
        kinds: read only the first record of each segment and those of these kinds. What lies between is not looked at:
            neither damaged nor missing records are reported, and numbers and times are those of what was read.

    Raises:
        RunNotFoundError: the folder is not a run's.
        JournalVersionError: it was written in a newer format.
    """
    segments: list[Segment] = []
    parts: list[list[Record]] = []
    damage: list[Damage] = []
    missing: list[tuple[str, int, int]] = []
    for number, rank, path in segment_files(run_folder):
        records: list[Record] = []
        hurt: list[Damage] = []
        try:
            for found in read_segment(path, kinds):
                (records if isinstance(found, Record) else hurt).append(found)  # type: ignore[arg-type]
        except FileNotFoundError:  # its writer could not write the first record and took it away again
            continue
        except OSError as error:  # a bad block, a stale handle: the other segments still count
            hurt.append(Damage(path, 1, 0, 0, f"the segment cannot be read ({error.strerror or error})", ""))
        newer = max((found.version for found in hurt if found.version), default=None)
        if newer is not None:
            raise JournalVersionError(
                f"{path} is written in journal format {newer}, expected at most {VERSION}; upgrade with: "
                "pip install -U speech-tracker"
            )
        records.sort(key=lambda record: record.number)  # threads may have swapped neighbours
        damage += hurt
        if not hurt and kinds is None:
            missing += _gaps(path.stem, records)
        segments.append(_segment(path, number, rank, records))
        parts.append(records)
    records, superseded = _supersede(segments, parts)
    return Journal(run_folder, tuple(segments), tuple(records), tuple(superseded), tuple(damage), tuple(missing))


def _segment(path: Path, number: int, rank: int, records: list[Record]) -> Segment:
    header = records[0].data if records and records[0].kind == "segment" else {}
    times = [record.time for record in records]
    return Segment(
        path.stem, path, number, rank, header.get("role", "unknown"), header, len(records),
        min(times, default=None), max(times, default=None),
    )  # fmt: skip


def _gaps(segment: str, records: list[Record]) -> list[tuple[str, int, int]]:
    gaps = []
    expected = 0
    for record in records:
        if record.number > expected:
            gaps.append((segment, expected, record.number - 1))
        expected = record.number + 1
    return gaps


def _supersede(segments: list[Segment], parts: list[list[Record]]) -> tuple[list[Record], list[Record]]:
    """Apply every rewind to the metric records before it: those of later steps are superseded."""
    kept: list[Record] = []
    superseded: list[Record] = []
    for segment, records in zip(segments, parts, strict=True):
        for record in records:
            if record.kind == "rewind" and segment.role != "attached":
                gone = {id(old) for old in kept if is_after(old, record.data)}
                if gone:
                    superseded += [old for old in kept if id(old) in gone]
                    kept = [old for old in kept if id(old) not in gone]
            kept.append(record)
    return kept, superseded


def is_after(record: Record, rewind: dict[str, Any]) -> bool:
    """Return whether a rewind with the content `rewind` supersedes `record`, if that was written before it."""
    if record.kind not in _REWOUND:
        return False
    step, epoch = record.data.get("step"), record.data.get("epoch")
    if step is not None and rewind.get("step") is not None:
        return bool(step > rewind["step"])
    if epoch is not None and rewind.get("epoch") is not None:
        return bool(epoch > rewind["epoch"])
    return False
