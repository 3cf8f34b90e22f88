"""Where a run lies, which run a start continues, and what a continued run supersedes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

import speech_tracker
from speech_tracker import Client, Run, paths
from speech_tracker.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    JournalVersionError,
    RunNotFoundError,
    StoreError,
    UnsafePathError,
)
from speech_tracker.journal.record import VERSION, opening
from speech_tracker.view import RunView

Begin = Callable[..., Run]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    def begun(**options: object) -> Run:
        return speech_tracker.init(
            **{"store": tmp_path / "store", "mode": "local", "capture_environment": False, **options}
        )  # type: ignore[arg-type]

    return begun


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


def values(run: Run, name: str) -> list[tuple[object, object]]:
    return [(point["step"], point["value"]) for point in view_of(run).history(name)]


# ---- the id file -------------------------------------------------------------------------------------------------


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
    with pytest.raises(StoreError, match="Not a directory"):
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


# ---- ids ---------------------------------------------------------------------------------------------------------


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


# ---- the store ---------------------------------------------------------------------------------------------------


def test_a_store_that_is_a_file_is_refused(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("precious")
    with pytest.raises(
        StoreError, match=r"the store is not a folder: got .*, expected a folder; set SPEECH_TRACKER_DIR"
    ):
        begin()
    assert (tmp_path / "store").read_text() == "precious"


def test_a_store_below_a_file_is_refused(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"the store cannot be made \(Not a directory\).*SPEECH_TRACKER_DIR"):
        begin(store=tmp_path / "file" / "store")


def test_a_store_whose_runs_are_a_file_is_refused(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "runs").write_text("x")
    with pytest.raises(StoreError, match="SPEECH_TRACKER_DIR"):
        begin()


def test_a_store_that_this_user_cannot_write_is_refused(tmp_path: Path) -> None:
    """As another user, since root may write everywhere."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become somebody else")
    code = """
import os, sys
import speech_tracker, speech_tracker.view, speech_tracker.heartbeat, tempfile
from speech_tracker.errors import StoreError
os.setuid(65534)
for store in sys.argv[1:]:
    try:
        speech_tracker.init("p", store=store, mode="local", capture_environment=False)
    except StoreError as error:
        print(error)
"""
    closed = tmp_path / "closed"
    (closed / "runs").mkdir(parents=True)
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(closed), str(hidden / "store")], capture_output=True, text=True, check=True
    )
    assert [line for line in done.stdout.splitlines() if "SPEECH_TRACKER_DIR" in line] == done.stdout.splitlines()
    assert len(done.stdout.splitlines()) == 2


