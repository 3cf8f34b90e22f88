"""CSV and TSV with a header line: Hugging Face exports, SpeechBrain CSV, Common Voice and fairseq TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from speech_tracker.errors import FormatError
from speech_tracker.formats.columns import AUDIO, HYPOTHESIS, ID, REFERENCE, Row, Side, choose_columns, utterances
from speech_tracker.formats.parsed import LONGEST_LINE, Findings, Parsed
from speech_tracker.formats.utterance import Utterance

DELIMITERS = ("\t", ",", ";", "|")


def header_of(line: str) -> tuple[str, list[str]] | None:
    """Return the delimiter and the names when `line` is a header with an id and a text column, else None."""
    for delimiter in DELIMITERS:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
        lowered = {name.lower() for name in names}
        has_text = lowered & {*REFERENCE, *HYPOTHESIS} or any(name.startswith("pred_text_") for name in lowered)
        if has_text and lowered & {*ID, *AUDIO}:
            return delimiter, names
    return None


def parse_delimited(
    text: str, *, delimiter: str | None = None, side: Side = "reference", text_column: str | None = None
) -> Parsed[Utterance]:
    """Parse a table with a header line.

    Tab-separated files are read without quoting, as fairseq and Common Voice write them, except that a field which is
    quoted as a whole (pandas) is unquoted. The other delimiters follow RFC 4180.

    Args:
        text: the table.
        delimiter: one character; found from the header when None.
        side: which side the table is read as.
        text_column: the column of the text, when the user says so.

    Raises:
        FormatError: there is no header with the columns that are needed.
    """
    findings = Findings()
    first, _, _ = text.partition("\n")
    if delimiter is None:
        found = header_of(first.removesuffix("\r"))
        if found is None and text_column is not None:  # the user names a column that we do not know
            delimiter = max(DELIMITERS, key=first.count)
        elif found is None:
            raise FormatError("the first line is no header with a column of ids and one of text", line=1)
        else:
            delimiter = found[0]
    rows: list[Row] = []
    names: list[str] = []
    for number, fields in _records(text, delimiter, findings):
        if not names:
            names = [field.strip() for field in fields]
        elif len(fields) == len(names):
            rows.append((number, dict(zip(names, fields, strict=True))))
        elif any(fields):
            what = f"{len(fields)} fields, the header has {len(names)}"
            findings.problem(number, delimiter.join(fields), what)
        else:
            findings.note("empty lines skipped", number)
    if not names:
        return findings.parsed([])
    columns = choose_columns(names, side, text_column=text_column)
    return findings.parsed(utterances(rows, columns, findings))


def _records(text: str, delimiter: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    if delimiter == "\t":
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
            if len(line) > LONGEST_LINE:
                findings.problem(number, line, f"a line of {len(line)} characters; at most {LONGEST_LINE} are read")
            else:
                yield number, [_unquoted(field) for field in line.removesuffix("\r").split("\t")]
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.problem(number, "", f"cannot be read as CSV: {error}")
        else:
            if reader.line_num > number:
                findings.note("a quoted field that goes over several lines (is a quote missing?)", number)
            yield number, fields
        number = reader.line_num + 1


def _unquoted(field: str) -> str:
    """Return the field without the quotes that pandas puts around one which holds a quote."""
    if len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', ""):
        return field[1:-1].replace('""', '"')
    return field


def format_delimited(found: Iterable[Utterance], *, delimiter: str = ",", text_column: str = "text") -> str:
    """Return a table of ``utterance_id``, `text_column`, ``speaker_id``, ``duration`` with a header, quoted where needed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["utterance_id", text_column, "speaker_id", "duration"])
    for each in found:
        duration = "" if each.duration_s is None else repr(each.duration_s)
        writer.writerow([each.utterance_id, each.text, each.speaker_id or "", duration])
    return out.getvalue()
