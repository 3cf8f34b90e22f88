"""Following a journal that is being written: each record once, from a position that can be stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from speech_tracker.journal.merge import segment_files
from speech_tracker.journal.reader import Damage, head_of, scan
from speech_tracker.journal.record import Record

_BACK = 1024 * 1024  # bytes before a stored position that are looked at again for records that were written twice
_APART = 10_000  # records by which threads, and records held for a refusing disk, may be out of order


@dataclass(slots=True)
class _Seen:
    """The numbers of one writer that were yielded: all up to `low`, and those above it in `above`."""

    low: int = -1
    above: set[int] = field(default_factory=set)

    def add(self, number: int) -> bool:
        """Return whether `number` is new, and remember it."""
        if number <= self.low or number in self.above:
            return False
        self.above.add(number)
        if len(self.above) > _APART:  # behind a gap that damage left: what is missing there will not come any more
            self.low = min(self.above) - 1
        while self.low + 1 in self.above:
            self.low += 1
            self.above.remove(self.low)
        return True


@dataclass(slots=True)
class _Place:
    """Where reading a segment stands: position, number of the line there, what was yielded, what may still be written again."""

    position: int = 0
    line: int = 1
    seen: dict[str, _Seen] = field(default_factory=dict)
    cut: dict[str, list[Damage]] = field(default_factory=dict)


class Tail:
    """Yields a run's records as they are written, by polling (inotify does not work on NFS and Lustre).

    Args:
        run_folder: the run's folder.
        position: bytes already read of each segment, as `position` gave them; None begins at the beginning.

    Attributes:
        damage: what could not be read so far.
    """

    def __init__(self, run_folder: Path, position: dict[str, int] | None = None) -> None:
        self.folder = run_folder
        self.damage: list[Damage] = []
        self._stored = dict(position or {})
        self._places: dict[str, _Place] = {}

    @property
    def position(self) -> dict[str, int]:
        """Bytes read of each segment: all of what `poll` returned, nothing else. A new `Tail` goes on from there."""
        return {**self._stored, **{name: place.position for name, place in self._places.items()}}

    def poll(self, *, at_most: int = 16 * 1024 * 1024) -> list[Record]:
        """Return the records written since the last call, in the order of the segments, each once.

        At most `at_most` bytes of each segment are read at a time (more for a record that is longer). An unfinished last
        line is left for a later call; damaged lines are added to `damage`.

        Raises:
            RunNotFoundError: the folder is not a run's.
        """
        records: list[Record] = []
        for _, _, path in segment_files(self.folder):
            try:
                self._poll(path, records, at_most)
            except FileNotFoundError:  # noqa: PERF203 - its writer could not write the first record and took it away again
                continue
        return records

    def _poll(self, path: Path, records: list[Record], at_most: int) -> None:
        with path.open("rb") as file:
            place = self._places.get(path.stem)
            if place is None:
                place = self._places[path.stem] = self._begin(path, file.read(self._stored.get(path.stem, 0)))
            file.seek(place.position)
            data = file.read(at_most)
            while len(data) >= at_most and b"\n" not in data[-at_most:]:  # one record larger than the piece
                more = file.read(at_most)
                if not more:
                    break
                data += more
        end = data.rfind(b"\n") + 1
        for found in scan(data[:end], path, offset=place.position, line=place.line):
            self._take(found, place, records)
        place.line += data.count(b"\n", 0, end)
        place.position += end
        self._unended(data[end:], path, place, records)

    def _unended(self, rest: bytes, path: Path, place: _Place, records: list[Record]) -> None:
        """Take a whole record whose newline is missing: nothing more of it can come, its checksum fits."""
        found = list(scan(rest, path, offset=place.position, line=place.line))
        last = max((index for index, each in enumerate(found) if isinstance(each, Record)), default=None)
        if last is None:
            return
        for each in found[: last + 1]:
            self._take(each, place, records)
        behind = found[last + 1] if last + 1 < len(found) else None
        place.position = behind.offset if isinstance(behind, Damage) else place.position + len(rest)

    def _take(self, found: Record | Damage, place: _Place, records: list[Record]) -> None:
        if isinstance(found, Damage):
            self.damage.append(found)
            place.cut.setdefault(found.head or "", []).append(found)
            return
        if place.cut:
            self._withdraw(found, place)
        if place.seen.setdefault(found.segment, _Seen()).add(found.number):
            records.append(found)

    def _withdraw(self, record: Record, place: _Place) -> None:
        """Take back what was reported of a record that a full disk had cut short, now that it is there, whole."""
        short = [each for each in place.cut.pop("", ()) if each.is_cut_head_of(record)]
        for each in [*short, *place.cut.pop(head_of(record), ())]:
            self.damage.remove(each)

    def _begin(self, path: Path, before: bytes) -> _Place:
        """Return the place behind `before`, the part of the segment that was read by somebody else."""
        near = before.find(b"\n", len(before) - _BACK) + 1 if len(before) > _BACK else 0
        place = _Place(len(before), before.count(b"\n") + 1)
        for each in scan(before[near:], path):
            if isinstance(each, Record):
                place.seen.setdefault(each.segment, _Seen(each.number - 1 if near else -1)).add(each.number)
        return place
