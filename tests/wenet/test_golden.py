"""Golden pairs: `tests/golden/wenet_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.wenet import checkpoints, sdk_logs, train_logs, wer_files
from speech_tracker.testing.parsers import GoldenPairs, plain

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = {"wenet_log": train_logs.TRAIN + sdk_logs.SDK}
WHOLE = {
    "wenet_wer": wer_files.parse_totals,
    "wenet_utterances": wer_files.parse_utterances,
    "wenet_checkpoint": checkpoints.parse_checkpoint_info,
}
FILES = sorted(GOLDEN.glob("wenet_*--*.log"))


class TestWenet(GoldenPairs):
    folder, toolkit = GOLDEN, "wenet"
    logs, whole = LOGS, WHOLE
    modules = (train_logs, sdk_logs, wer_files, checkpoints)


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


@pytest.mark.parametrize(
    "path", [each for each in FILES if each.name.startswith("wenet_log")], ids=lambda path: path.stem
)
def test_a_log_that_is_still_being_written_gives_no_wrong_records_and_no_problems_of_its_last_line(path):
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


def test_utterances_that_are_not_written_to_their_end_are_left_out():
    data = (GOLDEN / "wenet_utterances--mandarin.log").read_bytes()
    whole = [plain(record) for record in wer_files.parse_utterances(data)]
    for length in range(0, len(data) + 1, 3):
        found = [plain(record) for record in wer_files.parse_utterances(data[:length])]
        assert found == whole[: len(found)], f"after {length} bytes"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_windows_line_ends_and_a_mark_of_byte_order_change_nothing(path):
    data = path.read_bytes()
    expected = [plain(record) for record in parse(path, data)]
    windows = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    assert [plain(record) for record in parse(path, windows)] == expected


def test_numbers_of_problems_are_those_of_an_editor():
    path = GOLDEN / "wenet_log--old.log"
    (problem,) = [each for each in parse(path, path.read_bytes()) if isinstance(each, Problem)]
    assert "TRAIN Batch 0/x" in path.read_text().splitlines()[problem.line_number - 1]