def test_the_store_is_the_user_s_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECH_TRACKER_DIR", "~/place")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.store_folder() == tmp_path / "place"
    monkeypatch.delenv("SPEECH_TRACKER_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert paths.store_folder() == tmp_path / "data" / "speech-tracker"


@pytest.mark.parametrize("name", ["with space", "ünïcode 音声", "a'b\"c", "-dash", "%20", "new\nline"])
def test_a_store_of_any_name_works(begin: Begin, tmp_path: Path, name: str) -> None:
    with begin(store=tmp_path / name, experiment_folder=tmp_path / f"{name}-exp") as run:
        run.log_table("t", ["a"], [[1]])
    assert view_of(run).status == "finished"
    with begin(experiment_folder=tmp_path / f"{name}-exp", store=None) as again:
        assert again.id == run.id


def test_a_folder_that_is_no_run_is_told_apart_from_an_empty_run(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="is not the folder of a run: it has no segments/"):
        RunView.read(tmp_path)
    (tmp_path / "segments").mkdir()
    view = RunView.read(tmp_path)
    assert (view.status, view.metrics, view.created_at, view.id) == ("killed", {}, None, tmp_path.name)


def test_a_run_in_a_newer_format_is_neither_read_nor_continued(begin: Begin) -> None:
    run = begin(id="newer")
    run.finish()
    assert run.folder is not None
    segment = run.folder / "segments" / "0002-rank0.jsonl"
    body = opening("newer", "0002-rank0").replace(b'{"v":%d' % VERSION, b'{"v":%d' % (VERSION + 1)) + b'0,"new":1'
    segment.write_bytes(body + b',"crc":"%08x"}\n' % crc32(body))
    before = segment.read_bytes()
    for attempt in (lambda: view_of(run), lambda: begin(id="newer")):
        with pytest.raises(JournalVersionError) as refusal:
            attempt()
        assert str(refusal.value) == (
            f"{segment} is written in journal format {VERSION + 1}, expected at most {VERSION}; upgrade with: "
            "pip install -U speech-tracker"
        )
    assert segment.read_bytes() == before
    assert sorted(path.name for path in segment.parent.iterdir()) == ["0001-rank0.jsonl", "0002-rank0.jsonl"]


# ---- steps that go back --------------------------------------------------------------------------------------------


def test_a_step_that_goes_back_is_kept_and_read_in_order(begin: Begin) -> None:
    with begin() as run:
        for step in (1, 2, 5, 3, 4, 5):
            run.log_metrics({"x": step * 10}, step=step)
    assert values(run, "x") == [
        (1, 10),
        (2, 20),
        (3, 30),
        (4, 40),
        (5, 50),
        (5, 50),
    ]  # within a process nothing is hidden
    assert view_of(run).problems == []


def test_a_rewind_hides_what_came_after_and_keeps_it_in_the_journal(begin: Begin) -> None:
    with begin(id="r") as first:
        for step in range(1, 8):
            first.log_metrics({"x": step, "y": step}, step=step)
        first.log_checkpoint("/c/5.ckpt", step=5)
        first.log_metrics({"without a step": 1})
    with begin(id="r") as again:
        again.rewind(step=5)
        again.log_metrics({"x": 600}, step=6)
    assert values(again, "x") == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 600)]
    assert values(again, "y") == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
    view = view_of(again)
    assert [record.data["step"] for record in view.journal.superseded] == [6, 7]
    assert values(again, "without a step") == [(None, 1)]
    assert len(view.checkpoints) == 1
    assert (view.journal.missing, view.problems) == ((), [])


def test_a_rewind_by_epoch_hides_later_epochs(begin: Begin) -> None:
    with begin() as run:
        for epoch in range(4):
            run.log_metrics({"x": epoch}, epoch=epoch)
            run.log_metrics({"y": epoch}, step=epoch * 10, epoch=epoch)
        run.rewind(epoch=1)
        run.log_metrics({"x": 20}, epoch=2)
    view = view_of(run)
    assert [point["value"] for point in view.history("x")] == [0, 1, 20]
    assert [point["value"] for point in view.history("y")] == [0, 1]


def test_rewinds_add_up(begin: Begin) -> None:
    with begin() as run:
        for step in range(10):
            run.log_metrics({"x": step}, step=step)
        run.rewind(step=6)
        run.log_metrics({"x": 70}, step=7)
        run.rewind(step=3)
        run.log_metrics({"x": 40}, step=4)
    assert values(run, "x") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 40)]
    assert len(view_of(run).journal.superseded) == 7


def test_a_step_repeated_by_a_continued_run_replaces_the_earlier_one_even_without_a_rewind(begin: Begin) -> None:
    with begin(id="r") as run:
        for step in range(5):
            run.log_metrics({"x": step}, step=step)
    with begin(id="r") as run:
        for step in (3, 4, 5):
            run.log_metrics({"x": step * 100}, step=step)
    assert values(run, "x") == [(0, 0), (1, 1), (2, 2), (3, 300), (4, 400), (5, 500)]


def test_a_handle_elsewhere_cannot_hide_the_run_s_history(begin: Begin) -> None:
    import pickle

    run = begin()
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    other = pickle.loads(pickle.dumps(run))
    other.rewind(step=0)
    other.finish()
    run.finish()
    assert len(values(run, "x")) == 5


# ---- time --------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_changes_neither_order_nor_status(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(id="clock")
    now = time.time()
    moments = iter([now, now - 3600, now - 7200, 0.0, now + 10**6] + [now] * 50)
    monkeypatch.setattr("speech_tracker.journal.writer.time.time", lambda: next(moments))
    for step in range(5):
        run.log_metrics({"x": step}, step=step)
    monkeypatch.undo()
    view = view_of(run)
    assert [point["value"] for point in view.history("x")] == [0, 1, 2, 3, 4]
    assert view.metrics["x"]["last"] == 4
    assert view.status == "running"
    assert view.problems == []
    run.finish()
    assert view_of(run).status == "finished"


