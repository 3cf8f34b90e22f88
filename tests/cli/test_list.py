from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import speech_tracker
from speech_tracker.encoding import encode, tag
from speech_tracker.journal.record import line, opening


def test_an_object_has_every_promised_field(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    folder = make_run("first", languages=["en", "de"], tags=["small"])
    answer = cli("list", "--json")
    assert answer.code == 0
    (run,) = answer.json()
    assert {key: run[key] for key in ("id", "name", "project", "task", "status", "languages", "tags")} == {
        "id": folder.name, "name": "first", "project": "digits", "task": "asr", "status": "finished",
        "languages": ["en", "de"], "tags": ["small"],
    }  # fmt: skip
    assert datetime.fromisoformat(run["created_at"]).utcoffset() == timedelta(0)


def test_a_time_that_no_calendar_has_hides_no_other_run(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    make_run("sound")
    for number, created in enumerate((float("nan"), 1e20, -1e15)):  # as an earlier version would have taken them
        segment = make_run(f"odd-{number}") / "segments" / "0002-rank0.jsonl"
        start = opening(segment.parent.parent.name, segment.stem)
        header = encode({"role": "main", "host": "h", "process": 1})
        identity = encode(tag({"created_at": created}))
        contents = {"segment": header, "run": identity, "status": encode({"status": "finished"})}
        segment.write_bytes(b"".join(line(start, n, 1.7e9, *each) for n, each in enumerate(contents.items())))
        for verb in (("show",), ("show", "--json"), ("tail", "-n", "3")):
            assert cli(*verb, segment.parent.parent.name).code == 0
    assert {run["name"] for run in cli("list", "--json").json()} == {"sound", "odd-0", "odd-1", "odd-2"}
    assert cli("list").code == 0


def test_an_empty_store_is_an_empty_array_and_one_friendly_line(cli: Callable[..., Any]) -> None:
    assert cli("list", "--json").json() == []
    assert cli("list", "--json", "--sort", "valid/wer").json() == []
    answer = cli("list")
    assert answer.code == 0
    assert "no runs in" in answer.err


def test_the_newest_run_comes_first(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    for day in (2, 3, 1):
        make_run(f"day-{day}", created_at=86400.0 * day)
    assert [run["name"] for run in cli("list", "--json").json()] == ["day-3", "day-2", "day-1"]
    assert [run["name"] for run in cli("list", "--json", "--reverse").json()] == ["day-1", "day-2", "day-3"]
    assert [run["name"] for run in cli("list", "--json", "--limit", "1").json()] == ["day-3"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--project", "digits"), {"a", "b"}),
        (("--task", "tts"), {"c"}),
        (("--task", "speech-recognition"), {"a", "b"}),
        (("--tag", "x"), {"a", "b"}),
        (("--tag", "x", "--tag", "y"), {"b"}),
        (("--language", "en"), {"a", "b"}),
        (("--language", "EN-gb"), {"b"}),
        (("--name", "[ab]"), {"a", "b"}),
        (("--since", "1970-02-01"), {"c"}),
        (("--since", "2d"), {"c"}),
        (("--status", "finished", "--status", "failed"), {"a", "b", "c"}),
        (("--status", "running"), set()),
    ],
)
def test_filters(
    options: tuple[str, ...], names: set[str], cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    make_run("a", tags=["x"], languages=["en"], created_at=86400.0)
    make_run("b", tags=["x", "y"], languages=["en-GB"], created_at=86400.0)
    make_run("c", project="voices", task="tts", languages=["eng"])
    assert {run["name"] for run in cli("list", "--json", *options).json()} == names


def test_a_tag_that_was_added_in_the_middle_is_found(cli: Callable[..., Any], store: Path) -> None:
    with speech_tracker.init("digits", mode="local", capture_environment=False) as run:
        run.log_config({"type": "run", "data": {"add_tags": ["not a tag"]}})
        for step in range(3000):
            run.log_metrics({"train/loss": 1.0, "train/learning_rate": 0.001}, step=step)
            if step == 1500:
                run.add_tags("middle")
    assert cli("list", "--json", "--tag", "middle").json()[0]["tags"] == ["middle"]


def test_the_best_run_by_a_metric_comes_first_and_runs_without_it_last(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    make_run("good", metrics={"valid/wer": [0.5, 0.1, 0.3]})
    make_run("bad", metrics={"valid/wer": [0.4, float("nan")]})
    make_run("none")
    runs = cli("list", "--json", "--sort", "valid/wer").json()
    assert [run["name"] for run in runs] == ["good", "bad", "none"]
    assert runs[1]["metrics"]["valid/wer"] == {"last": "NaN", "min": 0.4, "max": 0.4, "count": 2}
    make_run("better", metrics={"valid/wer": [0.05]})
    assert cli("list", "--json", "--sort", "valid/wer").json()[0]["name"] == "better"


def test_a_metric_that_is_better_when_greater_is_ordered_so(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    make_run("low", metrics={"valid/accuracy": [0.5]})
    make_run("high", metrics={"valid/accuracy": [0.9, 0.1]})
    assert [run["name"] for run in cli("list", "--json", "--sort", "valid/accuracy").json()] == ["high", "low"]


def test_an_unknown_metric_is_wrong_use_and_the_closest_is_named(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    make_run(metrics={"valid/wer": [0.5]})
    answer = cli("list", "--sort", "wer")
    assert (answer.code, answer.out) == (2, "")
    assert "valid/wer" in answer.err


@pytest.mark.parametrize("options", [("--status", "done"), ("--task", "asrr"), ("--since", "soon"), ("--limit", "-1")])
def test_a_wrong_option_is_wrong_use(options: tuple[str, ...], cli: Callable[..., Any]) -> None:
    answer = cli("list", *options)
    assert (answer.code, answer.out) == (2, "")
    assert options[1] in answer.err or "limit" in answer.err


def test_plain_output_is_tabs_without_colour_and_nothing_is_cut(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    folder = make_run("long " * 40, tags=["t" * 90])
    header, row = cli("list").out.splitlines()
    assert header.split("\t") == ["ID", "NAME", "PROJECT", "TASK", "STATUS", "CREATED", "LANGUAGES", "TAGS"]
    assert row.split("\t")[0] == folder.name
    assert row.split("\t")[7] == "t" * 90
    assert "\x1b" not in row


def test_a_name_cannot_steer_the_terminal_or_break_a_row(
    cli: Callable[..., Any], make_run: Callable[..., Path]
) -> None:
    make_run("red\x1b[31m\tand\nlines")
    assert len(cli("list").out.splitlines()) == 2
    assert "\x1b" not in cli("list").out
    assert cli("list", "--json").json()[0]["name"] == "red\x1b[31m\tand\nlines"


def test_a_lone_surrogate_is_printed_as_its_escape(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    make_run("half \udc80 \u0645\u0631\u062d\u0628\u0627")
    assert cli("list", "--json").json()[0]["name"] == "half \udc80 \u0645\u0631\u062d\u0628\u0627"
    assert "\\udc80" in cli("list").out


def test_a_run_of_a_newer_format_is_listed_as_unreadable_and_the_others_are_listed(
    cli: Callable[..., Any], make_run: Callable[..., Path], store: Path
) -> None:
    make_run("fine")
    segments = store / "runs" / "future" / "segments"
    segments.mkdir(parents=True)
    text = line(opening("future", "0001-rank0").replace(b'"v":1', b'"v":9'), 0, 1.0, "segment", b'{"role":"main"}')
    (segments / "0001-rank0.jsonl").write_bytes(text)
    runs = {run["id"]: run for run in cli("list", "--json").json()}
    assert len(runs) == 2
    assert runs["future"]["status"] == "unreadable"
    assert "format 9" in runs["future"]["status_reason"]
    assert cli("show", "future").code == 2


def test_a_segment_that_cannot_be_read_makes_its_run_unreadable(
    cli: Callable[..., Any], make_run: Callable[..., Path], store: Path
) -> None:
    make_run("fine")
    (store / "runs" / "broken" / "segments" / "0001-rank0.jsonl").mkdir(parents=True)
    runs = {run["id"]: run["status"] for run in cli("list", "--json").json()}
    assert runs["broken"] == "unreadable"
    assert sorted(runs.values()) == ["finished", "unreadable"]


def test_a_store_that_is_a_file_is_wrong_use(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = cli("list", "--store", str(tmp_path / "file"))
    assert (answer.code, answer.out) == (2, "")
    assert "not a folder" in answer.err
    assert "SPEECH_TRACKER_DIR" in answer.err


def test_a_killed_process_is_shown_as_killed_and_a_living_one_as_running(cli: Callable[..., Any], store: Path) -> None:
    code = (
        "import speech_tracker, sys, time\nrun = speech_tracker.init('digits', mode='local', capture_environment=False)\n"
        "print(run.id, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run = process.stdout.readline().strip()
        assert cli("list", "--json").json()[0]["status"] == "running"
        process.kill()
        process.wait()
    (after,) = cli("list", "--json").json()
    assert (after["id"], after["status"]) == (run, "killed")
    assert "is gone" in after["status_reason"]


def test_a_reader_that_goes_away_is_no_error(make_run: Callable[..., Path]) -> None:
    for number in range(30):
        make_run(f"{number} " + "x" * 4000)
    command = f"{sys.executable} -m speech_tracker.cli list | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ID\t")


def test_json_is_utf_8_whatever_the_locale(make_run: Callable[..., Path]) -> None:
    make_run("grüße")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    for options in (["--json"], []):
        done = subprocess.run(
            [sys.executable, "-m", "speech_tracker.cli", "list", *options],
            capture_output=True,
            env=environment,
            check=True,
        )
        if options:
            assert json.loads(done.stdout)[0]["name"] == "grüße"
        else:
            assert b"gr\\xfc" in done.stdout
