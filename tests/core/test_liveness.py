"""Whether a run's process lives, told from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speech_tracker import heartbeat
from speech_tracker.journal.process import boot_id, describe_process, process_start
from speech_tracker.journal.writer import SegmentWriter
from speech_tracker.liveness import SILENT_AFTER, is_alive


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    path = tmp_path / "0001-rank0.jsonl"
    path.touch()
    return path


def _age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_the_own_process_lives_however_long_it_is_silent(segment: Path) -> None:
    _age(segment, 10**6)
    assert is_alive(describe_process(), segment)


def test_a_process_that_is_gone_is_gone_however_fresh_the_file(segment: Path) -> None:
    code = "import json; from speech_tracker.journal.process import describe_process; print(json.dumps(describe_process()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    import json

    assert not is_alive(json.loads(done.stdout), segment)


def test_a_process_that_ended_and_was_not_waited_for_is_gone(segment: Path) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    header = {**describe_process(), "process": child, "started": process_start(child)}
    assert is_alive(header, segment)
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # ended, but still in the table
    assert Path(f"/proc/{child}").exists()
    assert not is_alive(header, segment)
    os.waitpid(child, 0)


def test_an_id_that_was_given_to_another_process_is_not_mistaken(segment: Path) -> None:
    header = describe_process()
    assert not is_alive({**header, "started": header["started"] - 1}, segment)


def test_a_process_of_before_a_reboot_is_gone(segment: Path) -> None:
    assert boot_id()
    assert not is_alive({**describe_process(), "boot": "another boot"}, segment)


@pytest.mark.parametrize(
    ("silent", "alive"), [(0, True), (SILENT_AFTER - 60, True), (SILENT_AFTER + 60, False), (-3600, True)]
)
def test_of_another_host_the_file_s_time_tells(segment: Path, silent: float, alive: bool) -> None:
    _age(segment, silent)
    assert is_alive({**describe_process(), "host": "elsewhere"}, segment) is alive


def test_of_another_container_on_this_host_the_file_s_time_tells(segment: Path) -> None:
    header = {**describe_process(), "namespace": "pid:[1]", "process": 1, "started": 1}
    assert is_alive(header, segment)
    _age(segment, SILENT_AFTER + 60)
    assert not is_alive(header, segment)


@pytest.mark.parametrize("header", [{}, {"host": None}, {"host": os.uname().nodename, "process": "12"}])
def test_a_damaged_header_leaves_the_file_s_time(segment: Path, header: dict[str, object]) -> None:
    assert is_alive(header, segment)
    _age(segment, SILENT_AFTER + 60)
    assert not is_alive(header, segment)
    assert not is_alive(header, segment.with_name("gone"))


def test_the_heartbeat_touches_the_segment_without_writing_a_record(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r", rank=0, header={})
    writer.open()
    assert writer.path is not None
    size = writer.path.stat().st_size
    _age(writer.path, 1000)
    writer.beat()
    assert time.time() - writer.path.stat().st_mtime < 100
    assert writer.path.stat().st_size == size
    writer.close()
    writer.beat()  # nothing is left to touch


def test_the_heartbeat_keeps_beating_in_its_thread_and_lets_go_of_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import threading

    beats = threading.Semaphore(0)

    class Sink:
        def beat(self) -> None:
            beats.release()

    sink = Sink()
    heartbeat.watch(sink)  # type: ignore[arg-type]
    heartbeat._wake.set()
    assert beats.acquire(timeout=10)
    del sink
    gc.collect()
    assert not any(isinstance(each, Sink) for each in heartbeat._sinks)


@pytest.mark.expects_swallowed
def test_one_broken_sink_does_not_stop_the_heart_of_the_others() -> None:
    import threading

    beats = threading.Semaphore(0)

    class Broken:
        def beat(self) -> None:
            beats.release()
            raise RuntimeError("broken")

    sinks = [Broken(), Broken()]
    for sink in sinks:
        heartbeat.watch(sink)  # type: ignore[arg-type]
    heartbeat._wake.set()
    assert beats.acquire(timeout=10)
    assert beats.acquire(timeout=10)
    heartbeat._sinks.discard(sinks[0])  # type: ignore[arg-type]
    heartbeat._sinks.discard(sinks[1])  # type: ignore[arg-type]
