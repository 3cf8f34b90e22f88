from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.testing.fault_proxy import FaultProxy
from speech_tracker.testing.wandb_service import WandbService

KEY = "0123456789" * 4  # openwandb lets anybody in; its own key costs it half a second of hashing with every request
TRAINING = Path(__file__).with_name("training_process.py")


@dataclass
class Server:
    """A real openwandb on 127.0.0.1."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("openwandb")), "serve", "--host", "127.0.0.1", "--port", str(self.port),
                   "--data-dir", str(self.folder), "--log-level", "error"]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, "openwandb did not start"
            assert time.monotonic() < until, "openwandb does not answer"
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/api/v2/projects", timeout=2).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def rows(self, project: str, run: str) -> list[dict[str, Any]]:
        """The history as it has it, in the order of arrival."""
        path = self.folder / "files" / "default" / project / run / "wandb-history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []

    def run(self, run: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/v2/runs/{run}", timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())["run"]
        return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(tmp_path_factory.mktemp("openwandb"), port)
    yield server
    server.stop()


@dataclass
class World:
    """A store, a W&B folder, a server with W&B's own habits, and a proxy before it that can go wrong."""

    store: Path
    wandb_dir: Path
    server: Server
    service: WandbService
    proxy: FaultProxy
    environment: dict[str, str]

    def sync(self, *arguments: str, timeout: float = 150, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "speech_tracker.cli", "sync", *arguments], env={**self.environment, **variables},
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def train(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a training (see training_process.py); its arguments are those of the script."""
        return subprocess.Popen(
            [sys.executable, str(TRAINING), *arguments], env={**self.environment, **variables}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=self.wandb_dir,
        )  # fmt: skip

    def folder(self, run: str) -> Path:
        return self.store / "runs" / run

    def state(self, run: str) -> dict[str, Any]:
        path = self.folder(run) / "wandb.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def wait(self, what: Callable[[], Any], seconds: float = 120) -> Any:
        """Wait until `what` is true and return it."""
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, "it did not come true in time"
            time.sleep(0.05)
        return found


@pytest.fixture
def world(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    plain = request.node.get_closest_marker("plain_openwandb") is not None
    service = WandbService()
    wandb_dir = tmp_path / "cwd"
    wandb_dir.mkdir()
    with FaultProxy(server.url, None if plain else service) as proxy:
        environment = {
            **os.environ, "SPEECH_TRACKER_DIR": str(tmp_path / "store"), "WANDB_BASE_URL": proxy.url, "WANDB_API_KEY": KEY,
            "WANDB_DIR": str(wandb_dir), "WANDB_MODE": "online", "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "0.2",
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        for name in ("WANDB_DATA_DIR", "SPEECH_TRACKER_SILENT", "WANDB_SILENT"):
            environment.pop(name, None)
        yield World(tmp_path / "store", wandb_dir, server, service, proxy, environment)
