"""The catalog says what the journals say, and is never in the way."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import speech_tracker
from speech_tracker.catalog import segment as segment_module
from speech_tracker.catalog.index import open_catalog, rebuild
from speech_tracker.catalog.place import catalog_file
from speech_tracker.catalog.query import list_runs
from speech_tracker.catalog.segment import read_facts
from speech_tracker.catalog.summary import summarize
from speech_tracker.errors import StoreError
from speech_tracker.view import RunView


@pytest.fixture
def store() -> Path:
    return Path(os.environ["SPEECH_TRACKER_DIR"])


@pytest.fixture
def catalog(store: Path) -> Path:
    path = catalog_file(store)
    assert path is not None
    return path


def record(name: str = "run", *, values: int = 3, tags: tuple[str, ...] = (), **options: Any) -> Path:
    settings: dict[str, Any] = {"mode": "local", "capture_environment": False, "tags": ["first"], **options}
    with speech_tracker.init("digits", "asr", name, **settings) as run:
        for step in range(values):
            run.log_metrics({"train/loss": 1.0 / (step + 1)}, step=step)
        for tag in tags:
            run.add_tags(tag)
            run.log_metrics({"train/loss": 0.0}, step=values)
    assert run.folder is not None
    return run.folder


def names(store: Path) -> list[str]:
    return sorted(each.summary.name for each in list_runs(store).runs)


def facts_equal_view(folder: Path) -> None:
    view = RunView.read(folder)
    pieces = [(each.path.stem, read_facts(str(each.path), each.path.stat().st_size)) for each in view.journal.segments]
    found = summarize(folder.name, pieces)
    identity = view.identity
    expected = (identity["name"], identity["project"], identity["task"], identity["tags"], identity["languages"])
    assert (found.name, found.project, found.task, found.tags, found.languages) == expected
    assert found.created == view.created_at
    if found.writer is None:
        assert found.status == view.status


@pytest.mark.parametrize("values", [0, 3, 4000])
def test_a_summary_from_the_ends_equals_the_whole_journal(values: int) -> None:
    folder = record(values=values, tags=("a", "b", "a"), languages=["en"])
    assert (values < 4000) == ((folder / "segments" / "0001-rank0.jsonl").stat().st_size < segment_module.WHOLE)
    facts_equal_view(folder)


def test_a_continued_run_is_summed_up_over_its_segments() -> None:
    folder = record("first", tags=("a",))
    again = record("second", id=folder.name, tags=("b",))
    assert again == folder
    facts_equal_view(folder)
    found = list_runs(folder.parent.parent).runs[0].summary
    assert (found.name, found.tags) == ("second", ["first", "a", "b"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000), pieces=st.lists(st.integers(1, 2000), max_size=5))
def test_of_a_damaged_segment_the_catalog_says_what_the_journal_says(
    tmp_path: Path, cut: int, flip: int, pieces: list[int]
) -> None:
    source = tmp_path / "source.jsonl"
    if not source.exists():
        folder = record(values=10, tags=("a", "b"), languages=["en"], store=tmp_path / "store")
        source.write_bytes((folder / "segments" / "0001-rank0.jsonl").read_bytes())
    data = bytearray(source.read_bytes())
    data[flip % len(data)] ^= 1
    data = data[: max(len(data) - cut % len(data), 1)]
    run = tmp_path / "damaged" / "segments"
    run.mkdir(parents=True, exist_ok=True)
    path = run / "0001-rank0.jsonl"
    path.write_bytes(bytes(data))
    facts, size = None, 0
    for piece in [*pieces, len(data)]:  # seen while it grew
        size = min(size + piece, len(data))
        facts = read_facts(str(path), size, facts)
    found = summarize("damaged", [("0001-rank0", facts)])  # type: ignore[list-item]
    view = RunView.read(run.parent)
    assert (found.name, found.tags, found.created) == (view.identity["name"], view.identity["tags"], view.created_at)
    if found.writer is None:
        assert found.status == view.status


def test_what_is_appended_is_seen_and_what_was_seen_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    record("old")
    run = speech_tracker.init("digits", name="live", mode="local", capture_environment=False)
    assert names(store) == ["live", "old"]
    run.add_tags("later")
    read: list[str] = []
    original = segment_module.read_facts

    def spy(path: str, size: int, before: Any = None) -> Any:
        read.append(path)
        return original(path, size, before)

    monkeypatch.setattr("speech_tracker.catalog.index.read_facts", spy)
    found = {each.summary.name: each.summary for each in list_runs(store).runs}
    assert found["live"].tags == ["later"]
    assert found["live"].status == "running"
    assert [Path(path).parts[-3] for path in read] == [run.id]
    run.finish()
    assert {each.summary.name: each.summary.status for each in list_runs(store).runs}["live"] == "finished"


def test_a_run_that_was_deleted_is_gone(store: Path) -> None:
    folder = record("old")
    record("new")
    assert names(store) == ["new", "old"]
    (folder / "segments" / "0001-rank0.jsonl").unlink()
    (folder / "segments").rmdir()
    assert names(store) == ["new"]


def test_the_catalog_lies_outside_the_store_and_only_its_user_can_enter(store: Path, catalog: Path) -> None:
    record()
    list_runs(store)
    assert catalog.is_file()
    assert store not in catalog.parents
    assert not list(store.rglob("*.sqlite*"))


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_catalog_is_made_again(content: bytes, store: Path, catalog: Path) -> None:
    record("kept")
    assert names(store) == ["kept"]
    for path in catalog.parent.iterdir():
        path.unlink()
    catalog.write_bytes(content)
    assert names(store) == ["kept"]
    assert sqlite3.connect(catalog).execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)


def test_a_catalog_without_one_of_its_tables_is_made_again(store: Path, catalog: Path) -> None:
    record("kept")
    list_runs(store)
    with sqlite3.connect(catalog) as connection:
        connection.execute("DROP TABLE runs")
    connection.close()
    assert names(store) == ["kept"]


def test_a_catalog_that_another_process_writes_is_not_waited_for_long(
    store: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speech_tracker.catalog.index.LOCK_TIMEOUT", 0.05)
    record("old")
    list_runs(store)
    record("new")
    writer = sqlite3.connect(catalog, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        listing = list_runs(store)
        assert sorted(each.summary.name for each in listing.runs) == ["new", "old"]
        assert "locked" in (listing.remark or "")
        assert list_runs(store, sort="train/loss").runs[0].metrics["train/loss"]["count"] == 3
    finally:
        writer.close()
    assert list_runs(store).remark is None


@pytest.mark.parametrize("kind", ["file", "folder in its place"])
def test_without_a_place_for_it_the_journals_are_read(
    kind: str, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record("kept")
    if kind == "file":
        (tmp_path / "cache").write_text("")
        monkeypatch.setenv("SPEECH_TRACKER_CACHE", str(tmp_path / "cache"))
    else:
        path = catalog_file(store)
        assert path is not None
        path.mkdir()
        (path / "something").write_text("")
    listing = list_runs(store)
    assert [each.summary.name for each in listing.runs] == ["kept"]
    assert listing.remark


def test_a_home_on_nfs_is_no_place_for_it(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPEECH_TRACKER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    assert (tmp_path / "home") in (catalog_file(store) or Path()).parents
    monkeypatch.setattr("speech_tracker.catalog.place.kind_of", lambda _: "nfs4")
    path = catalog_file(store)
    assert path is not None
    assert path.parent == tmp_path / "scratch" / f"speech-tracker-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o777)  # somebody else could have put a file there
    assert catalog_file(store) is None


def test_a_rebuilt_catalog_has_the_numbers_of_every_run(store: Path) -> None:
    for number in range(3):
        record(f"run-{number}")
    with rebuild(store) as catalog:
        rows = catalog.connection.execute("SELECT name, least, most FROM metrics").fetchall()
    assert rows == [("train/loss", 1 / 3, 1.0)] * 3


def test_processes_may_ask_at_once(store: Path) -> None:
    for number in range(20):
        record(f"run-{number}")
    command = [sys.executable, "-m", "speech_tracker.cli", "list"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    for process in processes:
        out, err = process.communicate()
        assert (process.returncode, err, len(out.splitlines())) == (0, "", 21)


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        open_catalog(tmp_path / "file")


def test_what_is_no_run_is_left_alone(store: Path, make: Callable[..., Path] = record) -> None:
    make("kept")
    (store / "runs" / "notes.txt").write_text("")
    (store / "runs" / "empty").mkdir()
    assert names(store) == ["kept"]
