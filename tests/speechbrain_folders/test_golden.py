"""Golden pairs: `tests/golden/speechbrain_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import LogScanner, scan
from speech_tracker.integrations.speechbrain.manifests import parse_manifest
from speech_tracker.integrations.speechbrain.reading import PARSERS

GOLDEN = Path(__file__).parent.parent / "golden"
FILES = sorted(GOLDEN.glob("speechbrain_*--*.log"))
MANIFESTS = {"manifest_csv": "some.csv", "manifest_json": "some.json"}


def parser_of(path: Path) -> str:
    return path.name.partition("--")[0].removeprefix("speechbrain_")


def parse(path: Path, data: bytes):
    parser = parser_of(path)
    if parser in MANIFESTS:
        return list(parse_manifest(data, MANIFESTS[parser]))
    if parser in PARSERS.logs:
        return list(scan(data, PARSERS.logs[parser]))
    return list(PARSERS.whole[parser](data))


def as_json(record):
    values = {key: shown(value) for key, value in dataclasses.asdict(record).items()}
    return {"record": type(record).__name__, **values}


def shown(value):
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return [shown(each) for each in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_parser_says_what_it_said_before(path):
    found = [as_json(each) for each in parse(path, path.read_bytes())]
    assert found == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    "path", [path for path in FILES if parser_of(path) in PARSERS.logs], ids=lambda path: path.stem
)
def test_the_same_is_said_of_windows_line_ends_and_of_bytes_one_by_one(path):
    data = path.read_bytes()
    expected = list(map(repr, parse(path, data)))
    assert list(map(repr, parse(path, data.replace(b"\n", b"\r\n")))) == expected
    scanner = LogScanner(PARSERS.logs[parser_of(path)])
    found = [record for at in range(len(data)) for record in scanner.feed(data[at : at + 1])] + scanner.finish()
    assert list(map(repr, found)) == expected


@pytest.mark.parametrize(
    "path", [path for path in FILES if parser_of(path) in ("train_log", "scores", "env")], ids=lambda path: path.stem
)
def test_windows_line_ends_change_nothing_in_files_read_whole(path):
    data = path.read_bytes()
    assert list(map(repr, parse(path, data.replace(b"\n", b"\r\n")))) == list(map(repr, parse(path, data)))


def test_every_parser_has_a_golden_pair():
    assert {parser_of(path) for path in FILES} == {*PARSERS.logs, *PARSERS.whole, *MANIFESTS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_remembered_of_a_file_is_what_was_read(path):
    for record in parse(path, path.read_bytes()):
        if not isinstance(record, Problem) and type(record) in PARSERS.codec.classes:
            through_json = json.loads(json.dumps(PARSERS.codec.encode(record)))
            assert repr(PARSERS.codec.decode(through_json)) == repr(record)
