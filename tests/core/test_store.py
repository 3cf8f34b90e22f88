"""Where a run lies, and in which mode it is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

import speech_tracker
from speech_tracker import Client, Run, paths
from speech_tracker.errors import (
    InvalidArgumentError,
    JournalVersionError,
    RunNotFoundError,
    StoreError,
)
from speech_tracker.journal.record import VERSION, opening
from speech_tracker.view import RunView

Begin = Callable[..., Run]


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


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
import speech_tracker.client, speech_tracker.view, speech_tracker.heartbeat, tempfile
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
