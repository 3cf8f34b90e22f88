"""`speech-tracker sync` without a network: what it refuses, and what it plans."""

from __future__ import annotations

import json
from typing import Any

import pytest

import speech_tracker
from speech_tracker.cli import main
from speech_tracker.paths import store_folder
from speech_tracker.sync.state import Folder, State, load_state


def recorded(run_id: str, steps: int = 3) -> None:
    run = speech_tracker.init("project", id=run_id, mode="local", capture_environment=False)
    for step in range(steps):
        run.log_metrics({"train/loss": 1.0}, step=step)
    run.finish()


def test_it_wants_to_know_which_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync"]) == 2
    assert "--all" in capsys.readouterr().err
    assert main(["sync", "abc", "--all"]) == 2


@pytest.mark.parametrize("arguments", [["nosuchrun"], ["../etc"], ["x", "--mode", "sideways"], ["x", "--timeout", "0"]])
def test_wrong_use_is_one_message_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err and said.err


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    recorded("planned")
    assert main(["sync", "planned", "--dry-run", "--mode", "online", "--json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["action"] == "planned" and outcome["rows"] == 3 and outcome["run"] == "planned"
    assert outcome["pending"]["records"] > 3
    assert not (store_folder() / "runs" / "planned" / "wandb.json").exists()
    assert main(["sync", "--all", "--dry-run"]) == 0
    assert "would send 3 rows" in capsys.readouterr().out


def test_all_of_an_empty_store_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_wandb_has_is_not_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    recorded("complete")
    folder = store_folder() / "runs" / "complete"
    size = (folder / "segments" / "0001-rank0.jsonl").stat().st_size
    slices = [("0001-rank0", 0, size)]
    State(
        "complete", url="http://there", finished=True, status="finished", slices=slices, rows=3, confirmed_rows=3
    ).save(folder)
    assert main(["sync", "complete", "--mode", "online"]) == 0
    assert "nothing to send" in capsys.readouterr().out
    run = speech_tracker.init(id="complete", mode="local")  # it goes on
    run.log_metrics({"train/loss": 2.0}, step=9)
    run.finish()
    assert main(["sync", "complete", "--mode", "online", "--dry-run"]) == 0
    assert "would send 1 rows" in capsys.readouterr().out


def test_a_folder_that_has_everything_is_not_made_again(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    recorded("made")
    folder = store_folder() / "runs" / "made"
    size = (folder / "segments" / "0001-rank0.jsonl").stat().st_size
    State("made", folder=Folder(str(tmp_path), complete=True, position={"0001-rank0": size})).save(folder)
    assert main(["sync", "made"]) == 0  # WANDB_MODE is offline in tests
    assert str(tmp_path) in capsys.readouterr().out
    assert load_state(folder).folder is not None


def test_a_journal_of_a_newer_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    recorded("newer")
    path = store_folder() / "runs" / "newer" / "segments" / "0001-rank0.jsonl"
    from zlib import crc32

    body = b'{"v":99,"run":"newer","segment":"0001-rank0","n":9,"time":1.0,"type":"x","data":{}'
    with path.open("ab") as file:
        file.write(b'%b,"crc":"%08x"}\n' % (body, crc32(body)))
    assert main(["sync", "newer", "--dry-run"]) == 2
    assert "newer" in capsys.readouterr().err
