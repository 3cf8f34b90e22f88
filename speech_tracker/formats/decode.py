"""Bytes of a transcript file to text: compression, byte order marks, encodings, and what cannot be decoded."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from speech_tracker.errors import FormatError, explain
from speech_tracker.formats.problems import Problem, shown

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16 LE, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GZIP = b"\x1f\x8b"
_WIDE = ("utf-16", "utf-32")  # two or four bytes a letter, so zeros and bytes like a line end's are nothing special


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file.

    Attributes:
        text: with the byte order mark removed; a line that could not be decoded is left empty, so numbers still hold.
        encoding: what it was decoded with.
        problems: one for each line that could not be decoded.
        notes: what was noticed and did no harm.
    """

    text: str
    encoding: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def decode(data: bytes, *, encoding: str = "utf-8") -> Decoded:
    """Return the text in `data`.

    A byte order mark wins over `encoding`. Nothing is guessed from statistics: text in another encoding must be named,
    since a wrong guess would give a wrong score without a word.

    Raises:
        FormatError: the data are binary, or `encoding` is unknown.
    """
    notes: list[str] = []
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"the gzip data are damaged ({error}); copy the file again") from error
        notes.append("gzip: decompressed")
    for mark, marked in _MARKS:
        if data.startswith(mark):
            encoding = marked
            notes.append(f"byte order mark removed ({marked.removesuffix('-sig')})")
            break
    try:
        b"\0\0\0\0".decode(encoding)  # tells codecs of bytes to bytes, too
        name = codecs.lookup(encoding).name
    except (LookupError, UnicodeError):
        raise FormatError(
            explain("unknown encoding", got=encoding, expected="a name such as utf-8 or gb18030", remedy="correct it")
        ) from None
    is_wide = name.startswith(_WIDE)
    if b"\0" in data[:65536] and not is_wide:
        raise FormatError(
            explain("this is no text", got=data[:16], expected="a text file", remedy="give the transcript file")
        )
    problems: tuple[Problem, ...] = ()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text, problems = _wide_lines(data, encoding) if is_wide else _line_by_line(data, encoding)
    if "\r" in text:
        if "\n" not in text:
            text = text.replace("\r", "\n")
            notes.append("old Macintosh line ends (CR)")
        elif "\r\n" in text:
            notes.append(f"Windows line ends (CRLF): {text.count(chr(13) + chr(10))}")
    if text and not text.endswith("\n"):
        notes.append("no line end after the last line: if the file is still being written, that line may be cut short")
    return Decoded(text, encoding, problems, tuple(notes))


def _line_by_line(data: bytes, encoding: str) -> tuple[str, tuple[Problem, ...]]:
    problems: list[Problem] = []

    def text_of(number: int, line: bytes) -> str:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02X} at column {error.start + 1}"
            hint = f"not {encoding.removesuffix('-sig')}: {byte}; if the file has another encoding, name it (such as gb18030, big5, cp1252)"
            problems.append(Problem(number, shown(line.decode(encoding, "replace")), hint))
            return ""

    lines = [text_of(number, line) for number, line in enumerate(data.split(b"\n"), start=1)]
    return "\n".join(lines), tuple(problems)


def _wide_lines(data: bytes, encoding: str) -> tuple[str, tuple[Problem, ...]]:
    """Lose the lines in which something could not be decoded; their ends are found after decoding only."""
    lines = data.decode(encoding, "replace").split("\n")
    problems = []
    for number, line in enumerate(lines, start=1):
        if "\ufffd" in line:
            problems.append(Problem(number, shown(line), f"not {encoding}: a letter cannot be decoded"))
            lines[number - 1] = ""
    return "\n".join(lines), tuple(problems)


def read_text(path: str | Path, *, encoding: str = "utf-8") -> Decoded:
    """Return the text of the file at `path`; see `decode`.

    Raises:
        FormatError: it is a folder, binary or empty.
        OSError: it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise FormatError("this is a folder; expected a transcript file; name the file in it", path=path)
    data = path.read_bytes()
    if not data.strip():
        raise FormatError("the file is empty; expected at least one transcript; was the decoding finished?", path=path)
    try:
        return decode(data, encoding=encoding)
    except FormatError as error:
        raise FormatError(str(error), path=path) from error
