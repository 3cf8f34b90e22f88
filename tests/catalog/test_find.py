from __future__ import annotations

import os
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.catalog.find import find_run
from speech_tracker.errors import AmbiguousRunError, RunNotFoundError, StoreError, UnsafePathError


@pytest.fixture
def store() -> Path:
    return Path(os.environ["SPEECH_TRACKER_DIR"])


def record(run_id: str, name: str, created: float = 0.0) -> Path:
    with speech_tracker.init(
        "digits", name=name, id=run_id, mode="local", capture_environment=False, created_at=created
    ) as run:
        pass
    assert run.folder is not None
    return run.folder


def test_id_name_prefix_and_latest(store: Path) -> None:
    first = record("abc1", "conformer", created=2.0)
    second = record("abd2", "transformer/v2", created=1.0)
    assert find_run(store, "abc1") == first
    assert find_run(store, "abd") == second
    assert find_run(store, "transformer/v2") == second
    assert find_run(store, "latest") == first


def test_an_id_comes_before_a_name_and_a_name_before_a_prefix(store: Path) -> None:
    by_id = record("abc", "other")
    record("zzz", "abc")
    by_name = record("yyy", "ab")
    assert find_run(store, "abc") == by_id
    assert find_run(store, "ab") == by_name


@pytest.mark.parametrize("text", ["ab", "twin"])
def test_several_are_named_the_newest_first(text: str, store: Path) -> None:
    record("abc1", "twin", created=1.0)
    record("abd2", "twin", created=2.0)
    with pytest.raises(AmbiguousRunError, match=r"abd2 \(twin, finished\), abc1 \(twin, finished\)"):
        find_run(store, text)


@pytest.mark.parametrize("text", ["../secret", "../runs/abc1", "/etc/passwd", "..", ".", "a/../b"])
def test_a_path_is_refused_even_where_it_leads_to_a_run(text: str, store: Path) -> None:
    record("abc1", "one")
    (store / "secret" / "segments").mkdir(parents=True)
    with pytest.raises(UnsafePathError, match="not given by a path"):
        find_run(store, text)


def test_what_comes_close_is_named(store: Path) -> None:
    record("abc1", "conformer-large")
    with pytest.raises(RunNotFoundError, match=r"close to it: abc1 \(conformer-large, finished\)"):
        find_run(store, "confromer-large")


def test_an_empty_store_says_how_to_begin(store: Path) -> None:
    with pytest.raises(RunNotFoundError, match="holds no runs"):
        find_run(store, "latest")


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        find_run(tmp_path / "file", "latest")


def test_a_name_with_a_lone_surrogate_is_found(store: Path) -> None:
    folder = record("abc1", "half \udc80")
    assert find_run(store, "half \udc80") == folder
