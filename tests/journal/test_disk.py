"""A disk that refuses: the training goes on, nothing is lost that fits into memory, and what is lost is said."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.errors import StoreError
from speech_tracker.journal import held
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.tail import Tail
from speech_tracker.journal.writer import SegmentWriter
from speech_tracker.view import RunView

Mount = Callable[[str], Path]
Refuse = Callable[..., None]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a small file system in memory; skips where that is not allowed (the limit of a file's size is tested anyway)."""
    mounted: list[Path] = []

    def small(options: str) -> Path:
        place = tmp_path / f"disk {len(mounted)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("mounting needs root")
        mounted.append(place)
        return place

    yield small
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def _use_inodes(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        for number in range(100):
            (disk / f"file{number}").touch()


def _log(run: speech_tracker.Run, begin: int, end: int) -> None:
    for step in range(begin, end):
        run.log_metrics({"train/loss": step / 3, "train/text": float("nan")}, step=step)


def _steps(folder: Path) -> list[int]:
    return [record.data["step"] for record in read_journal(folder).records if record.kind == "metrics"]


@pytest.mark.parametrize("kilobytes", [64, 65, 100, 128])
def test_what_a_full_disk_refused_is_there_in_order_once_there_is_room(
    mount: Mount, caplog: pytest.LogCaptureFixture, kilobytes: int
) -> None:
    disk = mount(f"size={kilobytes}k")
    run = speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)
    assert run.folder is not None
    _log(run, 0, 100 + kilobytes)
    filler = _fill(disk)
    with caplog.at_level(logging.WARNING, "speech_tracker"):
        _log(run, 100 + kilobytes, 1000)
    assert run._sink.held > 300  # type: ignore[attr-defined]
    (warning,) = [record for record in caplog.records if "cannot write" in record.message]  # once, not 900 times
    assert "No space left on device" in warning.message
    assert "the training goes on" in warning.message
    filler.write_bytes(b"")
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    _log(run, 1000, 1100)
    assert run._sink.held == 0  # type: ignore[attr-defined]
    run.finish()
    assert _steps(run.folder) == list(range(1100))
    view = RunView.read(run.folder)
    assert view.journal.damage == ()
    assert view.journal.missing == ()
    assert view.problems == []
    assert view.status == "finished"
    tail = Tail(run.folder)
    assert sorted(record.number for record in tail.poll()) == list(range(len(view.journal.records)))
    assert tail.damage == []


def test_what_was_held_is_written_when_there_is_room_even_if_nothing_more_is_logged(mount: Mount) -> None:
    disk = mount("size=64k")
    run = speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)
    filler = _fill(disk)
    _log(run, 0, 300)
    filler.unlink()
    run._sink.beat()  # what the heartbeat does every half minute
    assert run._sink.held == 0  # type: ignore[attr-defined]
    assert run.folder is not None
    assert _steps(run.folder) == list(range(300))
    run.finish()


def test_a_disk_that_is_full_to_the_end_costs_only_what_it_refused_and_says_so(
    mount: Mount, caplog: pytest.LogCaptureFixture
) -> None:
    disk = mount("size=64k")
    with speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False) as run:
        _fill(disk)
        _log(run, 0, 500)
        held_back = run._sink.held  # type: ignore[attr-defined]
    assert run.folder is not None
    steps = _steps(run.folder)
    assert steps == list(range(500 - held_back))
    assert f"{held_back + 1} records of run {run.id} are lost" in caplog.text  # and the status
    assert "could not be written until its end" in caplog.text


def test_a_run_does_not_begin_on_a_full_disk_and_says_why(mount: Mount) -> None:
    disk = mount("size=16k")
    (disk / "store" / "runs").mkdir(parents=True)
    _fill(disk)
    with pytest.raises(StoreError, match=r"cannot be .*No space left on device.*expected .*SPEECH_TRACKER_DIR"):
        speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)
    assert not list(disk.rglob("*.jsonl"))


def test_a_run_does_not_begin_without_inodes_and_says_why(mount: Mount) -> None:
    disk = mount("size=1m,nr_inodes=8")
    _use_inodes(disk)
    with pytest.raises(StoreError, match="No space left on device"):
        speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)


def test_running_out_of_inodes_stops_files_but_no_records(mount: Mount, caplog: pytest.LogCaptureFixture) -> None:
    disk = mount("size=4m,nr_inodes=20")
    run = speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)
    _use_inodes(disk)
    _log(run, 0, 50)
    assert run.folder is not None
    assert _steps(run.folder) == list(range(50))
    run.finish()


