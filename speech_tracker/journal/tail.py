"""Following a journal that is being written: each record once, from a position that can be stored."""

from __future__ import annotations

from pathlib import Path

from speech_tracker.journal.merge import segment_files
from speech_tracker.journal.reader import Damage, scan
from speech_tracker.journal.record import Record


class Tail:
    """Yields a run's records as they are written, by polling (inotify does not work on NFS and Lustre).

    Args:
        run_folder: the run's folder.
        position: bytes already read of each segment, as `position` gave them; None begins at the beginning.
    """

    def __init__(self, run_folder: Path, position: dict[str, int] | None = None) -> None:
        self.folder = run_folder
        self.position: dict[str, int] = dict(position or {})
        self.damage: list[Damage] = []
        self._lines: dict[str, int] = {}

    def poll(self, *, at_most: int = 16 * 1024 * 1024) -> list[Record]:
        """Return the records written since the last call, in the order of the segments.

        At most `at_most` bytes of each segment are read at a time. An unfinished last line is left for a later call;
        damaged lines are added to `damage`.

        Raises:
            RunNotFoundError: the folder is not a run's.
        """
        records: list[Record] = []
        for _, _, path in segment_files(self.folder):
            begin = self.position.get(path.stem, 0)
            with path.open("rb") as file:
                file.seek(begin)
                data = file.read(at_most)
                while data and b"\n" not in data and len(data) >= at_most:  # one record larger than the piece
                    more = file.read(at_most)
                    if not more:
                        break
                    data += more
            end = data.rfind(b"\n") + 1
            if not end:
                continue
            line = self._lines.get(path.stem, 1)
            for found in scan(data[:end], path, offset=begin, line=line):
                if isinstance(found, Record):
                    records.append(found)
                else:
                    self.damage.append(found)
            self._lines[path.stem] = line + data.count(b"\n", 0, end)
            self.position[path.stem] = begin + end
        return records
