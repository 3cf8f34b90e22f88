from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.doctor.wandb_access import base_url, login_from, reach


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert "Authorization" not in self.headers
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    http = HTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{http.server_address[1]}"
    monkeypatch.setenv("WANDB_BASE_URL", url)
    yield url
    http.shutdown()
    thread.join()
    http.server_close()


def test_a_healthy_store_exits_with_0(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    make_run()
    answer = cli("doctor", "--json")
    report = answer.json()
    assert (answer.code, report["healthy"]) == (0, True), report["findings"]
    assert report["runs"] == {"total": 1, "by_status": {"finished": 1}}
    assert report["store"]["writable"] is True
    assert report["store"]["free_bytes"] > 0
    assert report["wandb"]["reachable"] is True
    assert report["extras"]["wandb"]["packages"].keys() == {"wandb"}
    assert "everything is well" in cli("doctor").out


def test_damage_is_a_finding_with_file_line_and_remedy(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    folder = make_run(metrics={"train/loss": [1.0] * 5})
    (segment,) = (folder / "segments").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:4], lines[4][:30] + b"#" + lines[4][31:], *lines[5:]]))
    answer = cli("doctor", "--json")
    assert answer.code == 1
    (found,) = [each for each in answer.json()["findings"] if each["level"] == "problem"]
    assert (found["run"], found["path"], found["line"]) == (folder.name, str(segment), 5)
    assert found["remedy"]
    assert f"{segment}:5: its checksum does not fit" in cli("doctor").out


def test_a_record_that_is_missing_is_a_finding(cli: Callable[..., Any], make_run: Callable[..., Path]) -> None:
    folder = make_run(metrics={"train/loss": [1.0] * 5})
    (segment,) = (folder / "segments").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:4] + lines[5:]))
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert any("records 4 to 4 are missing" in each["what"] for each in answer.json()["findings"])


def test_a_process_that_vanished_is_a_finding(cli: Callable[..., Any]) -> None:
    code = "import speech_tracker, os\nspeech_tracker.init('digits', mode='local')\nos.kill(os.getpid(), 9)"
    gone = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert gone.returncode == -9, gone.stderr
    answer = cli("doctor", "--json")
    assert answer.code == 1
    (found,) = [each for each in answer.json()["findings"] if each["level"] == "problem"]
    assert "is gone" in found["what"]
    assert f"speech-tracker sync {found['run']}" in found["remedy"]


def test_a_run_of_a_newer_format_is_a_finding_and_the_rest_is_examined(
    cli: Callable[..., Any], make_run: Callable[..., Path], store: Path
) -> None:
    from speech_tracker.journal.record import line, opening

    make_run()
    segments = store / "runs" / "future" / "segments"
    segments.mkdir(parents=True)
    text = line(opening("future", "0001-rank0").replace(b'"v":1', b'"v":9'), 0, 1.0, "segment", b'{"role":"main"}')
    (segments / "0001-rank0.jsonl").write_bytes(text)
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert answer.json()["runs"]["by_status"] == {"finished": 1, "unreadable": 1}
    assert any("format 9" in each["what"] and each["run"] == "future" for each in answer.json()["findings"])


def test_swallowed_errors_of_a_run_are_counted(cli: Callable[..., Any], store: Path) -> None:
    code = (
        "import speech_tracker\nfrom speech_tracker.guard import report\n"
        "run = speech_tracker.init('digits', mode='local')\nreport('the hook', OSError('x'))\nreport('the hook', OSError('y'))\n"
        "run.finish()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert any("the hook failed 2 times" in each["what"] for each in answer.json()["findings"])


def test_wrong_input_of_an_experiment_is_only_a_note(cli: Callable[..., Any]) -> None:
    import speech_tracker

    with speech_tracker.init("digits", mode="local") as run:
        run.log_problem("no transcript", path="text", line=3)
    answer = cli("doctor", "--json")
    assert answer.code == 0
    assert any("skipped: 1" in each["what"] for each in answer.json()["findings"])


def test_a_store_that_is_a_file_is_a_finding(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = cli("doctor", "--json", "--store", str(tmp_path / "file"))
    assert answer.code == 1
    assert "not a folder" in answer.json()["findings"][0]["what"]


def test_a_store_whose_runs_are_no_folder_is_a_finding(cli: Callable[..., Any], store: Path) -> None:
    store.mkdir()
    (store / "runs").write_text("")
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert "not a folder" in answer.json()["findings"][0]["what"]


def test_a_store_that_is_not_there_yet_is_no_problem_and_is_not_made(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("doctor", "--store", str(tmp_path / "none")).code == 0
    assert not (tmp_path / "none").exists()


def test_no_key_is_ever_printed(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    key = "0123456789abcdef" * 2 + "01234567"
    monkeypatch.setenv("WANDB_API_KEY", key)
    for options in ([], ["--json"]):
        answer = cli("doctor", *options)
        assert key not in answer.out + answer.err
        assert "$WANDB_API_KEY" in answer.out
    monkeypatch.delenv("WANDB_API_KEY")
    Path(os.environ["NETRC"]).write_text(f"machine 127.0.0.1 login user password {key}\n")
    answer = cli("doctor", "--json")
    assert key not in answer.out + answer.err
    assert answer.json()["wandb"]["login_from"] == os.environ["NETRC"]
    assert login_from("http://elsewhere.example") is None


def test_a_silent_server_costs_no_more_than_the_time_allowed() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert reach(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2) in ("no answer within 0.2 s", "timed out")


def test_a_dead_server_is_a_problem_only_for_who_wants_to_be_online(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    assert cli("doctor").code == 0
    monkeypatch.setenv("WANDB_MODE", "online")
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert answer.json()["wandb"]["reachable"] is False


def test_the_server_of_wandb_login_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_BASE_URL")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    assert base_url() == "https://api.wandb.ai"
    (tmp_path / "settings").write_text("[default]\nbase_url = https://wandb.example.org/\n")
    assert base_url() == "https://wandb.example.org"


def test_mending_deletes_old_leftovers_and_never_a_record(
    cli: Callable[..., Any], make_run: Callable[..., Path], store: Path
) -> None:
    folder = make_run(metrics={"train/loss": [1.0]})
    old, young = folder / ".wandb.json.abcd1234", folder / ".wandb.json.efgh5678"
    for path in (old, young):
        path.write_text("")
    os.utime(old, (time.time() - 200_000,) * 2)
    before = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    dry = cli("doctor", "--mend", "--dry-run")
    assert str(old) in dry.out
    assert old.exists()
    answer = cli("doctor", "--mend", "--json")
    assert (answer.code, old.exists(), young.exists()) == (0, False, True)
    assert str(old) in json.dumps(answer.json()["mended"])
    assert {path: path.read_bytes() for path in folder.rglob("*.jsonl")} == before


def test_a_dry_run_of_nothing_is_wrong_use(cli: Callable[..., Any]) -> None:
    assert cli("doctor", "--dry-run").code == 2


def test_wandb_is_not_imported() -> None:
    code = "import sys\nfrom speech_tracker.cli import main\nmain(['doctor'])\nassert 'wandb' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
