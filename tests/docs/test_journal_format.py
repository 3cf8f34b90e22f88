"""The page on the journal's format is complete and true: its examples are read, its tables compared with real records."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

import speech_tracker
from speech_tracker.encoding import encode, tag
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.score import score
from speech_tracker.events import KINDS
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.record import VERSION, Record, line, opening, parse

PAGE = (Path(__file__).parents[2] / "docs" / "journal-format.md").read_text(encoding="utf-8")
EXAMPLES = [each.strip().encode() for each in re.findall(r"^```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)]


def section(kind: str) -> str:
    return PAGE.split(f"### `{kind}`\n", 1)[1].split("\n### ", 1)[0]


def documented(kind: str) -> set[str]:
    rows = [row for row in section(kind).splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: json.loads(example)["type"])
def test_every_example_is_a_record_to_the_byte(example: bytes) -> None:
    record = parse(example)
    again = line(opening(record.run, record.segment), record.number, record.time, record.kind, encode(tag(record.data)))
    assert again == example + b"\n"
    assert crc32(example[:-18]) == int(json.loads(example)["crc"], 16)


def test_the_page_is_of_the_version_that_is_written() -> None:
    assert PAGE.startswith(f"# The journal's format, version {VERSION}\n")


def test_every_kind_is_described_with_an_example_and_no_other() -> None:
    assert re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE) == list(KINDS)
    for kind in KINDS:
        (example,) = re.findall(r"^```json\n(.*?)```", section(kind), re.DOTALL | re.MULTILINE)
        record = parse(example.strip().encode())
        assert record.kind == kind
        assert set(record.data) <= documented(kind)


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    """Every kind of record, each with everything that it can carry."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG")
    references = {"a-1": "one two three", "b-2": "four five"}
    scored = score(
        references, {"a-1": "one too three", "b-2": "four"}, attributes={"speaker_id": {"a-1": "a", "b-2": "b"}}
    )
    run = speech_tracker.init(
        "digits", "asr", "name", id="all", store=tmp_path / "store", mode="local", languages="en", domains="read", tags="t",
        description="d", experiment="e", entity="lab", job_type="train", created_at=1.0, config={"password": "x", "lr": 1},
        experiment_folder=tmp_path / "exp",
    )  # fmt: skip
    run.log_speech({"model": {"type": "conformer"}})
    run.log_metrics({"a": math.nan}, step=1, epoch=1, time=5.0)
    run.log_rank_metrics({"a": 1}, step=1, epoch=1)
    run.log_dataset(
        "d", split="train", path="/d", manifest="/m", version="1", utterances=1, hours=1, speakers=1, more=1
    )
    for action in ("saved", "deleted"):
        run.log_checkpoint(
            picture, action=action, step=1, epoch=1, metrics={"a": 1}, aliases="best", averaged_from=["x"], more=1  # type: ignore[arg-type]
        )  # fmt: skip
    run.log_artifact(picture, type="t", name="n", aliases="a", metadata={"a": 1})
    run.log_evaluation(
        scored, test_set="s", decoding={"beam": 1}, checkpoint="c", step=1, epoch=1, audio={"a-1": "/a.wav"}, more=1
    )
    run.log_evaluation(ErrorCounts(1, 0, 0, 0), test_set="s", unit="char")
    run.log_evaluation(ErrorCounts(1, 0, 0, 0), test_set="s", unit="mixed")

    class Other:
        def metrics(self) -> dict[str, float]:
            return {"der": 0.1}

    run.log_evaluation(Other(), test_set="s")
    run.log_table("t", ["a"], [[1]], step=1)
    run.log_figure("f", picture, step=1, caption="c")
    run.log_audio("a", np.zeros(9), sample_rate=8000, step=1, caption="c")
    run.log_audio("a", picture, sample_rate=8000, step=1, caption="c")
    run.log_json("j", {"api_key": "x"})
    run.log_event("e", time=1.0, a=1)
    run.log_problem("r", path="p", line=1, text="t")
    run.alert("t", "t", level="warn")
    run.link("other", "continues")
    run.add_tags("x")
    run.rewind(step=1, epoch=1)
    run.signalled("killed", "SIGTERM", fatal=False)
    run.finish(reason="r")
    assert run.folder is not None
    journal = read_journal(run.folder)
    return [*journal.records, *journal.superseded]


def test_every_field_that_is_written_is_documented(records: list[Record]) -> None:
    assert {record.kind for record in records} == set(KINDS)
    unknown = {(record.kind, name) for record in records for name in set(record.data) - documented(record.kind)}
    assert unknown == set()


# what a real run of this test cannot have: swallowed errors, a scheduler, a checkout of the script's folder, a GPU's variables
RARE = {("status", "swallowed"), ("environment", "scheduler"), ("environment", "git"), ("environment", "variables")}


def test_every_field_that_is_documented_is_written(records: list[Record]) -> None:
    written = {(record.kind, name) for record in records for name in record.data} | RARE
    assert {(kind, name) for kind in KINDS for name in documented(kind)} - written == {("evaluation", "cer_ci"),
                                                                                    ("evaluation", "mixed_error_rate_ci")}  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 123456789012345678901234567890])
def test_the_tagged_forms_are_as_documented(value: float) -> None:
    assert f"`{encode(tag(value)).decode()}`" in PAGE
