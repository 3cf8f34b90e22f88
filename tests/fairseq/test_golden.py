"""Golden pairs: `tests/golden/fairseq_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest import endings
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.fairseq import decodes, decoding_logs, rate_files, training_logs
from speech_tracker.testing.parsers import GoldenPairs, plain

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


class TestFairseq(GoldenPairs):
    folder, toolkit = GOLDEN, "fairseq"
    logs, whole = LOGS, WHOLE
    modules = (training_logs, decoding_logs, rate_files)
    # made of a file's first part rather than of a line
    elsewhere = frozenset({"HypothesesInside"})


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


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


@pytest.mark.parametrize("path", LOG_FILES, ids=lambda path: path.stem)
def test_line_ends_colours_and_a_mark_at_the_start_change_nothing(path):
    data = path.read_bytes().replace(b"\r\n", b"\n")
    plainly = list(map(repr, parse(path, data)))
    assert list(map(repr, parse(path, data.replace(b"\n", b"\r\n")))) == plainly
    assert list(map(repr, parse(path, b"\xef\xbb\xbf" + data))) == plainly
