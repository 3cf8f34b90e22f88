"""Every test has a store of its own, nothing of W&B's outside its folder, and fails when an error was swallowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

pytest.register_assert_rewrite(  # so that a failure there shows its values
    "speech_tracker.testing.contract", "speech_tracker.testing.parsers"
)

from speech_tracker.testing.isolation import environment, forget_runs, swallowed_errors  # noqa: E402

_numbers = count()

with suppress(ImportError):  # the environment of Fairseq has no hypothesis
    from hypothesis import HealthCheck, settings

    # one commit has one verdict, on a slow machine too: new examples are looked for on purpose, with
    # `pytest --hypothesis-profile=search`
    settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("search", derandomize=False, deadline=None)
    settings.load_profile("same")


@pytest.fixture(autouse=True)
def _isolated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    folder = tmp_path_factory.getbasetemp() / f"isolated-{next(_numbers)}"  # made only where something is written
    for name, value in environment(folder).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    (folder / "wandb-home").mkdir(parents=True)  # W&B writes elsewhere when its folder is missing
    before = os.getpid()
    with swallowed_errors() as found:
        yield
        if os.getpid() == before:
            forget_runs()
    if found and request.node.get_closest_marker("expects_swallowed") is None:
        shown = "\n".join(f"{place}: {''.join(traceback.format_exception(error))}" for place, error in found)
        pytest.fail(f"swallowed (mark the test expects_swallowed if that is its subject):\n{shown}", pytrace=False)


@pytest.fixture
def ingest(capsys, toolkit):
    """`speech-tracker ingest TOOLKIT`; returns the exit code, the JSON document and what was said on stderr."""
    from speech_tracker.cli import main

    def run(folder, *arguments, mode="local"):
        code = main(["ingest", toolkit, str(folder), "--json", "--mode", mode, *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


@pytest.fixture
def ingest_without_rights(toolkit):
    """The same in a process that may read only what permissions allow, as `root` too may then; skips where it cannot."""
    launcher = Path(__file__).with_name("without_rights.py")

    def run(folder, *arguments, toolkit=toolkit):
        what = [str(folder)] if toolkit is None else [toolkit, str(folder)]
        command = [sys.executable, str(launcher), "ingest", *what, "--json", "--mode", "local", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode == 77:
            pytest.skip(f"root cannot give up its rights here: {done.stderr}")
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run


@pytest.fixture
def views():
    """Name of each recorded run → its view."""
    from speech_tracker.paths import store_folder
    from speech_tracker.view import RunView

    def read():
        runs = store_folder() / "runs"
        found = [RunView.read(folder) for folder in sorted(runs.iterdir())] if runs.is_dir() else []
        return {view.identity["name"]: view for view in found}

    return read
