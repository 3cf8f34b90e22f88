from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speech_tracker.journal.process import describe_process
from speech_tracker.sync.lock import Busy, Lock, sending
from speech_tracker.sync.state import Folder, State, load_state, state_file


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(
        "abc", project="p", rows=7, slices=[("0001-rank0", 0, 99)], folder=Folder("/x", True, {"0001-rank0": 99})
    )
    state.failed("unavailable", "no network")
    state.save(tmp_path)
    assert load_state(tmp_path) == state
    assert json.loads(state_file(tmp_path).read_text())["position"] == {"0001-rank0": 99}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"slices": 5}', b'{"slices": [["a"]]}', b"\xff"])
def test_a_damaged_state_is_a_fresh_one(tmp_path: Path, content: bytes) -> None:
    state_file(tmp_path).write_bytes(content)
    assert load_state(tmp_path) == State(tmp_path.name)


def test_a_state_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    state_file(tmp_path).write_text('{"run": "abc", "rows": 3, "from_the_future": [1]}')
    assert load_state(tmp_path) == State("abc", rows=3)


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from speech_tracker.sync.lock import Lock\n"
        f"Lock(Path({str(tmp_path)!r})).acquire(); print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    with pytest.raises(Busy) as busy:
        Lock(tmp_path).acquire()
    assert busy.value.owner["process"] == other.pid
    owner = sending(tmp_path)
    assert owner is not None and owner["process"] == other.pid
    other.kill()  # without releasing it
    other.communicate()
    assert sending(tmp_path) is None
    lock = Lock(tmp_path)
    lock.acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_host_counts_as_long_as_it_shows_life(tmp_path: Path) -> None:
    path = tmp_path / "wandb.lock"
    path.write_text(json.dumps({**describe_process(), "host": "elsewhere", "token": "x"}))
    with pytest.raises(Busy):
        Lock(tmp_path).acquire()
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    Lock(tmp_path).acquire()