def test_a_moment_given_by_the_caller_is_kept_beside_the_clock_s(begin: Begin) -> None:
    with begin(created_at=1_000_000_000.0) as run:
        run.log_metrics({"x": 1}, step=1, time=1_000_000_060.5)
    view = view_of(run)
    assert view.history("x")[0]["time"] == 1_000_000_060.5
    assert view.created_at == 1_000_000_000.0
    assert view.records("metrics")[0].time > 1.7e9


# ---- clients and modes -------------------------------------------------------------------------------------------


def test_a_client_s_runs_share_project_store_and_experiment(tmp_path: Path) -> None:
    client = Client("digits", store=tmp_path, mode="local")
    experiment = client.create_experiment("conformer", "speech-recognition", "layers")
    with experiment.start_run("small", tags=["a"], capture_environment=False) as run:
        pass
    identity = view_of(run).identity
    assert {key: identity[key] for key in ("project", "experiment", "task", "description", "name", "tags")} == {
        "project": "digits", "experiment": "conformer", "task": "asr", "description": "layers", "name": "small", "tags": ["a"],
    }  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="unknown task"):
        client.create_experiment("x", "asrr")
    with pytest.raises(InvalidArgumentError, match="`name` is empty"):
        client.create_experiment("")


def test_the_active_run_is_the_last_one_that_has_not_ended(begin: Begin) -> None:
    assert speech_tracker.active_run() is None
    one, two = begin(), begin()
    assert speech_tracker.active_run() is two
    two.finish()
    assert speech_tracker.active_run() is one
    one.finish()
    assert speech_tracker.active_run() is None


@pytest.mark.parametrize("mode", ["offline", "online", "local", None])
def test_without_wandb_everything_is_recorded_locally(tmp_path: Path, mode: str | None) -> None:
    code = f"""
import sys
import importlib.machinery
class NoWandb:
    def find_spec(self, name, path=None, target=None):
        places = sys.path if path is None else path
        if name.partition(".")[0] == "wandb":   # as if it were in no site-packages
            places = [place for place in places if "site-packages" not in place]
        return importlib.machinery.PathFinder.find_spec(name, places, target)
sys.meta_path[:] = [each for each in sys.meta_path if each is not importlib.machinery.PathFinder] + [NoWandb()]
import speech_tracker
from speech_tracker.view import RunView
with speech_tracker.init("p", store={str(tmp_path)!r}, mode={mode!r}) as run:
    run.log_metrics({{"a": 1}}, step=1)
print(run.mode, RunView.read(run.folder).status, RunView.read(run.folder).metrics["a"]["count"], "wandb" in sys.modules)
"""
    environment = {key: value for key, value in os.environ.items() if key != "WANDB_MODE"}
    (tmp_path / "wandb").mkdir()  # the folder that W&B keeps its runs in, from another environment
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.stdout == "local finished 1 False\n", done.stderr
    warned = "needs wandb, which is not installed" in done.stderr
    assert warned == (mode in ("offline", "online"))
    assert not warned or "pip install 'speech-tracker[wandb]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "mode"),
    [
        ({"SPEECH_TRACKER_MODE": "local"}, "local"),
        ({"SPEECH_TRACKER_MODE": "disabled", "WANDB_MODE": "online"}, "disabled"),
        ({"WANDB_MODE": "disabled"}, "disabled"),
        ({"WANDB_MODE": "dryrun"}, "offline"),
    ],
)
def test_the_mode_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], mode: str
) -> None:
    from speech_tracker import client

    monkeypatch.delenv("WANDB_MODE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert client._mode(None) == mode


def test_a_wrong_mode_in_the_environment_is_refused_by_its_name(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_TRACKER_MODE", "onlien")
    with pytest.raises(InvalidArgumentError, match="unknown SPEECH_TRACKER_MODE: got 'onlien'"):
        begin(mode=None)


# ---- adding to a run from another process ------------------------------------------------------------------------


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
