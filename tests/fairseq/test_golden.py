"""Golden pairs: `tests/golden/fairseq_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest import endings
from speech_tracker.ingest.scan import LogScanner, scan
from speech_tracker.integrations.fairseq import decodes, decoding_logs, rate_files, training_logs

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = {
    "fairseq_training": training_logs.TRAINING + endings.ENDINGS,
    "fairseq_decoding": decoding_logs.DECODING,
}
WHOLE = {
    "fairseq_generated": decodes.parse_generated,
    "fairseq_inferred": decodes.parse_inferred,
    "fairseq_rate": rate_files.parse_rate_file,
}
FILES = sorted(GOLDEN.glob("fairseq_*--*.log"))
LOG_FILES = [path for path in FILES if path.name.partition("--")[0] in LOGS]


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


def plain(record):
    """A record as JSON: its class, then its fields."""

    def value(each):
        if isinstance(each, float) and not math.isfinite(each):
            return str(each)
        if dataclasses.is_dataclass(each):
            return plain(each)
        return [value(item) for item in each] if isinstance(each, (tuple, list)) else each

    fields = {each.name: value(getattr(record, each.name)) for each in dataclasses.fields(record)}
    return {"record": type(record).__name__, **fields}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_parses_to_what_stands_beside_it(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert [plain(record) for record in parse(path, path.read_bytes())] == expected


def test_every_parser_has_a_golden_file():
    assert {path.name.partition("--")[0] for path in FILES} == LOGS.keys() | WHOLE.keys()


def test_every_record_class_occurs_in_a_golden_file():
    defined = {
        name
        for module in (training_logs, decoding_logs, rate_files)
        for name, value in vars(module).items()
        if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    }
    found = {each["record"] for path in FILES for each in json.loads(path.with_suffix(".json").read_text())}
    assert defined - {"HypothesesInside"} <= found  # made of a file's first part rather than of a line


@pytest.mark.parametrize("path", LOG_FILES, ids=lambda path: path.stem)
def test_every_prefix_of_a_log_parses_to_a_prefix_of_its_records(path):
    data = path.read_bytes()
    whole = [plain(record) for record in parse(path, data)]
    for length in range(0, len(data) + 1, 1 if len(data) < 2_000 else 29):
        found = [plain(record) for record in parse(path, data[:length])]
        assert found == whole[: len(found)], f"after {length} bytes"


@pytest.mark.parametrize("path", LOG_FILES, ids=lambda path: path.stem)
def test_the_line_numbers_are_those_of_the_file(path):
    lines = path.read_bytes().split(b"\n")
    for record in parse(path, path.read_bytes()):
        if isinstance(record, training_logs.Statistics):
            assert str(record.step).encode() in lines[record.line_number - 1]
        elif isinstance(record, Problem):
            assert record.text.encode()[:40] in lines[record.line_number - 1]


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_pieces_of_any_size_give_the_same(size):
    for path in LOG_FILES:
        data = path.read_bytes()
        scanner = LogScanner(LOGS[path.name.partition("--")[0]])
        found = [record for at in range(0, len(data), size) for record in scanner.feed(data[at : at + size])]
        assert [*map(repr, found), *map(repr, scanner.finish())] == list(map(repr, parse(path, data)))


@pytest.mark.parametrize("path", LOG_FILES, ids=lambda path: path.stem)
def test_line_ends_colours_and_a_mark_at_the_start_change_nothing(path):
    data = path.read_bytes().replace(b"\r\n", b"\n")
    plainly = list(map(repr, parse(path, data)))
    assert list(map(repr, parse(path, data.replace(b"\n", b"\r\n")))) == plainly
    assert list(map(repr, parse(path, b"\xef\xbb\xbf" + data))) == plainly
