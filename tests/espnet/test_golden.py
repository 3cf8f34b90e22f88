"""Golden pairs: `tests/golden/espnet_<parser>--<what>.log` and what the parser makes of it in `.json`."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.espnet import config_file, inference_logs, results_md, score_files, train_log
from speech_tracker.testing.parsers import GoldenPairs, plain

GOLDEN = Path(__file__).parent.parent / "golden"

LOGS = {
    "espnet_train": train_log.TRAIN_LOG,
    "espnet_inference": inference_logs.INFERENCE_LOG,
    "espnet_speed": inference_logs.SPEED,
}
WHOLE = {
    "espnet_config": config_file.parse_config,
    "espnet_result": score_files.parse_result,
    "espnet_translation": score_files.parse_translation,
    "espnet_measure": score_files.parse_measure,
    "espnet_perplexity": score_files.parse_perplexity,
    "espnet_results": results_md.parse_results,
    "espnet_command": lambda data: [each for each in (inference_logs.parse_command(data),) if each is not None],
}
FILES = sorted(GOLDEN.glob("espnet_*--*.log"))


class TestEspnet(GoldenPairs):
    folder, toolkit = GOLDEN, "espnet"
    logs, whole = LOGS, WHOLE
    modules = (train_log, inference_logs, results_md, score_files, config_file)


def parse(path: Path, data: bytes):
    parser = path.name.partition("--")[0]
    return list(scan(data, LOGS[parser]) if parser in LOGS else WHOLE[parser](data))


@pytest.mark.parametrize("path", [path for path in FILES if path.name.partition("--")[0] in LOGS], ids=lambda p: p.stem)
def test_every_prefix_of_a_log_parses_to_a_prefix_of_its_records(path):
    data = path.read_bytes()
    whole = [plain(record) for record in parse(path, data)]
    for length in range(0, len(data) + 1, 3):
        found = [plain(record) for record in parse(path, data[:length])]
        assert found == whole[: len(found)], f"after {length} bytes"


@pytest.mark.parametrize("path", [p for p in FILES if p.name.partition("--")[0] in WHOLE], ids=lambda p: p.stem)
def test_every_prefix_of_a_file_parses(path):
    data = path.read_bytes()
    for length in range(0, len(data) + 1, 7):
        for record in parse(path, data[:length]):
            assert dataclasses.is_dataclass(record)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_line_ends_of_windows_change_nothing(path):
    data = path.read_bytes()
    assert [plain(each) for each in parse(path, data.replace(b"\n", b"\r\n"))] == [
        plain(each) for each in parse(path, data)
    ]


def test_a_damaged_line_of_the_trainer_is_a_problem_with_its_number():
    path = GOLDEN / "espnet_train--damaged.log"
    problems = [record for record in parse(path, path.read_bytes()) if isinstance(record, Problem)]
    assert [problem.line_number for problem in problems] == [2, 3, 5]
    assert "values cannot be read" in problems[0].reason


def test_a_value_without_a_comma_before_it_is_not_lost():
    text = b"[h] 2025-11-07 14:01:00,000 (trainer:811) INFO: 1epoch:train:1-2batch: forward_time=0.097loss_ctc=24.175, loss=nanacc=0.5\n"
    (record,) = scan(text, train_log.TRAIN_LOG)
    assert record.names == ("forward_time", "loss_ctc", "loss", "acc")
    assert record.values[:2] == (0.097, 24.175)
    assert math.isnan(record.values[2])


@pytest.mark.parametrize(("span", "seconds"), [
    ("1 hour, 33 minutes and 20.33 seconds", 5600.33), ("1 day, 7 hours and 12 minutes", 112320.0), ("1 hour", 3600.0),
    ("59.99 seconds", 59.99), ("1 week, 1 day and 2 hours", 698400.0),
])  # fmt: skip
def test_an_epoch_may_last_hours_or_days(span, seconds):
    """Epochs of a real corpus do: their times have commas of their own."""
    line = (
        f"[h] 2025-11-07 14:01:00,000 (trainer:394) INFO: 2epoch results: [train] loss=1.5, time={span}, total_count=40, "
        "gpu_max_cached_mem_GB=20.1, [valid] cer=nan, acc=0.7, time=20.5 seconds, total_count=4\n"
    )
    (record,) = scan(line.encode(), train_log.TRAIN_LOG)
    assert record.of("train") == {
        "loss": 1.5, "time": pytest.approx(seconds), "total_count": 40.0, "gpu_max_cached_mem_GB": 20.1,
    }  # fmt: skip
    assert record.of("valid")["acc"] == 0.7


@pytest.mark.parametrize(("text", "seconds"), [
    ("0.51 seconds", 0.51), ("1 minute and 25.13 seconds", 85.13), ("1 hour, 2 minutes and 3.5 seconds", 3723.5),
    ("2 days, 3 hours and 4 minutes", 183840.0), ("3 seconds", 3.0),
])  # fmt: skip
def test_spans_of_time_are_seconds(text, seconds):
    assert train_log.timespan(text) == pytest.approx(seconds)


def test_the_token_list_of_a_configuration_is_shortened_and_counted():
    path = GOLDEN / "espnet_config--tokens.log"
    (config,) = parse(path, path.read_bytes())
    assert config.vocabulary_size == 40
    assert config.values["token_list"][-1] == "… 20 more"


def test_a_configuration_of_something_else_is_none_of_ours():
    assert list(config_file.parse_config(b"name: x\nversion: 3\n")) == []
