from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.follow import Follow

_WRITER = """
import speech_tracker, sys
run = speech_tracker.init('digits', 'asr', mode='local', capture_environment=False)
print(run.id, flush=True)
for line in sys.stdin:
    run.log_metrics({'train/loss': float(line)}, step=int(float(line)))
run.finish()
"""


def test_a_finished_run_prints_its_last_records_and_ends(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    folder = make_run(metrics={"train/loss": [3.0, 2.0, 1.0]})
    answer = cli("tail", folder.name, "--lines", "2")
    assert answer.code == 0
    first, last = answer.out.splitlines()
    assert "step 2  epoch 1  train/loss 1" in first
    assert last.endswith("status finished")
    assert "is finished" in answer.err


def test_json_is_one_document_a_line(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    folder = make_run(metrics={"train/loss": [float("nan")]})
    lines = [json.loads(line) for line in cli("tail", folder.name, "--json", "-n", "100").out.splitlines()]
    assert lines[0]["type"] == "segment"
    assert lines[-1]["data"]["status"] == "finished"
    assert next(line for line in lines if line["type"] == "metrics")["data"]["values"] == {"train/loss": "NaN"}


def test_a_living_run_is_followed_until_it_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        run = writer.stdout.readline().strip()
        command = [
            sys.executable,
            "-m",
            "speech_tracker.cli",
            "tail",
            run,
            "-n",
            "1000",
            "--interval",
            "0.05",
            "--json",
        ]
        writer.stdin.write("1\n")
        writer.stdin.flush()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tail:
            assert tail.stdout is not None
            seen = [json.loads(tail.stdout.readline())]  # it is watching
            writer.stdin.write("2\n3\n")
            writer.stdin.close()
            seen += [json.loads(line) for line in tail.stdout]
            assert tail.wait() == 0
    assert [each["data"]["step"] for each in seen if each["type"] == "metrics"] == [1, 2, 3]
    assert seen[-1]["data"]["status"] == "finished"


def test_ctrl_c_ends_it_with_130() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        run = writer.stdout.readline().strip()
        with subprocess.Popen(
            [sys.executable, "-m", "speech_tracker.cli", "tail", run],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as tail:
            assert tail.stdout is not None and tail.stderr is not None
            tail.stdout.readline()
            tail.send_signal(signal.SIGINT)
            assert tail.wait(timeout=180) == 130
            assert "Traceback" not in tail.stderr.read()
        writer.stdin.close()


def test_a_run_that_is_killed_while_it_is_watched_ends_the_watch() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        run = writer.stdout.readline().strip()
        follow = Follow(Path(os.environ["SPEECH_TRACKER_DIR"]) / "runs" / run, sleep=lambda _: _kill(writer))
        assert follow.past(None)[0].kind == "segment"
        assert list(follow.new()) == []
        assert follow.status == "killed"


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_every_kind_of_record_has_a_line(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"")
    with speech_tracker.init("digits", "asr", mode="local", config={"lr": 1}) as run:
        run.log_checkpoint(tmp_path / "a.ckpt", metrics={"valid/wer": 0.5})
        run.log_event("stage", number=1)
        run.log_problem("bad line", path="text", line=4)
        run.alert("look", "here")
        run.link("abcd1234", "ablation-of")
        run.log_dataset("fsdd")
        run.log_table("sweep", ["a"], [[1]])
        run.log_json("note", {"a": 1})
        run.log_rank_metrics({"gpu/memory": 1.0}, step=1)
        run.add_tags("x")
        run.rewind(step=0)
    answer = cli("tail", run.id, "-n", "100")
    assert answer.code == 0
    for text in ("begins to write", "checkpoint saved", "(valid/wer 50.00 %)", "event stage  number 1", "problem: text:4 bad line",
                 "alert (info): look here", "ablation-of abcd1234", "rank 0  step 1  gpu/memory 1"):  # fmt: skip
        assert text in answer.out, text
