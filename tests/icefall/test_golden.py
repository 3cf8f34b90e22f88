"""Golden pairs: `tests/golden/icefall_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.icefall import decode_logs, errs, params, recogs, train_logs
from speech_tracker.testing.parsers import GoldenPairs, plain

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = {"icefall_train": train_logs.TRAIN, "icefall_decode": decode_logs.DECODE}
WHOLE = {
    "icefall_recogs": recogs.parse_recogs,
    "icefall_errs": errs.parse_errs,
    "icefall_summary": errs.parse_summary,
}
FILES = sorted(GOLDEN.glob("icefall_*--*.log"))


class TestIcefall(GoldenPairs):
    folder, toolkit = GOLDEN, "icefall"
    logs, whole = LOGS, WHOLE
    modules = (train_logs, decode_logs, errs, params, recogs)


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_that_is_still_being_written_gives_no_wrong_records_and_no_problems_of_its_last_line(path):
    data = path.read_bytes()
    whole = [plain(record) for record in parse(path, data)]
    good = [each for each in whole if each["record"] != "Problem"]
    for length in range(0, len(data) + 1, 3):
        found = [plain(record) for record in parse(path, data[:length])]
        assert [each for each in found if each["record"] == "Problem"] == [
            each for each in whole if each["record"] == "Problem" and each["line_number"] <= data[:length].count(b"\n")
        ]
        records = [each for each in found if each["record"] != "Problem"]
        assert records == good[: len(records)], f"after {length} bytes"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_windows_line_ends_and_a_mark_of_byte_order_change_nothing(path):
    data = path.read_bytes()
    expected = [plain(record) for record in parse(path, data)]
    windows = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    assert [plain(record) for record in parse(path, windows)] == expected


def test_numbers_of_problems_are_those_of_an_editor():
    path = GOLDEN / "icefall_train--zipformer.log"
    (problem,) = [each for each in parse(path, path.read_bytes()) if isinstance(each, Problem)]
    assert path.read_text().splitlines()[problem.line_number - 1].endswith("batch seven, loss[loss=1.168")


def test_printed_objects_of_python_are_read_as_what_they_print():
    text = (
        "{'dtype': torch.float16, 'f': <function f at 0x7f>, 'x': nan, 'p': PosixPath('a b'), 'n': -inf, 's': \"it's\"}"
    )
    found = params.parse_python_params(text)
    assert found == {
        "dtype": "torch.float16",
        "f": "<function f at 0x7f>",
        "x": "nan",
        "p": "a b",
        "n": -math.inf,
        "s": "it's",
    }
    assert params.parse_python_params("{'a': 1, 'b': ???, 'c': 'd'}") == {"a": 1, "c": "d"}
    assert params.parse_python_params("nothing") is None
