"""Which run a start continues: the id file of an experiment's folder, ids, handles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker import Run, paths
from speech_tracker.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    RunNotFoundError,
    StoreError,
    UnsafePathError,
)
from speech_tracker.journal import reader
from speech_tracker.journal.record import parse
from speech_tracker.view import RunView

Begin = Callable[..., Run]


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


def values(run: Run, name: str) -> list[tuple[object, object]]:
    return [(point["step"], point["value"]) for point in view_of(run).history(name)]


def test_the_folder_of_an_experiment_remembers_its_run(begin: Begin, tmp_path: Path) -> None:
    exp = tmp_path / "exp dir" / "conformer"
    with begin(experiment_folder=exp, project="digits", tags=["a"], task="asr") as first:
        first.log_metrics({"loss": 3.0}, step=1)
        first.add_tags("later")
    assert json.loads((exp / ".speech_tracker" / "run.json").read_text()) == {
        "run_id": first.id, "store": str(tmp_path / "store"), "project": "digits"
    }  # fmt: skip
    with begin(experiment_folder=exp) as second:
        second.log_metrics({"loss": 2.0}, step=2)
    assert (second.id, second.resumed, second.name, second.project) == (first.id, True, "conformer", "digits")
    assert values(second, "loss") == [(1, 3.0), (2, 2.0)]
    view = view_of(second)
    assert view.identity["tags"] == ["a", "later"]
    assert view.identity["task"] == "asr"
    assert [segment.name for segment in view.journal.segments] == ["0001-rank0", "0002-rank0"]


def test_tags_that_were_added_survive_a_requeue_that_states_its_own(begin: Begin, tmp_path: Path) -> None:
    with begin(experiment_folder=tmp_path / "exp", tags=["baseline"]) as run:
        run.add_tags("good")
    with begin(experiment_folder=tmp_path / "exp", tags=["baseline"]) as run:
        assert view_of(run).identity["tags"] == ["baseline", "good"]


def test_a_store_named_now_wins_over_the_remembered_one(begin: Begin, tmp_path: Path) -> None:
    run = begin(experiment_folder=tmp_path / "exp", store=tmp_path / "one")
    run.finish()
    again = begin(experiment_folder=tmp_path / "exp", store=tmp_path / "two")
    assert again.id == run.id
    assert again.folder == tmp_path / "two" / "runs" / run.id


def test_the_remembered_store_is_used_from_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"experiment_folder": tmp_path / "exp", "mode": "local", "capture_environment": False}
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(tmp_path / "one"))
    run = speech_tracker.init(**options)  # type: ignore[arg-type]
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(tmp_path / "two"))
    assert speech_tracker.init(**options).folder == run.folder  # type: ignore[arg-type]


def test_resume_never_begins_a_new_run_in_the_same_folder(begin: Begin, tmp_path: Path) -> None:
    first = begin(experiment_folder=tmp_path / "exp")
    first.finish()
    second = begin(experiment_folder=tmp_path / "exp", resume="never")
    assert second.id != first.id
    assert paths.recall(tmp_path / "exp").run == second.id  # type: ignore[union-attr]


def test_resume_must_continues_and_refuses_to_begin(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no run to continue"):
        begin(experiment_folder=tmp_path / "exp", resume="must")
    begin(experiment_folder=tmp_path / "exp").finish()
    assert begin(experiment_folder=tmp_path / "exp", resume="must").resumed


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b"{}", b'{"run_id": "a"}', b'{"run_id": "../up", "store": "/x"}',
     b'{"run_id": 5, "store": "/x"}', b"\xff\xfe\x00", b'{"run_id": "a", "store": 7}'],
)  # fmt: skip
def test_a_damaged_id_file_is_for_the_user_to_decide(begin: Begin, tmp_path: Path, content: bytes) -> None:
    path = paths.id_file(tmp_path / "exp")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        begin(experiment_folder=tmp_path / "exp")
    message = str(refusal.value)
    assert str(path) in message
    assert "put the id back" in message
    assert "delete the file to begin a new run" in message
    assert path.read_bytes() == content
    assert begin(experiment_folder=tmp_path / "exp", resume="never").id  # the way out that needs no editor


def test_an_id_file_that_is_a_folder_is_reported_as_such(begin: Begin, tmp_path: Path) -> None:
    paths.id_file(tmp_path / "exp").mkdir(parents=True)
    with pytest.raises(StoreError, match="Is a directory"):
        begin(experiment_folder=tmp_path / "exp")


def test_an_experiment_folder_that_is_a_file_is_refused(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "exp").write_text("a file")
    with pytest.raises(StoreError, match="is not a folder"):
        begin(experiment_folder=tmp_path / "exp")


@pytest.mark.expects_swallowed
def test_an_experiment_folder_that_cannot_be_written_costs_only_the_memory_of_the_id(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(paths, "remember", refuse)
    with begin(experiment_folder=tmp_path / "exp") as run:
        run.log_metrics({"a": 1})
    assert view_of(run).metrics["a"]["count"] == 1


def test_the_id_file_is_replaced_whole(tmp_path: Path) -> None:
    paths.remember(tmp_path, "first", tmp_path)
    paths.remember(tmp_path, "second", tmp_path)
    assert [path.name for path in (tmp_path / ".speech_tracker").iterdir()] == ["run.json"]
    assert paths.recall(tmp_path).run == "second"  # type: ignore[union-attr]


def test_a_killed_process_is_continued_by_the_same_recipe(tmp_path: Path) -> None:
    code = f"""
