"""Forks, spawned processes, pickles, threads and ranks: every record in a segment of its own process, none twice."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker import Run
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.writer import SegmentWriter
from speech_tracker.ranks import RANK_VARIABLES, rank, world_size
from speech_tracker.view import RunView

Begin = Callable[..., Run]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    def begun(**options: object) -> Run:
        return speech_tracker.init(store=tmp_path / "store", mode="local", capture_environment=False, **options)  # type: ignore[arg-type]

    return begun


def view_of(run: Run) -> RunView:
    assert run.folder is not None
    return RunView.read(run.folder)


def in_fork(work: Callable[[], None]) -> int:
    """Run `work` in a forked child and return its wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            os._exit(99)
    return os.waitpid(child, 0)[1]


def test_a_forked_process_writes_a_segment_of_its_own(begin: Begin) -> None:
    run = begin()
    run.log_metrics({"parent": 1}, step=1)
    assert in_fork(lambda: run.log_metrics({"child": 2}, step=1)) == 0
    run.log_metrics({"parent": 3}, step=2)
    run.finish()
    view = view_of(run)
    assert [(segment.name, segment.role) for segment in view.journal.segments] == [
        ("0001-rank0", "main"), ("0002-rank0", "forked")
    ]  # fmt: skip
    assert [point["value"] for point in view.history("parent")] == [1, 3]
    assert [point["value"] for point in view.history("child")] == [2]
    assert (view.status, view.problems, view.journal.missing) == ("finished", [], ())


def test_a_fork_that_logs_nothing_leaves_nothing(begin: Begin) -> None:
    run = begin()
    assert in_fork(lambda: None) == 0
    assert len(view_of(run).journal.segments) == 1


def test_a_forked_process_does_not_end_its_parent_s_run(begin: Begin) -> None:
    run = begin()
    in_fork(lambda: (run.log_metrics({"a": 1}), run.finish("failed")))  # type: ignore[func-returns-value, arg-type, return-value]
    assert view_of(run).status == "running"
    run.log_metrics({"a": 2})
    run.finish()
    assert view_of(run).status == "finished"
    assert {point["value"] for point in view_of(run).history("a")} == {1, 2}


def test_a_forked_process_that_is_killed_changes_nothing_for_its_parent(begin: Begin) -> None:
    run = begin()
    status = in_fork(lambda: (run.log_metrics({"a": 1}), os.kill(os.getpid(), signal.SIGTERM)))  # type: ignore[func-returns-value, arg-type, return-value]
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert view_of(run).status == "running"
    run.finish()
    assert view_of(run).status == "finished"


def test_a_fork_of_a_fork_and_many_forks_at_once_never_share_a_segment(begin: Begin) -> None:
    run = begin()

    def work() -> None:
        run.log_metrics({"depth": 1})
        in_fork(lambda: run.log_metrics({"depth": 2}))
        run.log_metrics({"depth": 3})

    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                work()
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    view = view_of(run)
    assert sorted(point["value"] for point in view.history("depth")) == [1] * 8 + [2] * 8 + [3] * 8
    assert len(view.journal.segments) == 17
    assert view.problems == []


