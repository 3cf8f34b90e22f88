from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

import pytest

import speech_tracker
from speech_tracker.evaluation import score


@pytest.fixture
def rich_run(tmp_path: Path) -> Path:
    """A run with something of every kind."""
    checkpoint = tmp_path / "epoch-1.ckpt"
    checkpoint.write_bytes(b"weights")
    options: dict[str, Any] = {"config": {"lr": 0.001, "model": {"layers": 12}}, "languages": ["en"], "tags": ["demo"]}
    with speech_tracker.init("digits", "asr", "conformer", mode="local", **options) as run:
        run.log_speech({"model": {"type": "conformer"}, "toolkit": "Lightning"})
        for step in range(20):
            run.log_metrics({"train/loss": 5.0 - step / 5, "valid/wer": 1.0 / (step + 1)}, step=step)
        run.log_metrics({"train/loss": float("nan")}, step=20)
        run.log_checkpoint(checkpoint, step=19, metrics={"valid/wer": 0.05}, aliases=["best"])
        run.log_checkpoint(checkpoint, action="best")
        run.log_dataset("fsdd", split="train", utterances=100, hours=1.5, speakers=4)
        references = {"u1": "one two three", "u2": "four five"}
        speakers = {"speaker_id": {"u1": "anna", "u2": "ben"}}
        evaluation = score(references, {"u1": "one two three", "u2": "four nine"}, attributes=speakers)
        run.log_evaluation(evaluation, test_set="clean", decoding={"beam_size": 5})
        run.log_problem("no transcript", path="data/text", line=3)
        run.log_event("stage", number=2)
        run.alert("look", "at this")
        run.link("abcd1234", "fine-tuned-from")
    assert run.folder is not None
    return run.folder


def test_the_object_has_every_promised_field(cli: Callable[..., Any], rich_run: Path) -> None:
    run = cli("show", rich_run.name, "--json").json()
    for key in ("id", "name", "project", "task", "status", "created_at", "languages", "tags", "config", "speech", "metrics",
                "evaluations", "checkpoints", "datasets", "segments", "problems", "wandb", "environment", "links",
                "events", "status_reason", "folder"):  # fmt: skip
        assert key in run, key
    assert run["status"] == "finished"
    assert run["config"] == {"lr": 0.001, "model": {"layers": 12}}
    assert run["metrics"]["valid/wer"] == {"last": 0.05, "min": 0.05, "max": 1.0, "count": 20}
    assert run["metrics"]["train/loss"]["last"] == "NaN"
    assert run["evaluations"][0]["wer"] == 0.2
    assert run["checkpoints"][0]["best"] is True
    assert run["problems"] == [{"path": "data/text", "line": 3, "reason": "no transcript"}]
    assert run["wandb"] is None


@pytest.mark.parametrize("how", ["id", "prefix", "name", "latest"])
def test_a_run_is_found_by(how: str, cli: Callable[..., Any], rich_run: Path) -> None:
    text = {"id": rich_run.name, "prefix": rich_run.name[:6], "name": "conformer", "latest": "latest"}[how]
    assert cli("show", text, "--json").json()["id"] == rich_run.name


@pytest.mark.parametrize("text", ["../secret", "/etc", "nothing", "", "."])
def test_what_is_no_run_is_wrong_use(text: str, cli: Callable[..., Any], rich_run: Path) -> None:
    (rich_run.parent.parent / "secret" / "segments").mkdir(parents=True)
    for verb in (["show"], ["show", "--json"], ["history", "x"], ["tail"]):
        answer = cli(verb[0], text, *verb[1:])
        assert (answer.code, answer.out) == (2, "")
        assert "speech-tracker list" in answer.err


def test_a_name_of_several_runs_is_ambiguous_and_they_are_named(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    folders = [make_run("twin"), make_run("twin")]
    answer = cli("show", "twin")
    assert answer.code == 2
    assert all(folder.name in answer.err for folder in folders)


def test_the_page_says_what_matters_without_colour(cli: Callable[..., Any], rich_run: Path) -> None:
    page = cli("show", rich_run.name).out
    assert "\x1b" not in page
    for text in (rich_run.name, "conformer", "finished", "valid/wer", "5.00 %", "clean", "20.00 %", "epoch-1.ckpt", "best",
                 "fsdd", "fine-tuned-from", "data/text:3: no transcript", f"speech-tracker sync {rich_run.name}", "anna"):  # fmt: skip
        assert text in page, text


def test_damage_is_shown_with_file_and_line(cli: Callable[..., Any], rich_run: Path) -> None:
    (segment,) = (rich_run / "segments").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[7] = lines[7].replace(b"train", b"tra#n")
    segment.write_bytes(b"".join(lines))
    assert f"{segment}:8: its checksum does not fit" in cli("show", rich_run.name).out
    assert {"path": str(segment), "line": 8, "reason": "its checksum does not fit"} in cli(
        "show", rich_run.name, "--json"
    ).json()["problems"]


def test_the_page_of_a_killed_run_says_which_process_is_gone(cli: Callable[..., Any]) -> None:
    code = "import speech_tracker, os\nrun = speech_tracker.init('digits', mode='local')\nos.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    page = cli("show", "latest").out
    assert re.search(r"status +killed \(its process \d+ on \S+ is gone\)", page)


def test_lone_surrogates_and_huge_integers_do_not_stop_it(cli: Callable[..., Any]) -> None:
    with speech_tracker.init("digits", mode="local", capture_environment=False) as run:
        run.log_config({"cut \udc80": "x\udcff", "big": 2**80, "nan": float("nan"), "$float": "mine"})
        run.log_metrics({"train/\udc80": 1.0}, step=1)
    assert cli("show", run.id, "--json").json()["config"] == {
        "cut \udc80": "x\udcff", "big": 2**80, "nan": "NaN", "$float": "mine"
    }  # fmt: skip
    assert cli("show", run.id, "--all").code == 0


def _on_a_terminal(arguments: list[str], *, columns: int, **environment: str) -> str:
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    own = {**os.environ, "TERM": "xterm-256color", **environment}
    own.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    with subprocess.Popen(
        [sys.executable, "-m", "speech_tracker.cli", *arguments], stdout=slave, stderr=slave, env=own
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            shown += piece
        process.wait()
    os.close(master)
    assert process.returncode == 0
    return shown.decode()


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_it_is_drawn_and_fits(columns: int, rich_run: Path) -> None:
    shown = _on_a_terminal(["show", rich_run.name], columns=columns)
    assert "\x1b[" in shown
    assert "┤" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(len(line) for line in plain.splitlines() if "recorded in" not in line and "/" not in line) <= columns


def test_no_colour_is_used_where_nobody_wants_it(rich_run: Path) -> None:
    shown = _on_a_terminal(["show", rich_run.name], columns=100, NO_COLOR="1")
    assert not re.search(r"\x1b\[(3|4|9)\d", shown)


def test_a_terminal_shows_the_list_as_a_table_with_whole_ids(rich_run: Path) -> None:
    assert rich_run.name in _on_a_terminal(["list"], columns=60)
