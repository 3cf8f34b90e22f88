"""Writes an experiment anew as its jobs once wrote it: file by file, line by line, halves of lines at a time.

python write_slowly.py ORIGINAL COPY SECONDS_BETWEEN_WRITES [LONGEST [HELD GATE]]

LONGEST is a log that is begun first and ended last, as that of the script around all jobs; in the middle of a line of the
log HELD it waits until the file GATE exists.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def halves(content: bytes) -> list[bytes]:
    """Return the lines, each in two pieces."""
    lines = content.splitlines(keepends=True)
    return [piece for line in lines for piece in (line[: len(line) // 2], line[len(line) // 2 :])]


def write_slowly(
    original: Path, copy: Path, pause: float, longest: str = "", held: str = "", gate: Path | None = None
) -> None:
    """Write every file of a tree in the order in which they were made."""

    def write(relative: str, pieces: list[bytes]) -> None:
        target = copy / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab", buffering=0) as file:
            for number, piece in enumerate(pieces):
                file.write(piece)
                time.sleep(pause)
                while relative == held and number == len(pieces) // 4 * 2 and gate is not None and not gate.exists():
                    time.sleep(0.01)

    files = sorted((path for path in original.rglob("*") if path.is_file()), key=lambda each: each.stat().st_mtime_ns)
    names = [path.relative_to(original).as_posix() for path in files]
    lasting = halves((original / longest).read_bytes()) if longest else []
    if longest:
        write(longest, lasting[:5])
    for name in names:
        if name != longest:
            content = (original / name).read_bytes()
            write(name, halves(content) if name.endswith(".log") else [content])
    if longest:
        write(longest, lasting[5:])


if __name__ == "__main__":
    source, target, seconds, *rest = sys.argv[1:]
    write_slowly(Path(source), Path(target), float(seconds), *rest[:2], *map(Path, rest[2:]))
