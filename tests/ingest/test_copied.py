"""Old experiments that a clone or a plain copy has given the time of the copying, and programs that still write."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.clock import time_of_wall, written_last
from speech_tracker.ingest.ingester import Source, ingester_of

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
CUT = [
    ("espnet", "espnet/quoted-lines", "killed"),
    ("fairseq", "fairseq/shanguanma-hubert-llama-pretrain", "killed"),
    ("icefall", "icefall/tvt-zipformer-ssl", "killed"),
    ("icefall", "icefall/gipder-aishell-decode", "finished"),
]
"""Projects with a log that breaks off, of a training or of a search."""

DAY = 86400.0


def test_the_file_tells_when_it_was_written_unless_it_was_copied():
    now = time.time()
    assert written_last(now, now - 5) == now
    assert written_last(now, None) == now
    assert written_last(now, now + DAY) == now  # a clock that goes wrong
    assert written_last(now, now - DAY) == now  # a clock of elsewhere, or an epoch of a day
    assert written_last(now, now - 3 * DAY) == now - 3 * DAY


def test_a_wall_clock_without_a_time_has_none():
    assert time_of_wall(None) is None
    assert time_of_wall(1e300) is None
    assert time_of_wall(float("nan")) is None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"needs the sample files in {SAMPLES}")
@pytest.mark.parametrize(("toolkit", "project", "status"), CUT)
def test_a_cut_log_of_long_ago_is_not_of_a_running_program_because_its_file_is_new(tmp_path, toolkit, project, status):
    source = SAMPLES / project
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copy = tmp_path / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())  # as a clone does: now is the file's time
    runs = ingester_of(toolkit)(Source(tmp_path)).find().runs
    assert status in {run.status for run in runs}
    assert all(run.status != "running" and not run.jobs.running for run in runs)


@pytest.mark.parametrize("ago", [60.0, 5 * DAY])
def test_a_training_runs_whose_log_says_so(tmp_path, ago):
    log = tmp_path / "exp" / "asr_train" / "train.log"
    log.parent.mkdir(parents=True)
    said = time.strftime("%Y-%m-%d %H:%M:%S,000", time.localtime(time.time() - ago))
    log.write_text(
        f"[host] {said} (trainer:762) INFO: 1epoch:train:1-5batch: iter_time=0.1, forward_time=0.2, loss=3.5\n"
    )
    os.utime(log)
    (run,) = ingester_of("espnet")(Source(tmp_path)).find().runs
    assert run.status == ("running" if ago < DAY else "killed")
