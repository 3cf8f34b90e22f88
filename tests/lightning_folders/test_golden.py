"""Golden pairs: `tests/golden/lightning_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.lightning import hparams_yaml, metrics_csv, trainer_output

GOLDEN = Path(__file__).parent.parent / "golden"
PARSERS = {
    "lightning_metrics": metrics_csv.parse_metrics_csv,
    "lightning_hparams": hparams_yaml.parse_hparams,
    "lightning_output": lambda data: scan(data, trainer_output.OUTPUT),
}
FILES = sorted(GOLDEN.glob("lightning_*--*.log"))
METRICS = [path for path in FILES if path.name.startswith("lightning_metrics")]


def parse(path, data):
    return list(PARSERS[path.name.partition("--")[0]](data))


def plain(record):
    """A record as JSON: its class, then its fields."""

    def value(each):
        if isinstance(each, float) and not math.isfinite(each):
            return str(each)
        return [value(item) for item in each] if isinstance(each, tuple) else each

    fields = {each.name: value(getattr(record, each.name)) for each in dataclasses.fields(record)}
    return {"record": type(record).__name__, **fields}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_parses_to_what_stands_beside_it(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert [plain(record) for record in parse(path, path.read_bytes())] == expected


def test_every_parser_has_a_golden_file():
    assert {path.name.partition("--")[0] for path in FILES} == PARSERS.keys()


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_a_prefix_has_the_rows_of_the_whole_file_and_at_most_a_part_of_its_last_one(path):
    data = path.read_bytes()
    whole = [plain(record) for record in parse(path, data)]
    for length in range(len(data) + 1):
        found = [plain(record) for record in parse(path, data[:length])]
        if found and found[-1].get("line_number") == 0:  # of the line that is being written
            last = found.pop()
            following = next((each for each in whole[len(found) :] if each["record"] == "Row"), None)
            if following is not None and following["step"] == last["step"]:
                pairs = list(zip(last["names"], last["values"], strict=True))
                assert pairs == list(zip(following["names"], following["values"], strict=True))[: len(pairs)]
        assert found == whole[: len(found)], f"after {length} bytes"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_prefix_of_a_file_parses(path):
    data = path.read_bytes()
    for length in range(len(data) + 1):
        assert all(dataclasses.is_dataclass(record) for record in parse(path, data[:length]))


@pytest.mark.parametrize("dressing", [
    lambda data: data.replace(b"\r\n", b"\n"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"\r\n", b"\r\n\r\n"),
], ids=["lf", "bom", "blank lines"])  # fmt: skip
def test_line_ends_a_byte_order_mark_and_blank_lines_change_no_value(dressing):
    data = METRICS[-1].read_bytes()
    rows = [(row.step, row.names, row.values) for row in metrics_csv.rows_of(parse(METRICS[-1], data))]
    assert rows
    assert [
        (row.step, row.names, row.values) for row in metrics_csv.rows_of(parse(METRICS[-1], dressing(data)))
    ] == rows


def test_a_problem_names_its_line_and_says_what_was_expected():
    path = GOLDEN / "lightning_metrics--damaged.log"
    problems = {each.line_number: each.reason for each in parse(path, path.read_bytes()) if isinstance(each, Problem)}
    assert problems[4] == "'True' is no number, in column 'train_loss_step'"
    assert problems[5] == "3 cells under a header of 4"
    assert problems[7] == "no step"
    assert "quote" in problems[9]