@pytest.mark.expects_swallowed
def test_a_table_that_does_not_fit_is_skipped_and_counted(mount: Mount) -> None:
    disk = mount("size=64k")
    run = speech_tracker.init("full", store=disk / "store", mode="local", capture_environment=False)
    run.log_table("large", ["text"], [["x" * 200_000]])
    _log(run, 0, 3)
    run.finish()
    assert run.folder is not None
    view = RunView.read(run.folder)
    assert view.records("table") == []  # no record names a file that is not whole
    assert [path.name for path in (run.folder / "files").iterdir()] == []
    assert _steps(run.folder) == [0, 1, 2]
    assert view.records("status")[-1].data["swallowed"] == {"keeping the table 'large'": 1}


def test_a_read_only_store_is_refused_at_the_start(mount: Mount) -> None:
    disk = mount("size=1m,ro")
    with pytest.raises(StoreError, match="SPEECH_TRACKER_DIR"):
        speech_tracker.init("ro", store=disk / "store", mode="local", capture_environment=False)


def test_a_limit_of_the_file_s_size_is_survived_and_lifted(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
import speech_tracker
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run = speech_tracker.init("limit", id="limited", store=sys.argv[1], mode="local", capture_environment=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for step in range(500):
    run.log_metrics({"x": step}, step=step)
print(run._sink.held)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run.log_metrics({"x": 500}, step=500)
run.finish()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 300
    assert "File too large" in done.stderr
    view = RunView.read(tmp_path / "runs" / "limited")
    assert [point["step"] for point in view.history("x")] == list(range(501))
    assert view.problems == []


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refuse]:
    """Let writes to one descriptor fail, or be cut short, as a broken disk does."""
    real = os.write
    plan: dict[str, object] = {}

    def write(fd: int, data: bytes) -> int:
        if fd == plan.get("fd"):
            outcome = next(plan["outcomes"], None)  # type: ignore[call-overload]
            if isinstance(outcome, OSError):
                raise outcome
            if isinstance(outcome, int):
                return real(fd, data[:outcome]) if outcome else 0
        return real(fd, data)

    def start(writer: SegmentWriter, outcomes: Iterator[object]) -> None:
        assert writer._open is not None
        plan.update(fd=writer._open.fd, outcomes=outcomes)

    monkeypatch.setattr(os, "write", write)
    yield start
    plan.clear()


@pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT, errno.ESTALE, errno.EROFS, errno.ENOSPC])
def test_an_error_of_the_disk_never_reaches_the_caller_and_nothing_is_lost(
    tmp_path: Path, refuse: Refuse, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"})
    writer.open()
    refuse(writer, iter([None, *[OSError(code, os.strerror(code))] * 3]))
    for number in range(6):
        writer.append("metrics", {"values": {"x": number}, "step": number})
    writer.close()
    assert _steps(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert read_journal(tmp_path).missing == ()
    assert len([record for record in caplog.records if "cannot write" in record.message]) == 1


@pytest.mark.parametrize("first", [0, 1, 5, 14, 30, 60, 80, 150])
@pytest.mark.parametrize("second", [None, 0, 1, 20, 100])
def test_a_write_that_is_cut_short_anywhere_leaves_no_garbage_in_the_history(
    tmp_path: Path, refuse: Refuse, first: int, second: int | None
) -> None:
    writer = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"})
    writer.open()
    refuse(writer, iter([None, first, second]))
    tail, followed = Tail(tmp_path), []
    for number in range(5):
        writer.append("metrics", {"values": {"x": number, "padding": 0.1}, "step": number})
        followed += tail.poll()
    writer.close()
    journal = read_journal(tmp_path)
    assert _steps(tmp_path) == [0, 1, 2, 3, 4]
    assert (journal.damage, journal.missing) == ((), ())
    followed += tail.poll()
    assert [record.number for record in followed] == [0, 1, 2, 3, 4, 5]
    assert tail.damage == []


def test_records_of_a_failed_flush_are_written_again_and_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = iter([None, OSError(errno.EIO, "Input/output error"), None, None, None, None])
    real = os.fdatasync

    def fdatasync(fd: int) -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        real(fd)

    writer = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"}, durability="fsync")
    writer.open()
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    for number in range(4):
        writer.append("metrics", {"values": {"x": number}, "step": number})
    assert writer.held == 0
    writer.close()
    assert _steps(tmp_path) == [0, 1, 2, 3]
    assert writer.path is not None
    assert writer.path.read_bytes().count(b'"n":2,') == 2  # the kernel may have dropped what it could not flush
    assert len(Tail(tmp_path).poll()) == 5


def test_the_memory_for_refused_records_is_limited_and_the_loss_is_recorded(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(held, "AT_MOST", 2000)
    writer = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"})
    writer.open()
    endless = OSError(errno.ENOSPC, "No space left on device")
    refusing = True

    def outcomes() -> Iterator[object]:
        while refusing:
            yield endless

    refuse(writer, outcomes())
    for number in range(100):
        writer.append("metrics", {"values": {"x": number}, "step": number})
    assert 0 < writer.held < 20
    assert writer.given_up == 100 - writer.held
    lost = writer.given_up
    refusing = False
    writer.append("metrics", {"values": {"x": 100}, "step": 100})
    writer.append("metrics", {"values": {"x": 101}, "step": 101})
    writer.close()
    view = RunView.read(tmp_path)
    steps = [point["step"] for point in view.history("x")]
    assert steps == sorted(steps)
    assert steps[-1] == 101
    assert any(f"{lost} records were lost: the disk refused them" in each["reason"] for each in view.problems) or any(
        f"{lost + 1} records were lost" in each["reason"] for each in view.problems
    )
    assert view.journal.missing != ()
    assert len([record for record in caplog.records if "memory for records is full" in record.message]) == 1


def test_a_segment_that_cannot_be_opened_yet_holds_its_records_and_makes_one_file_in_the_end(tmp_path: Path) -> None:
    blocked = tmp_path / "run" / "segments"
    blocked.parent.mkdir()
    blocked.write_text("in the way")
    writer = SegmentWriter(tmp_path / "run", "r", rank=0, header={"role": "attached"})
    for number in range(20):
        writer.append("metrics", {"values": {"x": number}, "step": number})
    assert writer.held == 20
    blocked.unlink()
    writer.append("metrics", {"values": {"x": 20}, "step": 20})
    writer.close()
    journal = read_journal(tmp_path / "run")
    assert _steps(tmp_path / "run") == list(range(21))
    assert (len(journal.segments), journal.missing, journal.damage) == (1, (), ())


def test_a_full_disk_leaves_no_empty_segments_of_a_handle_behind(mount: Mount) -> None:
    disk = mount("size=16k")
    (disk / "run" / "segments").mkdir(parents=True)
    filler = _fill(disk)
    writer = SegmentWriter(disk / "run", "r", rank=0, header={"role": "attached"})
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    for number in range(50):
        writer.append("metrics", {"values": {"x": number}, "step": number})
    assert list((disk / "run" / "segments").iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    filler.unlink()
    writer.close()
    assert _steps(disk / "run") == list(range(50))


def test_every_way_of_durability_records_the_same(tmp_path: Path) -> None:
    for durability in ("os", "fsync", "interval"):
        with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False, durability=durability) as run:
            _log(run, 0, 5)
            run._sink.beat()
        assert run.folder is not None
        assert _steps(run.folder) == [0, 1, 2, 3, 4]


def test_durability_fsync_waits_for_the_disk_at_each_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    real = os.fdatasync
    with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False, durability="fsync") as run:
        monkeypatch.setattr(os, "fdatasync", lambda fd: (flushed.append(fd), real(fd)))
        _log(run, 0, 5)
        assert len(flushed) == 5


def test_the_heartbeat_flushes_with_durability_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    with speech_tracker.init(store=tmp_path, mode="local", capture_environment=False, durability="interval") as run:
        monkeypatch.setattr(os, "fdatasync", flushed.append)
        _log(run, 0, 5)
        assert flushed == []
        run._sink.beat()
        assert len(flushed) == 1


def test_what_is_printed_where_stdout_is_closed_does_not_go_into_the_journal(tmp_path: Path) -> None:
    """The number of a closed stream is the next to be given, and libraries in C print to it whatever file it is."""
    code = """
import os, speech_tracker
run = speech_tracker.init("p", mode="local", store=os.environ["STORE"], capture_environment=False)
for number in (1, 2):
    try:
        os.write(number, b"printed")
    except OSError:
        pass
run.finish()
"""
    command = ["bash", "-c", '"$@" >&- 2>&-', "-", sys.executable, "-c", code]
    subprocess.run(command, check=True, env={**os.environ, "STORE": str(tmp_path)})
    (segment,) = tmp_path.glob("runs/*/segments/*.jsonl")
    assert b"printed" not in segment.read_bytes()
    assert RunView.read(segment.parents[1]).status == "finished"
