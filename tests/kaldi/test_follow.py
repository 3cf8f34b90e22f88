"""A training that goes on while it is read: nothing is lost, nothing is there twice, and it ends by itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.integrations.kaldi.ingest import KaldiIngester
from speech_tracker.paths import store_folder
from speech_tracker.view import RunView

WRITER = Path(__file__).with_name("write_slowly.py")
PATIENCE = 600
SPEECH_TRACKER = (
    sys.executable,
    "-c",
    # a shell that runs the tests in the background lets its children ignore Ctrl-C
    (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from speech_tracker.cli import main; sys.exit(main())"
    ),
)


@pytest.fixture
def original(made_tree, tmp_path):
    """The monophone and the chain model of the made experiment, in the order in which their files were made."""
    folder = tmp_path / "original"
    for part in ("exp/mono", "exp/mono_ali", "exp/chain"):
        shutil.copytree(made_tree / part, folder / part)
    return folder


@contextlib.contextmanager
def started(*command, **options):
    """A process that is gone at the end, whatever happens."""
    with subprocess.Popen([str(each) for each in command], **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def follower(folder, *options):
    return started(
        *SPEECH_TRACKER, "ingest", "kaldi", folder, "--follow", "--mode", "local", "--json",
        "--interval", "0.05", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def writer(original, folder, *options, pause=0.0005):
    return started(sys.executable, WRITER, original, folder, pause, *options)


def until(condition, process):
    """Wait until a process has brought something about."""
    ending = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ending
        time.sleep(0.02)


def runs(store=None):
    found = [RunView.read(path.parent) for path in sorted((store or store_folder()).glob("runs/*/segments"))]
    return {view.identity["name"]: view for view in found if view.identity.get("name")}


def points(view):
    return {
        name: [(point["step"], point["value"]) for point in history] for name, history in view.histories.items()
    }  # fmt: skip


def content(view):
    """Everything of a run that does not depend on when and where it was read."""
    return {
        "status": view.status,
        "points": points(view),
        "evaluations": sorted(
            (each["test_set"], each["error_rate"], each["metadata"]["selection"]["how"], each["metadata"]["points"])
            for each in view.evaluations
        ),
        "stages": {
            each["data"]["stage"]: (each["data"]["jobs"], each["data"]["failed"], each["data"]["seconds"])
            for each in view.events
            if each["name"] == "stage"
        },
        "speech": view.speech,
        "problems": sorted((Path(each["path"]).name, each["line"], each["reason"]) for each in view.problems),
    }


def assert_nothing_is_there_twice(view):
    recorded = Counter()
    for record in view.records("metrics"):
        recorded.update((name, record.data.get("step")) for name in record.data["values"])
    assert [key for key, count in recorded.items() if count > 1] == []
    assert len({json.dumps(each["test_set"]) for each in view.evaluations}) == len(view.evaluations)
    links = [(each["run"], each["relation"]) for each in view.links]
    assert len(set(links)) == len(links)


def once(folder, store):
    """Ingest a finished tree into another store."""
    environment = {**os.environ, "SPEECH_TRACKER_DIR": str(store)}
    subprocess.run(
        [*SPEECH_TRACKER, "ingest", "kaldi", folder, "--mode", "local"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    return runs(store)


def test_a_training_followed_by_two_processes_one_after_the_other_is_recorded_as_if_read_at_its_end(original, tmp_path):
    folder, gate = tmp_path / "live", tmp_path / "gate"
    folder.mkdir()
    lasting, held = "exp/chain/tdnn1a/log/combine.log", "exp/mono/log/acc.6.1.log"
    with writer(original, folder, lasting, held, gate) as writing:
        with follower(folder) as first:
            until(lambda: "mono" in runs() and len(points(runs()["mono"])) > 2, first)
            assert not (folder / "exp/mono/final.mdl").exists()
            first.send_signal(signal.SIGKILL)
            first.wait(PATIENCE)
        gate.touch()
        known = points(runs()["mono"])
        with follower(folder, "--quiet", "1") as second:
            assert writing.wait(PATIENCE) == 0
            out, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    assert "stopped following: all 3 runs are complete" in err
    found, expected = runs(), once(original, tmp_path / "other store")
    assert found.keys() == expected.keys() == {"mono", "mono_ali", "chain/tdnn1a"}
    for name, view in found.items():
        assert content(view) == content(expected[name])
        assert_nothing_is_there_twice(view)
    for name, values in known.items():  # what the first one had recorded is still there, as it was
        assert points(found["mono"])[name][: len(values)] == values
    assert {run["name"]: run["iterations"] for run in json.loads(out)["runs"]}["chain/tdnn1a"] == 5


def test_following_ends_by_itself_soon_after_the_last_model_file(original, tmp_path):
    folder = tmp_path / "live"
    folder.mkdir()
    with follower(folder, "--quiet", "1") as following, writer(original / "exp/mono", folder / "exp/mono"):
        _, err = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert "the training is complete" in err
    assert runs()["mono"].status == "finished"


def test_ctrl_c_ends_following_and_what_was_read_is_recorded(original, tmp_path):
    folder = tmp_path / "live"
    shutil.copytree(original, folder)
    (folder / "exp/chain/tdnn1a/final.mdl").unlink()  # as if it went on
    log = folder / "exp/chain/tdnn1a/log/train.4.2.log"
    log.write_text(log.read_text().partition("# Accounting")[0])
    with follower(folder) as following:
        until(lambda: "chain/tdnn1a" in runs() and runs()["chain/tdnn1a"].evaluations, following)
        following.send_signal(signal.SIGINT)
        out, err = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0, err
    assert "Traceback" not in err
    assert {run["name"] for run in json.loads(out)["runs"]} == {"mono", "mono_ali", "chain/tdnn1a"}
    found = runs()
    assert found["mono"].status == "finished"
    assert found["chain/tdnn1a"].status == "preempted"
    # it goes on from there
    log.write_text((original / "exp/chain/tdnn1a/log/train.4.2.log").read_text())
    shutil.copy(original / "exp/chain/tdnn1a/final.mdl", folder / "exp/chain/tdnn1a")
    with follower(folder, "--quiet", "1") as following:
        following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert runs()["chain/tdnn1a"].status == "finished"
    assert_nothing_is_there_twice(runs()["chain/tdnn1a"])


def test_a_training_that_is_started_again_over_its_own_logs_replaces_what_they_said(original, tmp_path):
    folder = tmp_path / "live"
    shutil.copytree(original / "exp/mono", folder, ignore=shutil.ignore_patterns("decode*", "analyze_*", "final.mdl"))
    with follower(folder) as following:
        until(lambda: "live" in runs() and len(points(runs()["live"]).get("train/utterances", ())) == 8, following)
        for x in (6, 7, 8):  # the logs are cut to nothing first, as a shell's > does, and written again
            for path in sorted((folder / "log").glob(f"acc.{x}.*.log")):
                text = re.sub(r"= -\d+\.\d+ over", "= -50.25 over", path.read_text())
                with path.open("wb", buffering=0) as file:
                    for line in text.encode().splitlines(keepends=True):
                        file.write(line)
                        time.sleep(0.01)
        rotated = folder / "log/acc.5.1.log"
        text = rotated.read_text()
        rotated.rename(rotated.with_suffix(".log.1"))
        rotated.write_text(text)  # another inode with the same content is nothing new
        shutil.copy(original / "exp/mono/final.mdl", folder)
        _, err = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0, err
    curve = points(runs()["live"])["train/log_likelihood_per_frame"]
    assert [step for step, _ in curve] == list(range(1, 9))
    assert [value for _, value in curve[5:]] == [-50.25] * 3
    assert all(value < -80 for _, value in curve[:5])


def unfinished(original, folder):
    """The chain model, as if its training went on between two jobs."""
    shutil.copytree(original / "exp/chain/tdnn1a", folder, ignore=shutil.ignore_patterns("decode*", "final.mdl"))
    for path in (folder / "accuracy.report", *(folder / "log").glob("c*final*"), *(folder / "log").glob("combine*")):
        path.unlink()


def test_a_folder_that_goes_away_and_comes_back_is_followed_on(original, tmp_path):
    folder, away = tmp_path / "tdnn1a", tmp_path / "elsewhere"
    unfinished(original, folder)
    with follower(folder, "--quiet", "0") as following:
        until(lambda: "tdnn1a" in runs() and points(runs()["tdnn1a"]), following)
        folder.rename(away)
        warned = next(line for line in following.stderr if "waiting" in line)
        assert "waiting for the folder to come back" in warned
        (away / "final.mdl").touch()
        away.rename(folder)
        _, err = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert "the training is complete" in err
    assert runs()["tdnn1a"].status == "finished"
    assert_nothing_is_there_twice(runs()["tdnn1a"])


def test_a_folder_that_is_gone_for_good_ends_following_and_its_training_is_not_called_finished(
    original, tmp_path, caplog
):
    folder, now = tmp_path / "tdnn1a", [0.0]
    unfinished(original, folder)

    def sleep(_):
        if not now[0]:
            folder.rename(tmp_path / "elsewhere")
        now[0] += 100

    session = Session("kaldi", KaldiIngester, Source(folder), Destination(mode="local"))
    with pytest.raises(FileNotFoundError):
        session.follow(Pace(idle=1000), sleep=sleep, clock=lambda: now[0])
    assert now[0] == 1000
    assert caplog.text.count("waiting for the folder to come back") == 1
    view = runs()["tdnn1a"]
    assert view.status == "preempted"
    assert points(view)["train/objective/output"]
