"""Metrics come back from the journal as the numbers that they were."""

from __future__ import annotations

import enum
import fractions
import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import speech_tracker
from speech_tracker.arguments import metric_values
from speech_tracker.encoding import decode, encode
from speech_tracker.errors import InvalidArgumentError, InvalidTypeError
from speech_tracker.view import RunView

Log = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Log metrics with a real run and return them as they are read back."""

    def logged(metrics: dict[str, Any]) -> dict[str, Any]:
        with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False) as run:
            run.log_metrics(metrics, step=1)
        assert run.folder is not None
        (record,) = RunView.read(run.folder).records("metrics")
        assert record.data["step"] == 1
        return dict(record.data["values"])

    return logged


@pytest.mark.parametrize(
    ("given_value", "number"),
    [
        (1, 1), (1.0, 1.0), (-0.0, -0.0), (True, True), (math.inf, math.inf), (-math.inf, -math.inf), (math.nan, math.nan),
        (2**63, 2**63), (2**64, 2**64), (-(2**80), -(2**80)), (5e-324, 5e-324), (1.7976931348623157e308,) * 2, (0.1, 0.1),
        (np.float32(0.1), float(np.float32(0.1))), (np.float64(0.1), 0.1), (np.float16(0.5), 0.5), (np.int64(7), 7),
        (np.uint64(2**64 - 1), 2**64 - 1), (np.bool_(True), True), (np.longdouble(2), 2.0), (np.float32("nan"), math.nan),
        (np.array(3), 3), (np.array([2.5]), 2.5), (np.array([[7]]), 7),
        (torch.tensor(0.5), 0.5), (torch.tensor([0.5]), 0.5), (torch.tensor(3), 3), (torch.tensor(True), True),
        (torch.tensor(0.1, dtype=torch.float64), 0.1), (torch.tensor(1.5, dtype=torch.bfloat16), 1.5),
        (torch.tensor(2.0, requires_grad=True), 2.0), (torch.tensor(-math.inf), -math.inf),
        (Decimal("0.25"), 0.25), (fractions.Fraction(1, 4), 0.25), (enum.IntEnum("E", "A").A, 1),
    ],
)  # fmt: skip
def test_a_number_keeps_value_and_class(log: Log, given_value: Any, number: float) -> None:
    (value,) = log({"x": given_value}).values()
    assert type(value) is type(number)
    assert repr(value) == repr(number)  # tells -0.0 from 0.0, and takes NaN for NaN


@pytest.mark.parametrize(
    "name",
    ["train/loss", "$float", "$", "a/b/c/d", "größe", "損失", "🙂", "e\u0301", "\u202eright-to-left", "a b", "a\nb", "\x00",
     "\x7f\x1b[31m", "\ud800", "x" * 1000, '"quoted"', "back\\slash", ',"crc":"01234567"}'],
)  # fmt: skip
def test_any_name_is_kept(log: Log, name: str) -> None:
    assert log({name: 1.5, "other": math.nan}) == {name: 1.5, "other": pytest.approx(math.nan, nan_ok=True)}


def test_names_of_text_classes_become_text(log: Log) -> None:
    class Name(str, enum.Enum):
        LOSS = "train/loss"

    values = log({np.str_("a"): math.nan, Name.LOSS: 2.0, "$b": 3})
    assert [*values] == ["a", "train/loss", "$b"]
    assert {type(name) for name in values} == {str}
    assert math.isnan(values["a"])


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=()), min_size=1, max_size=8),
        st.one_of(st.integers(), st.floats(), st.booleans()), max_size=6,
    )
)  # fmt: skip
def test_any_metrics_survive_the_way_to_bytes_and_back(metrics: dict[str, Any]) -> None:
    assert repr(decode(encode({"values": metric_values(metrics)}))["values"]) == repr(metrics)


class Counted:
    """A value on a device: every reading of it would wait for the device."""

    def __init__(self) -> None:
        self.taken = 0

    def item(self) -> float:
        self.taken += 1
        return 0.25


def test_a_value_on_a_device_is_taken_once(log: Log) -> None:
    value = Counted()
    assert log({"x": value}) == {"x": 0.25}
    assert value.taken == 1


def test_the_caller_s_dictionary_is_left_alone() -> None:
    metrics = {"a": math.nan, "b": np.float32(1), "$c": 2}
    before = dict(metrics)
    metric_values(metrics)
    assert all(metrics[name] is before[name] for name in before)
    assert [*metrics] == [*before]


@pytest.mark.parametrize(
    "value",
    ["0.5", b"0.5", None, [1.0], (1,), {"a": 1}, {1}, 1 + 2j, np.array([1.0, 2.0]), np.array([]), np.array("a"), np.str_("1"),
     np.complex64(1j), np.datetime64("2026-01-01"), torch.zeros(2), torch.tensor(1j), torch.empty(1, device="meta"), object(),
     float, lambda: 1.0],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_name_value_and_remedy(value: Any) -> None:
    with pytest.raises(InvalidTypeError) as refusal:
        metric_values({"fine": 1.0, "valid/wer": value})
    message = str(refusal.value)
    assert "metric 'valid/wer' is not a number" in message
    assert "got " in message
    assert "expected an int, a float, or a NumPy or torch value of one element" in message
    assert message.endswith("log text with `log_config` or `log_event`, several values with `log_table`")


def test_a_refused_value_leaves_no_trace_in_the_journal(tmp_path: Path) -> None:
    with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False) as run:
        with pytest.raises(InvalidTypeError):
            run.log_metrics({"a": 1.0, "b": "two"})
        run.log_metrics({"a": 2.0})
    assert run.folder is not None
    view = RunView.read(run.folder)
    assert [point["value"] for point in view.history("a")] == [2.0]
    assert view.problems == []


@pytest.mark.parametrize("metrics", [None, [("a", 1)], "a", 1, {"a"}])
def test_metrics_that_are_no_mapping_are_refused(metrics: Any) -> None:
    with pytest.raises(InvalidTypeError, match=r"`metrics` is not a mapping: got .*expected a dict of name to value"):
        metric_values(metrics)


@pytest.mark.parametrize(
    ("name", "error"), [("", InvalidArgumentError), (1, InvalidTypeError), (None, InvalidTypeError)]
)
def test_a_metric_s_name_is_text(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="metric name"):
        metric_values({name: 1.0})


@pytest.mark.parametrize("kind", [OrderedDict, MappingProxyType, lambda values: defaultdict(float, values)])
def test_any_mapping_will_do(kind: Any) -> None:
    assert metric_values(kind({"a": 1, "b": 2.0})) == {"a": 1, "b": 2.0}


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_dictionary_may_be_changed_by_another_thread_while_it_is_logged(
    kind: type[dict[str, Any]], tmp_path: Path
) -> None:
    metrics = kind({f"m{number}": float(number) for number in range(50)})
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            metrics[f"new{number % 100}"] = 1.0
            metrics.pop(f"new{(number + 50) % 100}", None)
            number += 1

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False) as run:
            for step in range(500):
                run.log_metrics(metrics, step=step)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert run.folder is not None
    records = RunView.read(run.folder).records("metrics")
    assert len(records) == 500
    assert all(record.data["values"][f"m{number}"] == number for record in records for number in range(50))