def test_a_fork_in_the_middle_of_threads_that_log_neither_hangs_nor_loses(begin: Begin) -> None:
    run = begin()
    stop = threading.Event()
    counts = [0] * 3

    def log(number: int) -> None:
        while not stop.is_set():
            counts[number] += 1
            run.log_metrics({f"t{number}": counts[number]})

    threads = [threading.Thread(target=log, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    statuses = [in_fork(lambda: run.log_metrics({"child": 1})) for _ in range(20)]
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 20
    view = view_of(run)
    assert len(view.history("child")) == 20
    for number in range(3):
        assert [point["value"] for point in view.history(f"t{number}")] == list(range(1, counts[number] + 1))
    assert view.journal.missing == ()


def test_workers_of_a_data_loader_may_log(begin: Begin) -> None:
    import torch.utils.data

    run = begin()

    class Data(torch.utils.data.Dataset[int]):
        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> int:
            run.log_metrics({"data/loaded": index})
            return index

    loader = torch.utils.data.DataLoader(Data(), num_workers=2, multiprocessing_context="fork")
    assert sorted(int(batch) for batch in loader) == list(range(12))
    run.finish()
    view = view_of(run)
    assert sorted(point["value"] for point in view.history("data/loaded")) == list(range(12))
    assert [segment.role for segment in view.journal.segments] == ["main", "forked", "forked"]


def _spawned(run: Run, number: int) -> None:
    run.log_metrics({"spawned": number}, step=number)
    run.log_event("worker", number=number)
    run.finish("failed")  # only closes this handle


def test_a_pickled_run_logs_from_a_spawned_process_and_does_not_end_there(begin: Begin) -> None:
    run = begin()
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.starmap(_spawned, [(run, number) for number in range(4)])
    run.finish()
    view = view_of(run)
    assert [point["value"] for point in view.history("spawned")] == [0, 1, 2, 3]
    assert {segment.role for segment in view.journal.segments} == {"main", "attached"}
    assert view.status == "finished"


def test_an_unpickled_run_is_the_same_run_and_opens_nothing_until_it_logs(begin: Begin) -> None:
    run = begin(task="asr", name="n")
    handle = pickle.loads(pickle.dumps(run))
    assert (handle.id, handle.name, handle.project, handle.task, handle.folder) == (
        run.id, run.name, run.project, run.task, run.folder
    )  # fmt: skip
    assert len(view_of(run).journal.segments) == 1
    handle.log_metrics({"a": 1})
    handle.finish()
    assert [segment.role for segment in view_of(run).journal.segments] == ["main", "attached"]
    assert view_of(run).status == "running"
    assert copy.deepcopy(run).id == run.id  # trainers copy their callbacks


def test_a_disabled_run_pickles_too() -> None:
    run = pickle.loads(pickle.dumps(speech_tracker.init(mode="disabled")))
    run.log_metrics({"a": 1})
    assert run.mode == "disabled"
    assert run.folder is None


def test_threads_log_at_once_and_nothing_is_lost_or_torn(begin: Begin) -> None:
    run = begin()
    barrier = threading.Barrier(8)

    def log(number: int) -> None:
        barrier.wait()
        for step in range(500):
            run.log_metrics({f"t{number}": step, "pad": "x" and 1.0}, step=step)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    run.finish()
    view = view_of(run)
    for number in range(8):
        assert [point["value"] for point in view.history(f"t{number}")] == list(range(500))
    assert (view.problems, view.journal.damage, view.journal.missing) == ([], (), ())


def test_a_thread_may_log_while_another_one_finishes_the_run(begin: Begin, tmp_path: Path) -> None:
    """The descriptor stays open as long as anybody may write to it: a late record never lands in somebody else's file."""
    for attempt in range(20):
        run = begin()
        stop, logged = threading.Event(), [0]

        def log(run: Run = run, stop: threading.Event = stop, logged: list[int] = logged) -> None:
            while not stop.is_set():
                run.log_metrics({"x": logged[0]})
                logged[0] += 1

        thread = threading.Thread(target=log)
        thread.start()
        time.sleep(0.001)
        run.finish()
        others = [(tmp_path / f"checkpoint{attempt}-{number}").open("wb") for number in range(5)]
        stop.set()
        thread.join()
        for other in others:
            other.close()
        assert all(path.stat().st_size == 0 for path in tmp_path.glob("checkpoint*"))
        assert view_of(run).status == "finished"
        assert view_of(run).problems == []


def test_a_finished_run_gives_its_descriptor_back_once_nobody_holds_it(begin: Begin) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    begin().finish()
    before = descriptors()
    for _ in range(30):
        begin().finish()
    assert descriptors() <= before + 2


def test_two_processes_may_write_to_one_run_at_the_same_time(
    begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = begin(id="shared")
    run.log_metrics({"first": 1}, step=1)
    code = f"""
import speech_tracker
run = speech_tracker.init(id="shared", store={str(tmp_path / "store")!r}, mode="local", capture_environment=False)
for step in range(5):
    run.log_metrics({{"second": step}}, step=step)
run.finish()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"run shared is being written by process {os.getpid()}" in done.stderr
    run.log_metrics({"first": 2}, step=2)
    run.finish()
    view = view_of(run)
    assert [point["value"] for point in view.history("first")] == [1, 2]
    assert [point["value"] for point in view.history("second")] == [0, 1, 2, 3, 4]
    assert len(view.journal.segments) == 2


def test_two_processes_begun_in_one_experiment_folder_at_once_lose_nothing(tmp_path: Path) -> None:
    code = f"""
import speech_tracker, sys
run = speech_tracker.init(experiment_folder={str(tmp_path / "exp")!r}, store={str(tmp_path / "store")!r}, mode="local",
                          capture_environment=False)
run.log_metrics({{sys.argv[1]: 1}})
run.finish()
print(run.id)
"""
    (tmp_path / "exp").mkdir()
    children = [
        subprocess.Popen([sys.executable, "-c", code, f"process{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    ids = {child.communicate()[0].strip() for child in children}
    assert [child.returncode for child in children] == [0] * 4
    seen = set()
    for run_id in ids:  # one run, or several where they began in the same millisecond; each is whole
        view = RunView.read(tmp_path / "store" / "runs" / run_id)
        seen |= set(view.metrics)
        assert view.problems == []
    assert seen == {f"process{number}" for number in range(4)}


def test_segment_numbers_never_clash_however_many_open_at_once(tmp_path: Path) -> None:
    children = []
    for number in range(12):
        child = os.fork()
        if child == 0:
            try:
                writer = SegmentWriter(tmp_path, "r", rank=number % 2, header={"role": "main"})
                for value in range(20):
                    writer.append("metrics", {"values": {f"p{number}": value}, "step": value})
                os._exit(0)
            finally:
                os._exit(99)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 12
    journal = read_journal(tmp_path)
    assert len(journal.segments) == 12
    assert {segment.records for segment in journal.segments} == {21}
    assert (journal.damage, journal.missing) == ((), ())


# ---- ranks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", [*RANK_VARIABLES, "LOCAL_RANK"])
def test_a_rank_other_than_0_is_silent_whoever_launched_it(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "3")
    assert rank() == 3
    run = begin(config={"a": 1})
    run.log_metrics({"a": 1}, step=1)
    run.log_table("t", ["a"], [[1]])
    run.log_config({"b": 2})
    run.finish()
    assert not run.is_main
    assert not (tmp_path / "store").exists()


def test_slurm_s_rank_counts_only_inside_a_step_of_several_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "2")
    assert rank() == 0  # sbatch without srun
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert rank() == 0
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert rank() == 2
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert world_size() == 4
    monkeypatch.setenv("RANK", "1")  # torchrun inside a step knows better
    assert rank() == 1
    monkeypatch.setenv("RANK", "not a number")
    assert rank() == 0


RANK_PROGRAM = """
import os, sys, time
import speech_tracker
rank = int(os.environ["RANK"])
time.sleep(float(sys.argv[1]) if rank == 0 else 0)
options = {key: value for key, value in (part.split("=", 1) for part in sys.argv[3:])}
with speech_tracker.init("ranks", store=sys.argv[2], mode="local", capture_environment=False, **options) as run:
    for step in range(20):
        run.log_metrics({"loss": step}, step=step)
        run.log_rank_metrics({"gpu_memory": 100 * rank + step}, step=step)
    time.sleep(float(sys.argv[1]) if rank else 0)
    run.log_rank_metrics({"last": rank}, step=20)
"""


@pytest.mark.parametrize("late", ["0", "1.2"], ids=["at once", "rank 0 late"])
@pytest.mark.parametrize("known_by", ["id", "experiment_folder"])
def test_metrics_of_ranks_come_into_one_run_without_duplicates(tmp_path: Path, late: str, known_by: str) -> None:
    value = "ddp" if known_by == "id" else str(tmp_path / "exp")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RANK_PROGRAM), late, str(tmp_path / "store"), f"{known_by}={value}"],
            env={**os.environ, "RANK": str(number), "WORLD_SIZE": "2"},
        )
        for number in range(2)
    ]
    assert [child.wait(240) for child in children] == [0, 0]
    (folder,) = (tmp_path / "store" / "runs").iterdir()  # one run
    view = RunView.read(folder)
    assert [point["value"] for point in view.history("loss")] == list(range(20))  # of rank 0 only
    found = {
        own: [
            record.data["values"].get("gpu_memory")
            for record in view.records("rank_metrics")
            if record.data["rank"] == own
        ]
        for own in (0, 1)
    }
    assert found == {0: [*range(20), None], 1: [*range(100, 120), None]}
    assert sorted((segment.rank, segment.role) for segment in view.journal.segments) == [(0, "main"), (1, "rank")]
    assert view.journal.segments[0].header["world_size"] == 2
    assert (view.status, view.problems) == ("finished", [])


def test_a_rank_that_cannot_know_the_run_says_so_once(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RANK", "1")
    run = begin()
    for step in range(3):
        run.log_rank_metrics({"a": 1}, step=step)
    run.finish()
    warning, lost = [record.message for record in caplog.records]
    assert "3 records of rank 1 are lost" in lost
    assert "metrics of rank 1 cannot be recorded" in warning
    assert "experiment_folder= on every rank" in warning


def test_a_disabled_run_does_nothing_in_a_with_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_TRACKER_DIR", str(tmp_path / "store"))
    with pytest.raises(ZeroDivisionError), speech_tracker.init(mode="disabled", config={"a": 1}) as run:
        run.log_metrics({"a": 1})
        run.log_table("t", ["a"], [[1]])
        run.log_artifact("/no/such/file", type="x")
        run.log_evaluation(object(), test_set="t")
        run.link("other", "continues")
        run.rewind(step=3)
        run.flush()
        _ = 1 / 0
    assert not (tmp_path / "store").exists()
    assert run.status == "failed"