import os, sys, speech_tracker
run = speech_tracker.init(experiment_folder={str(tmp_path / "exp")!r}, store={str(tmp_path / "store")!r}, mode="local",
                          capture_environment=False)
run.log_metrics({{"loss": float(sys.argv[1])}}, step=int(sys.argv[1]))
print(run.id, run.resumed)
sys.stdout.flush()
os.kill(os.getpid(), 9)
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code, str(number)], capture_output=True, text=True, check=False
        ).stdout.split()
        for number in range(3)
    ]
    assert len({run_id for run_id, _ in said}) == 1
    assert [resumed for _, resumed in said] == ["False", "True", "True"]
    view = RunView.read(tmp_path / "store" / "runs" / said[0][0])
    assert [point["value"] for point in view.history("loss")] == [0.0, 1.0, 2.0]
    assert view.status == "killed"


def test_two_runs_with_one_id_are_one_run(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    with begin(id="same", name="first", config={"a": 1, "b": 1}):
        pass
    with begin(id="same", config={"b": 2}) as second:
        assert second.resumed
    assert view_of(second).config == {"a": 1, "b": 2}
    assert view_of(second).identity["name"] == "first"
    assert not caplog.records  # the first had ended: nothing to warn of
    with pytest.raises(InvalidArgumentError, match="a run with this id exists: got 'same', expected a new id"):
        begin(id="same", resume="never")


def test_a_run_that_is_still_written_may_be_continued_with_a_warning(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    begin(id="same")
    begin(id="same")
    assert f"run same is being written by process {os.getpid()}" in caplog.text


@pytest.mark.parametrize("variable", ["SPEECH_TRACKER_RUN_ID", "WANDB_RUN_ID"])
def test_the_id_may_come_from_the_environment(begin: Begin, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "from-env")
    assert begin().id == "from-env"
    monkeypatch.setenv(variable, "../../etc")
    with pytest.raises(UnsafePathError, match=variable):
        begin()


@pytest.mark.parametrize("run_id", ["a", "A9_-", "x" * 64, "0"])
def test_a_safe_id_is_taken(run_id: str) -> None:
    assert paths.check_id(run_id) == run_id


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "a/b", "a\\b", "a b", "a\n", "\na", "é", "a" * 65, "_a", "-a", "a.b", "a\x00"]
)
def test_an_unsafe_id_is_refused(run_id: str) -> None:
    with pytest.raises(UnsafePathError, match="not a run id"):
        paths.check_id(run_id)


def test_an_id_is_text() -> None:
    with pytest.raises(InvalidTypeError, match="a run id is text"):
        paths.check_id(7)  # type: ignore[arg-type]


def test_new_ids_are_safe_and_differ() -> None:
    ids = {paths.new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert {len(paths.check_id(run_id)) for run_id in ids} == {8}


def test_a_decoding_job_may_add_to_a_run_that_has_ended_without_changing_how_it_ended(
    begin: Begin, tmp_path: Path
) -> None:
    with begin(experiment_folder=tmp_path / "exp", name="conformer", task="asr") as run:
        run.log_metrics({"x": 1}, step=1)
    with speech_tracker.attach(tmp_path / "exp") as handle:
        assert (handle.id, handle.name, handle.task) == (run.id, "conformer", "asr")
        handle.log_metrics({"test/clean/wer": 0.1})
    view = view_of(run)
    assert view.status == "finished"
    assert view.metrics["test/clean/wer"]["last"] == 0.1
    assert [segment.role for segment in view.journal.segments] == ["main", "attached"]


def test_a_job_that_dies_while_it_adds_to_a_run_leaves_its_status_alone(begin: Begin, tmp_path: Path) -> None:
    run = begin(id="r")
    run.finish("failed", reason="diverged")
    code = f"""
import os, speech_tracker
speech_tracker.attach(id="r", store={str(tmp_path / "store")!r}).log_metrics({{"y": 1}})
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    view = view_of(run)
    assert (view.status, view.status_reason, view.metrics["y"]["count"]) == ("failed", "diverged", 1)


def test_adding_to_a_run_that_is_not_there_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="no run to add to"):
        speech_tracker.attach(tmp_path)
    with pytest.raises(RunNotFoundError, match="is not the folder of a run"):
        speech_tracker.attach(id="absent", store=tmp_path)


def test_a_long_run_is_not_read_through_to_be_continued_or_added_to(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begin(experiment_folder=tmp_path / "exp", name="long", project="digits") as run:
        for step in range(500):
            run.log_metrics({"loss": 1.0}, step=step)
    parsed: list[bytes] = []
    monkeypatch.setattr(reader, "parse", lambda text: parsed.append(text) or parse(text))  # type: ignore[func-returns-value]
    with begin(experiment_folder=tmp_path / "exp") as again:
        assert (again.id, again.name, again.project) == (run.id, "long", "digits")
    speech_tracker.attach(tmp_path / "exp").finish()
    assert 0 < len(parsed) < 50
