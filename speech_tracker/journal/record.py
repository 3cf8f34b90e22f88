"""One record: what a line of a segment holds, and its form as bytes.

A line looks like this (one line in the file)::

    {"v":1,"run":"k3v9x2ab","segment":"0001-rank0","n":12,"time":1763690000.25,"type":"metrics",
     "data":{"values":{"train/loss":2.5},"step":12},"crc":"5d1f0a3c"}

``crc`` is the CRC-32 of everything before ``,"crc"``, in eight hexadecimal digits. It stands last so that it can be
checked without parsing, and the line is still JSON that ``jq`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from speech_tracker.encoding import decode, encode

VERSION: Final = 1
"""Version of the journal's format. A reader reads its own version and every older one."""

_TAIL: Final = len(b',"crc":"01234567"}')


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was recorded.

    Attributes:
        run: id of the run.
        segment: name of the segment, for example ``0001-rank0``.
        number: position in the segment, from 0, without gaps.
        time: seconds since the epoch by the clock of the writing machine, when it was recorded.
        kind: what it is (`speech_tracker.events` lists the kinds).
        data: its content, plain values.
    """

    run: str
    segment: str
    number: int
    time: float
    kind: str
    data: Any


class NotARecord(ValueError):  # noqa: N818 - it is a verdict on a line, not an error of the program
    """The bytes are no undamaged record; the message is the reason.

    Attributes:
        version: the format's version that the record claims, when that is newer than ours.
    """

    version: int | None = None


def opening(run: str, segment: str) -> bytes:
    """Return the part of a line that all records of a segment share."""
    return b'{"v":%d,"run":%s,"segment":%s,"n":' % (VERSION, encode(run), encode(segment))


def line(start: bytes, number: int, time: float, kind: str, content: bytes) -> bytes:
    """Return a record as one line, ``\\n`` included.

    Args:
        start: what `opening` gave.
        number: the record's place in the segment.
        time: seconds since the epoch.
        kind: one of `speech_tracker.events.KINDS`.
        content: the data, encoded.
    """
    body = b'%b%d,"time":%.6f,"type":"%b","data":%b' % (start, number, time, kind.encode(), content)
    return b'%b,"crc":"%08x"}\n' % (body, crc32(body))


def parse(text: bytes) -> Record:
    """Return the record in `text`, a line without its ``\\n``.

    Raises:
        NotARecord: the line is damaged, or in a newer format.
    """
    if text[-_TAIL : -_TAIL + 8] != b',"crc":"' or text[-2:] != b'"}':
        raise NotARecord("no checksum at its end")
    body = text[:-_TAIL]
    if text[-10:-2] != b"%08x" % crc32(body):
        raise NotARecord("its checksum does not fit")
    newer = None
    try:
        version = int(body[5 : body.index(b",")])  # before anything else of it is understood
        if version > VERSION:
            newer = NotARecord(f"it is in format {version}, and this version of speech-tracker reads up to {VERSION}")
            newer.version = version
        else:
            fields = decode(body + b"}")
            return Record(fields["run"], fields["segment"], fields["n"], fields["time"], fields["type"], fields["data"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotARecord("its checksum fits, but it is not a record") from error
    raise newer
