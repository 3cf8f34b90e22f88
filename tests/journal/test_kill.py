"""What was acknowledged survives SIGKILL: hundreds of real logging processes, killed at random moments."""

from __future__ import annotations

import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import speech_tracker
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.record import Record
from speech_tracker.journal.tail import Tail
from speech_tracker.view import RunView

PROGRAM = Path(__file__).with_name("logging_process.py")
KILLS = 220


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("logging_process", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    store = tmp_path_factory.mktemp("killed") / "store with a space"
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(store), str(KILLS)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return store, [json.loads(line) for line in done.stdout.splitlines()]


def _runs(killed: tuple[Path, list[dict[str, Any]]]) -> list[tuple[Path, dict[str, Any]]]:
    store, runs = killed
    return [(store / "runs" / run["run"], run) for run in runs if run["acknowledged"]]


def _logged(records: list[Record]) -> list[Record]:
    """The records of `calls`: what the main process wrote after it had begun the run."""
    main = [record for record in records if record.segment == "0001-rank0"]
    begun = next(index for index, record in enumerate(main) if record.kind == "status")
    return [record for record in main[begun + 1 :] if not _of_thread(record)]


def _of_thread(record: Record) -> bool:
    return record.kind == "metrics" and any(name.startswith("thread") for name in record.data["values"])


def _counted(view: RunView, name: str) -> int:
    return len(view.history(f"{name}/value"))


def _meaning(view: RunView) -> dict[str, Any]:
    """Everything that a view says, without times and places, which differ between any two runs. As text, so that NaN is equal to itself."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(each) for key, each in value.items() if key not in ("time", "file", "size")}
        return [bare(each) for each in value] if isinstance(value, list) else value

    tables = [json.loads((view.folder / record.data["file"]).read_bytes()) for record in view.records("table")]
    return {
        name: repr(bare(value))
        for name, value in {
            "tags": view.identity["tags"], "config": view.config, "speech": view.speech, "histories": view.histories,
            "metrics": view.metrics, "checkpoints": view.checkpoints, "datasets": view.datasets, "links": view.links,
            "events": view.events, "problems": [record.data for record in view.records("problem")], "json": [record.data for record in view.records("json")],
            "tables": tables,
        }.items()
    }  # fmt: skip


def test_every_process_was_killed_and_most_had_acknowledged_records(killed: tuple[Path, list[dict[str, Any]]]) -> None:
    _, runs = killed
    assert len(runs) == KILLS >= 200
    assert {run["signal"] for run in runs} == {9}
    shapes = Counter(run["shape"] for run in runs)
    assert shapes["group"] == KILLS // 2  # half with the process group, half alone
    assert shapes["one"] + shapes["threads"] == KILLS // 2
    assert sum(sum(run["acknowledged"].values()) > 1 for run in runs) > KILLS / 2
    assert sum(sum(run["acknowledged"].values()) for run in runs) > 10_000


def test_every_acknowledged_record_is_read_back_without_repair(
    killed: tuple[Path, list[dict[str, Any]]], program: ModuleType
) -> None:
    for folder, run in _runs(killed):
        acknowledged = run["acknowledged"]
        journal = read_journal(folder)
        # the kernel may cut a write short when it kills: the unacknowledged end of a segment, nothing else
        assert all(damage.torn for damage in journal.damage), run
        assert max(Counter(damage.path for damage in journal.damage).values(), default=0) <= 1, run
        # a thread that had its number and not yet written when the process died: at most one each
        assert sum(last - first + 1 for _, first, last in journal.missing) < program.THREADS + 1, run
        assert run["shape"] == "threads" or journal.missing == (), run
        logged = len(_logged(list(journal.records)))
        # one more at most: the record whose call was under way when the process died
        assert acknowledged.get("main", 0) <= logged <= acknowledged.get("main", 0) + 1, run
        view = RunView(journal)
        for name in acknowledged.keys() - {"main", "init"}:
            steps = [point["step"] for point in view.history(f"{name}/value")]
            assert steps == list(range(1, len(steps) + 1)), run  # in order, none missing
            assert acknowledged[name] <= len(steps) <= acknowledged[name] + 1, run
        assert view.status == "killed"


def test_the_view_of_a_killed_run_equals_that_of_an_unkilled_twin(
    killed: tuple[Path, list[dict[str, Any]]], program: ModuleType, tmp_path: Path
) -> None:
    for folder, run in _runs(killed):
        view = RunView.read(folder)
        logged = len(_logged(list(view.journal.records)))
        counted = {name: _counted(view, name) for name in ("thread0", "thread1", "thread2", "worker")}
        twin = speech_tracker.init(
            "kill", "asr", id=run["run"], store=tmp_path, mode="local", capture_environment=False
        )
        with twin:
            for call in itertools.islice(program.calls(run["seed"]), logged):
                call(twin)
            for name, count in counted.items():
                program.log_thread(twin, name, lambda _: None, limit=count)
        assert twin.folder is not None
        assert _meaning(view) == _meaning(RunView.read(twin.folder)), run


def test_following_the_journal_gives_the_same_records(killed: tuple[Path, list[dict[str, Any]]]) -> None:
    for folder, _ in _runs(killed)[:60]:
        followed = sorted(Tail(folder).poll(), key=lambda record: (record.segment, record.number))
        assert repr(followed) == repr(list(read_journal(folder).records))


def test_a_killed_run_goes_on_where_it_was(killed: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    for original, run in _runs(killed)[-20:]:
        folder = tmp_path / "runs" / run["run"]
        shutil.copytree(original, folder)
        before = read_journal(folder)
        with speech_tracker.init(
            "kill", id=run["run"], store=tmp_path, mode="local", capture_environment=False
        ) as again:
            assert again.resumed
            again.log_metrics({"train/loss": 0.5}, step=10**9)
        after = RunView.read(folder)
        assert after.status == "finished"
        assert after.history("train/loss")[-1]["value"] == 0.5
        assert repr(after.journal.records[: len(before.records)]) == repr(before.records)
