"""A run as it is read: what its records mean together."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech_tracker
from speech_tracker import Run
from speech_tracker.encoding import encode, tag
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.record import line, opening
from speech_tracker.view import RunView, iso

Begin = Callable[..., Run]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    def begun(**options: object) -> Run:
        return speech_tracker.init(**{"store": tmp_path, "mode": "local", "capture_environment": False, **options})  # type: ignore[arg-type]

    return begun


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


def test_a_run_is_described_by_what_was_said_of_it(begin: Begin) -> None:
    run = begin(
        project="digits", task="asr", name="conformer", tags=["a", "b"], languages=["en", "zh-CN"], domains="read",
        description="small", config={"lr": 1e-3, "model": {"layers": 2}}, entity="lab", job_type="train",
    )  # fmt: skip
    run.log_config({"model": {"layers": 3}})
    run.log_speech({"model": {"type": "conformer", "encoder_layers": 12}})
    run.log_speech({"model": {"encoder_layers": 16}, "training": {"seed": 1}})
    run.add_tags("b", "c")
    view = view_of(run)
    assert {key: view.identity[key] for key in ("id", "name", "project", "task", "tags", "languages", "domains", "description",
                                                "entity", "job_type")} == {
        "id": run.id, "name": "conformer", "project": "digits", "task": "asr", "tags": ["a", "b", "c"],
        "languages": ["en", "zh-CN"], "domains": ["read"], "description": "small", "entity": "lab", "job_type": "train",
    }  # fmt: skip
    assert view.config == {"lr": 1e-3, "model": {"layers": 3}}  # as W&B: by top-level key
    assert view.speech["model"] == {"type": "conformer", "encoder_layers": 16}
    assert view.speech["task"] == "asr"
    assert view.speech["training"] == {"seed": 1}
    assert view.status == "running"
    assert view.created_at is not None
    assert view.updated_at is not None
    assert view.created_at <= view.updated_at
    assert view.problems == []
    assert view.wandb is None


def test_metrics_are_summed_up_with_care_for_what_is_no_number(begin: Begin) -> None:
    run = begin()
    for step, value in enumerate([3.0, math.nan, 1.0, math.inf, 2.0]):
        run.log_metrics({"loss": value}, step=step)
    run.log_metrics({"only": math.nan})
    view = view_of(run)
    assert view.metrics["loss"] == {"last": 2.0, "min": 1.0, "max": math.inf, "count": 5}
    assert view.metrics["only"]["count"] == 1
    assert math.isnan(view.metrics["only"]["min"])
    assert view.history("never logged") == []


def test_checkpoints_are_shown_in_their_last_state(begin: Begin) -> None:
    run = begin()
    run.log_checkpoint("/c/1.ckpt", step=1, metrics={"valid/wer": 0.5}, aliases=["epoch-1"])
    run.log_checkpoint("/c/2.ckpt", step=2, metrics={"valid/wer": 0.4})
    run.log_checkpoint("/c/1.ckpt", action="best")
    run.log_checkpoint("/c/2.ckpt", action="best")
    run.log_checkpoint("/c/1.ckpt", action="deleted")
    run.log_checkpoint("/c/avg.ckpt", averaged_from=["/c/1.ckpt", "/c/2.ckpt"], note="mean")
    found = {Path(each["path"]).stem: each for each in view_of(run).checkpoints}
    assert [(name, each["best"], each["deleted"]) for name, each in found.items()] == [
        ("1", False, True), ("2", True, False), ("avg", False, False)
    ]  # fmt: skip
    assert found["1"]["metrics"] == {"valid/wer": 0.5}
    assert found["avg"]["averaged_from"] == ["/c/1.ckpt", "/c/2.ckpt"]
    assert found["avg"]["metadata"] == {"note": "mean"}


def test_datasets_links_events_problems_and_values_are_all_there(begin: Begin, tmp_path: Path) -> None:
    run = begin()
    run.log_dataset("librispeech", split="train", hours=100.6, version="v1")
    run.log_dataset("librispeech", split="train", hours=100.7, version="v1", license="CC BY 4.0")
    run.log_dataset("librispeech", split="test/clean", hours=math.nan)
    run.link("parent", "fine-tuned-from")
    run.link("parent", "fine-tuned-from")
    run.link(run, "continues")
    run.log_event("stage", number=3)
    run.log_problem("not a line of a log", path="train.log", line=7, text="???")
    run.log_json("note", {"a": [1, math.inf]})
    run.alert("diverged", "loss is NaN", level="error")
    file = tmp_path / "decode.txt"
    file.write_text("hello")
    run.log_artifact(file, type="decode", aliases=["best"], metadata={"beam": 5})
    view = view_of(run)
    assert [(each["split"], each["hours"]) for each in view.datasets[:1]] == [("train", 100.7)]
    assert view.datasets[0]["metadata"] == {"license": "CC BY 4.0"}
    assert math.isnan(view.datasets[1]["hours"])
    assert view.links == [{"run": "parent", "relation": "fine-tuned-from"}, {"run": run.id, "relation": "continues"}]
    assert [(each["name"], each["data"]) for each in view.events] == [("stage", {"number": 3})]
    assert view.problems == [{"path": "train.log", "line": 7, "reason": "not a line of a log"}]
    assert view.records("json")[0].data["value"] == {"a": [1, math.inf]}
    assert view.records("alert")[0].data["level"] == "error"
    artifact = view.records("artifact")[0].data
    assert (artifact["name"], artifact["size"], artifact["aliases"]) == ("decode.txt", 5, ["best"])


def test_tables_pictures_and_sounds_are_files_that_the_records_name(begin: Begin, tmp_path: Path) -> None:
    import wave

    import numpy as np
    import torch

    run = begin()
    assert run.folder is not None
    run.log_table("beam sweep/клин", ["beam", "wer"], [[1, 0.5], [4, math.nan], ["$x", "half \ud800"]], step=3)
    picture = tmp_path / "attention.png"
    picture.write_bytes(b"\x89PNG")
    run.log_figure("attention", picture, step=3, caption="layer 2")
    run.log_audio("clean", np.array([0.0, 1.0, -1.0, 2.0, math.nan]), sample_rate=8000)
    run.log_audio("stereo", torch.zeros(10, 2), sample_rate=16000)
    run.log_audio("there", picture, sample_rate=16000)
    view = view_of(run)
    from speech_tracker.encoding import decode

    table = view.records("table")[0].data
    assert decode((run.folder / table["file"]).read_bytes())["rows"][2] == ["$x", "half \ud800"]
    assert (table["rows"], table["step"], table["name"]) == (3, 3, "beam sweep/клин")
    figure = view.records("figure")[0].data
    assert (run.folder / figure["file"]).read_bytes() == b"\x89PNG"
    assert (figure["caption"], figure["size"]) == ("layer 2", 4)
    clean, stereo, there = (record.data for record in view.records("audio"))
    with wave.open(str(run.folder / clean["file"])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (8000, 1, 5)
        assert np.frombuffer(sound.readframes(5), "<i2").tolist() == [0, 32767, -32767, 32767, 0]
    assert stereo["duration_s"] == 10 / 16000
    assert there["path"] == str(picture)
    assert "file" not in there
    assert all(
        (run.folder / "files").resolve() in (run.folder / each["file"]).resolve().parents for each in (table, figure)
    )


def test_a_damaged_line_is_a_problem_with_its_place_and_the_rest_counts(begin: Begin) -> None:
    run = begin()
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    run.finish()
    assert run.folder is not None
    (segment,) = (run.folder / "segments").iterdir()
    lines = segment.read_bytes().split(b"\n")
    victim = next(index for index, text in enumerate(lines) if b'"x":2}' in text)
    lines[victim] = lines[victim].replace(b'"x":2}', b'"x":9}')
    segment.write_bytes(b"\n".join(lines))
    view = view_of(run)
    assert [point["value"] for point in view.history("x")] == [0, 1, 3, 4]
    assert view.problems == [{"path": str(segment), "line": victim + 1, "reason": "its checksum does not fit"}]
    assert view.status == "finished"


def test_a_removed_line_is_noticed(begin: Begin) -> None:
    run = begin()
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    run.finish()
    assert run.folder is not None
    (segment,) = (run.folder / "segments").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(each for each in lines if b'"x":2}' not in each and b'"x":3}' not in each))
    (problem,) = view_of(run).problems
    number = int(lines[3].split(b'"n":')[1].split(b",")[0])
    assert problem["reason"].startswith("records ")
    assert problem["reason"].endswith(" are missing")
    assert number >= 0


def test_an_unfinished_last_line_is_a_problem_only_when_nobody_writes_any_more(begin: Begin) -> None:
    run = begin()
    assert run.folder is not None
    (segment,) = (run.folder / "segments").iterdir()
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[:50])
    assert view_of(run).problems == []
    segment.write_bytes(whole)
    run.finish()
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[:50])
    (problem,) = view_of(run).problems
    assert problem["line"] == whole.count(b"\n") + 1


def test_a_segment_that_cannot_be_read_is_reported_and_the_others_count(begin: Begin) -> None:
    run = begin(id="r")
    run.log_metrics({"x": 1}, step=1)
    run.finish()
    assert run.folder is not None
    (run.folder / "segments" / "0002-rank0.jsonl").mkdir()  # stands for a bad block: reading it is an error
    view = view_of(run)
    assert view.metrics["x"]["count"] == 1
    (problem,) = view.problems
    assert problem["path"].endswith("0002-rank0.jsonl")
    assert "the segment cannot be read (Is a directory)" in problem["reason"]


def test_other_files_in_the_folder_of_segments_are_left_alone(begin: Begin) -> None:
    run = begin()
    run.finish()
    assert run.folder is not None
    for name in ("notes.txt", ".nfs0001", "0001-rank0.jsonl.bak", "0001-rank0.jsonl~", "x0001-rank0.jsonl"):
        (run.folder / "segments" / name).write_text("{}")
    assert len(view_of(run).journal.segments) == 1
    assert view_of(run).problems == []


def test_what_w_and_b_has_is_told_and_a_damaged_file_is_no_obstacle(begin: Begin) -> None:
    run = begin()
    assert run.folder is not None
    for content, found in ((b'{"url": "x"}', {"url": "x"}), (b"{", None), (b"[]", None)):
        (run.folder / "wandb.json").write_bytes(content)
        assert view_of(run).wandb == found


def test_segments_are_told_with_process_and_times(begin: Begin) -> None:
    import os

    run = begin()
    run.finish()
    (segment,) = view_of(run).segments()
    assert segment["name"] == "0001-rank0"
    assert segment["process"] == os.getpid()
    assert segment["host"] == os.uname().nodename
    assert segment["records"] == len(view_of(run).journal.records)
    assert segment["first"] <= segment["last"]
    assert segment["first"].endswith("+00:00")
    assert iso(None) is None


def _write(folder: Path, segment: str, role: str, contents: list[tuple[str, dict[str, Any]]]) -> None:
    start = opening("r", segment)
    (folder / "segments").mkdir(exist_ok=True)
    records = [("segment", {"role": role}), *contents]
    data = [line(start, number, 1.7e9 + number, kind, encode(tag(each))) for number, (kind, each) in enumerate(records)]
    (folder / "segments" / f"{segment}.jsonl").write_bytes(b"".join(data))


_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("metrics"), st.integers(0, 12)), st.tuples(st.just("rewind"), st.integers(0, 12)),
        st.tuples(st.just("next process"), st.just(0)),
    ),
    max_size=25,
)  # fmt: skip


@settings(deadline=None, max_examples=120)
@given(_EVENTS)
def test_continuing_and_rewinding_in_any_order_gives_what_a_simple_model_gives(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int]]
) -> None:
    """The model: a dictionary from step to the values that count; a rewind deletes what is later."""
    folder = tmp_path_factory.mktemp("model")
    segments: list[list[tuple[str, dict[str, Any]]]] = [[]]
    truth: dict[int, list[tuple[int, int]]] = {}
    for value, (kind, step) in enumerate(events):
        if kind == "next process":
            segments.append([])
        elif kind == "rewind":
            segments[-1].append(("rewind", {"step": step}))
            truth = {each: found for each, found in truth.items() if each <= step}
        else:
            segments[-1].append(("metrics", {"values": {"x": value}, "step": step}))
            place = len(segments)
            before = [found for found in truth.get(step, []) if found[0] == place]  # a later process replaces the step
            truth[step] = [*before, (place, value)]
    for number, contents in enumerate(segments, 1):
        _write(folder, f"{number:04d}-rank0", "main", contents)
    view = RunView.read(folder)
    expected = [(step, value) for step in sorted(truth) for _, value in truth[step]]
    assert [(point["step"], point["value"]) for point in view.history("x")] == expected
    total = sum(kind == "metrics" for kind, _ in events)
    assert len(view.records("metrics")) + len(view.journal.superseded) == total  # kept, only hidden
    assert view.problems == []


def test_ranks_and_segments_are_merged_in_order(tmp_path: Path) -> None:
    _write(tmp_path, "0002-rank1", "rank", [("rank_metrics", {"values": {"m": 1}, "step": 1, "rank": 1})])
    _write(tmp_path, "0001-rank0", "main", [("metrics", {"values": {"x": 1}, "step": 1})])
    _write(tmp_path, "0010-rank0", "main", [("rewind", {"step": 0}), ("metrics", {"values": {"x": 2}, "step": 1})])
    _write(tmp_path, "0009-rank12", "rank", [("rank_metrics", {"values": {"m": 2}, "step": 1, "rank": 12})])
    journal = read_journal(tmp_path)
    assert [segment.name for segment in journal.segments] == ["0001-rank0", "0002-rank1", "0009-rank12", "0010-rank0"]
    assert [segment.rank for segment in journal.segments] == [0, 1, 12, 0]
    # the rewind supersedes what every rank had recorded of later steps
    assert [record.kind for record in journal.superseded] == ["metrics", "rank_metrics", "rank_metrics"]
    assert RunView(journal).history("x")[0]["value"] == 2


def test_a_process_that_died_before_its_first_record_does_not_make_the_run_look_alive(
    begin: Begin, tmp_path: Path
) -> None:
    import json
    import subprocess
    import sys

    run = begin(id="r")
    run.finish("failed")
    assert run.folder is not None
    (run.folder / "segments" / "0002-rank0.jsonl").touch()  # made, and not written to before the kill
    assert view_of(run).status == "failed"
    command = [sys.executable, "-m", "speech_tracker.cli", "list", "--json", "--store", str(tmp_path)]
    (listed,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert listed["status"] == "failed"
