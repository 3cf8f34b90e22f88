"""The injected faults are what they say, and the journal stands them."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.journal.merge import read_journal
from speech_tracker.testing.capture import capture
from speech_tracker.testing.faults import failing_writes, full_disk, limited_file_size, slow_writes


def steps(folder: Path) -> list[int]:
    return [record.data["step"] for record in read_journal(folder).records if record.kind == "metrics"]


def test_a_full_disk_tears_one_line_and_every_record_is_there_once_there_is_room(tmp_path: Path) -> None:
    with capture(tmp_path) as captured:
        run = speech_tracker.init("faults")
        with full_disk(after=2) as writes:
            for step in range(6):
                run.log_metric("train/loss", 1.0, step=step)
            assert (writes.passed, writes.hurt >= 4) == (2, True)
            assert steps(captured.run.folder) == [0, 1]
        run.log_metric("train/loss", 1.0, step=6)
    assert steps(captured.run.folder) == list(range(7))
    assert captured.swallowed == []


def test_failing_writes_fail_as_often_as_asked_and_with_the_error_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "segments" / "0001-rank0.jsonl"
    path.parent.mkdir()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        with failing_writes(after=1, times=2, error=errno.EIO) as writes:
            os.write(fd, b"a")
            for _ in range(2):
                with pytest.raises(OSError, match="Input/output"):
                    os.write(fd, b"b")
            os.write(fd, b"c")
        assert (writes.passed, writes.hurt) == (2, 2)
    finally:
        os.close(fd)
    assert path.read_bytes() == b"ac"


def test_other_files_are_not_hurt(tmp_path: Path) -> None:
    with full_disk():
        (tmp_path / "checkpoint.bin").write_bytes(b"weights")
        fd = os.open(tmp_path / "other.jsonl", os.O_WRONLY | os.O_CREAT)
        assert os.write(fd, b"whole") == 5
        os.close(fd)
    assert os.write.__module__ == "posix"  # put back


def test_slow_writes_delay_and_lose_nothing(tmp_path: Path) -> None:
    with capture(tmp_path) as captured, slow_writes(0.001) as writes:
        run = speech_tracker.init("faults")
        for step in range(3):
            run.log_metric("train/loss", 1.0, step=step)
    assert writes.hurt >= 3
    assert steps(captured.run.folder) == [0, 1, 2]


def test_a_limit_of_the_kernel_on_the_size_of_files_loses_nothing(tmp_path: Path) -> None:
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN  # so it is an error, and not the end
    with capture(tmp_path) as captured:
        run = speech_tracker.init("faults")
        path = next(captured.run.folder.glob("segments/*.jsonl"))
        with limited_file_size(path.stat().st_size + 200):
            for step in range(10):
                run.log_metric("train/loss", 1.0, step=step)
            assert len(steps(captured.run.folder)) < 10
    assert steps(captured.run.folder) == list(range(10))
