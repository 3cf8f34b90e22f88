"""With the real W&B client against a real server, and a proxy between them that goes wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import speech_tracker
from speech_tracker.evaluation.score import score
from speech_tracker.view import RunView

pytestmark = pytest.mark.online

HANGS = 60.0
"""Seconds. A network that hangs would hold whatever waits for it for hours; a slow machine is no such thing."""


def history(rows: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(row["step"], row["train/loss"]) for row in rows if "train/loss" in row]


def journal(folder: Path) -> list[tuple[int, float]]:
    return [(point["step"], point["value"]) for point in RunView.read(folder).history("train/loss")]


def assert_equal(world: Any, run: str) -> None:
    """W&B's history is the journal's: every step once, none missing, lines and W&B's own counter without gaps."""
    rows = world.service.rows(run)
    assert history(rows) == journal(world.folder(run))
    assert world.service.numbers(run) == list(range(len(rows)))
    assert [row["_step"] for row in rows] == list(range(len(rows)))


def ask(process: Any, command: str) -> str:
    process.stdin.write(command + "\n")
    process.stdin.flush()
    return str(process.stdout.readline())


def seconds(answer: str) -> float:
    return float(re.findall(r"\d+\.\d+", answer)[0])


def recorded(world: Any, run_id: str, steps: int = 30, **options: Any) -> Any:
    """A run that is only in the journal so far."""
    run = speech_tracker.init("project", task="asr", id=run_id, mode="local", store=world.store, **options)
    for step in range(steps):
        run.log_metrics({"train/loss": 1.0 / (step + 1)}, step=step)
    return run


def test_a_living_run_is_in_wandb_while_it_runs_and_whole_when_it_has_finished(world: Any) -> None:
    training = world.train("online", "live1")
    assert training.stdout.readline().startswith("ready")
    ask(training, "log 50")
    world.wait(lambda: len(history(world.service.rows("live1"))) == 50)
    assert "/runs/live1" in ask(training, "url")
    ask(training, "log 7")
    ask(training, "finish")
    ask(training, "exit")
    _, said = training.communicate()
    assert_equal(world, "live1")
    assert world.service.exits["live1"] == [0]
    assert "everything is in W&B" in said
    state = world.state("live1")
    assert state["finished"] and state["rows"] == 57 and state["pending"]["records"] == 0
    found = world.server.run("live1")
    assert found["config"]["lr"]["value"] == 0.1
    assert found["config"]["speech"]["value"]["task"] == "asr"
    assert found["display_name"] == "training"


def test_syncing_twice_changes_nothing_and_asks_nobody(world: Any) -> None:
    recorded(world, "twice").finish()
    assert world.sync("twice").returncode == 0
    assert_equal(world, "twice")
    before = len(world.proxy.requests)
    again = world.sync("twice")
    assert again.returncode == 0 and "nothing to send" in again.stdout
    assert len(world.proxy.requests) == before


def test_values_come_through_as_they_are(world: Any) -> None:
    run = speech_tracker.init("project", id="values", mode="local", store=world.store)
    run.log_metrics(
        {"nan": float("nan"), "inf": float("inf"), "minus": -float("inf"), "big": 2**60, "lr-AdamW/pg1": 0.5}
    )
    run.finish()
    assert world.sync("values").returncode == 0
    (row,) = world.service.rows("values")
    assert row["nan"] != row["nan"] and row["inf"] == float("inf") and row["minus"] == -float("inf")
    assert row["big"] == 2**60 and row["lr_AdamW/pg1"] == 0.5


def test_artifacts_tables_evaluations_and_alerts_are_sent_once(world: Any, tmp_path: Path) -> None:
    model = tmp_path / "best model.ckpt"
    model.write_bytes(b"weights")
    run = recorded(world, "things", 3)
    run.log_dataset("libri/train-clean", version="v7", hours=100.5, manifest=str(model))
    run.log_checkpoint(model, step=2, metrics={"valid/wer": float("nan")}, aliases=["best"])
    run.log_checkpoint(tmp_path / "gone.ckpt", step=1)
    run.log_checkpoint(tmp_path / "gone.ckpt", action="deleted")
    run.log_artifact(model, type="lexicon", name="words")
    run.log_table("examples", ["text", "errors"], [["a \ud800 b", 1], [None, "x"]], step=2)
    run.log_json("notes", {"why": [1, 2]})
    run.alert("attention", "it diverged", level="warn")
    references, hypotheses = {"u1": "a b c", "u2": "d"}, {"u1": "a x c", "u2": "d"}
    run.log_evaluation(score(references, hypotheses), test_set="test-clean", step=2)
    run.finish()
    assert world.sync("things").returncode == 0
    made = {(each.type, each.name): each for each in world.service.artifacts if each.committed}
    assert ("dataset", "libri-train-clean") in made and made["dataset", "libri-train-clean"].used_by == ["things"]
    checkpoint = made["model", "model-things"]
    assert {"best", "step-2"} <= set(checkpoint.aliases)
    assert checkpoint.manifest["best model.ckpt"]["ref"].startswith("file://")
    assert made["lexicon", "words"].uploads["best model.ckpt"] == b"weights"
    assert [name for name in made["evaluation", "evaluation-things-test-clean"].uploads if name.endswith(".parquet")]
    assert world.service.alerts == [("things", "attention", "it diverged", "WARN")]
    summary = world.server.run("things")["summary"]
    assert summary["test/test_clean/wer"] == pytest.approx(0.25)
    assert summary["test/test_clean/reference_length"] == 4
    assert summary["run/status"] == "finished"
    versions, alerts = len(world.service.artifacts), len(world.service.alerts)
    run = speech_tracker.init(id="things", mode="local", store=world.store)  # the job was requeued, and went on
    run.log_metrics({"train/loss": 0.1}, step=9)
    run.log_dataset("libri/train-clean", version="v7", hours=100.5, manifest=str(model))
    run.finish()
    assert world.sync("things").returncode == 0
    assert_equal(world, "things")
    assert (len(world.service.artifacts), len(world.service.alerts)) == (versions, alerts)


@pytest.mark.parametrize("kind", ["status", "reset", "lost", "slow"])
def test_a_server_that_misbehaves_for_a_while_gets_every_row_once(world: Any, kind: str) -> None:
    recorded(world, f"fault-{kind}", 200).finish()
    for pattern in ("file_stream", "UpsertBucket"):
        if kind == "reset":
            world.proxy.reset(pattern, times=2)
        elif kind == "lost":
            world.proxy.lose_answer(pattern, times=2)
        elif kind == "slow":
            world.proxy.slow(pattern, 1.0, times=3)
        else:
            world.proxy.fail(pattern, status=500, times=2)
            world.proxy.fail(pattern, status=429, times=1, retry_after=0.5)
    done = world.sync(f"fault-{kind}", WANDB_X_FILE_STREAM_RETRY_WAIT_MIN_SECONDS="0.1")
    assert done.returncode == 0, done.stderr
    assert_equal(world, f"fault-{kind}")


def test_an_answer_that_makes_the_client_give_up_silently_is_noticed_and_mended(world: Any) -> None:
    recorded(world, "fatal", 50).finish()
    world.proxy.fail("file_stream", status=403, times=1)
    done = world.sync("fatal")
    assert done.returncode == 0, done.stderr
    assert_equal(world, "fatal")


def test_a_dead_network_is_told_in_one_sentence_and_costs_a_bounded_time(world: Any) -> None:
    recorded(world, "dead").finish()
    world.proxy.hang("")
    done = world.sync("dead", "--timeout", "5", timeout=240)
    assert done.returncode == 1
    assert (
        done.stderr.count("error:") == 1
        and "speech-tracker sync dead" in done.stderr
        and "Traceback" not in done.stderr
    )
    assert world.state("dead")["pending"]["rows"] == 30
    world.proxy.heal()
    assert world.sync("dead").returncode == 0
    assert_equal(world, "dead")


def test_a_missing_login_is_told_with_the_remedy(world: Any) -> None:
    recorded(world, "nologin").finish()
    done = world.sync("nologin", WANDB_API_KEY="")
    assert done.returncode == 1 and "wandb login" in done.stderr


def test_a_server_restarted_in_mid_run_gets_every_row_once(world: Any) -> None:
    training = world.train("online", "restart")
    training.stdout.readline()
    ask(training, "log 40")
    world.wait(lambda: history(world.service.rows("restart")))
    world.server.stop()
    ask(training, "log 40")
    world.proxy.down()
    ask(training, "log 40")
    world.server.start()
    world.proxy.up()
    ask(training, "finish 60")
    ask(training, "exit")
    training.communicate()
    world.sync("restart")
    assert_equal(world, "restart")
    assert len(world.service.rows("restart")) == 120


def service_of(training: Any) -> psutil.Process | None:
    for child in psutil.Process(training.pid).children(recursive=True):
        if "wandb-core" in child.name():
            return child
    return None


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_stopped_wandb_service_costs_no_row(world: Any, sent: signal.Signals) -> None:
    run = f"core-{sent.name.lower()}"
    training = world.train("online", run)
    training.stdout.readline()
    ask(training, "log 40")
    world.wait(lambda: history(world.service.rows(run)))
    service = service_of(training)
    assert service is not None
    service.send_signal(sent)
    assert seconds(ask(training, "log 100")) < HANGS
    world.wait(lambda: len(history(world.service.rows(run))) == 140)
    ask(training, "finish")
    ask(training, "exit")
    training.communicate()
    assert_equal(world, run)


def test_a_training_killed_in_mid_run_is_sent_whole_by_its_worker(world: Any) -> None:
    training = world.train("online", "killed1")
    training.stdout.readline()
    ask(training, "log 60")
    training.kill()
    training.communicate()
    world.wait(lambda: world.state("killed1").get("finished"))
    assert_equal(world, "killed1")
    assert world.service.exits["killed1"] == [137] and world.state("killed1")["status"] == "killed"


def test_everything_killed_at_once_is_sent_whole_by_sync(world: Any) -> None:
    training = world.train("online", "killed2")
    training.stdout.readline()
    ask(training, "log 60")
    world.wait(lambda: history(world.service.rows("killed2")))
    ask(training, "log 60")
    worker = psutil.Process(training.pid).children()
    for process in [psutil.Process(training.pid), *worker]:
        process.send_signal(signal.SIGKILL)
    training.communicate()
    done = world.sync("killed2")
    assert done.returncode == 0, done.stderr
    assert_equal(world, "killed2")
    assert len(world.service.rows("killed2")) == 120
    assert "nothing to send" in world.sync("killed2").stdout


def test_a_black_hole_costs_the_training_nothing_and_finish_a_bounded_time(world: Any) -> None:
    world.proxy.hang("")
    training = world.train("online", "hole")
    assert seconds(training.stdout.readline()) < HANGS
    assert seconds(ask(training, "log 1000")) < HANGS
    assert seconds(ask(training, "finish 5")) < HANGS
    ask(training, "exit")
    _, said = training.communicate(timeout=120)
    assert "still to be sent" in said and "speech-tracker sync hole" in said
    world.proxy.heal()
    assert world.sync("hole").returncode == 0
    assert_equal(world, "hole")


def test_a_run_that_goes_back_to_a_checkpoint_has_every_step_once(world: Any) -> None:
    training = world.train("online", "rewound")
    training.stdout.readline()
    ask(training, "log 40")
    world.wait(lambda: len(history(world.service.rows("rewound"))) == 40)
    training.kill()
    training.communicate()
    world.wait(lambda: world.state("rewound").get("finished"))
    training = world.train("online", "rewound")  # the requeued job loads the checkpoint of step 24
    training.stdout.readline()
    ask(training, "rewind 24")
    ask(training, "log 30")
    ask(training, "finish 60")
    ask(training, "exit")
    training.communicate()
    world.sync("rewound")
    assert_equal(world, "rewound")
    assert [step for step, _ in history(world.service.rows("rewound"))] == list(range(55))
    assert world.service.rewinds == [("rewound", 24)]


def test_a_server_that_cannot_rewind_is_overwritten(world: Any) -> None:
    world.service.refuse_rewind = True
    recorded(world, "overwritten", 20).finish()
    assert world.sync("overwritten").returncode == 0
    run = speech_tracker.init(id="overwritten", mode="local", store=world.store)
    run.rewind(step=9)
    for step in range(10, 30):
        run.log_metrics({"train/loss": 5.0}, step=step)
    run.finish()
    done = world.sync("overwritten")
    assert done.returncode == 0, done.stderr
    assert_equal(world, "overwritten")


def test_files_of_rows_that_arrived_before_a_crash_are_sent_again(world: Any) -> None:
    run = recorded(world, "files", 3)
    run.log_table("examples", ["a"], [[1]], step=3)
    run.finish()
    world.proxy.fail("PUT .*media/table", status=500)
    command = subprocess.Popen([sys.executable, "-m", "speech_tracker.cli", "sync", "files"], env=world.environment)
    world.wait(lambda: len(world.service.rows("files")) == 4 and world.proxy.count("PUT .*media/table"))
    (worker,) = psutil.Process(command.pid).children()
    for process in (worker, psutil.Process(command.pid)):
        process.kill()
    command.wait()
    assert not list((world.server.folder / "files").rglob("files/**/examples*table.json"))
    world.proxy.heal()
    done = world.sync("files")
    assert done.returncode == 0, done.stderr
    assert list((world.server.folder / "files").rglob("examples*table.json"))
    assert_equal(world, "files")


@pytest.mark.plain_openwandb
def test_openwandb_as_it_is_gets_every_row_once_after_a_kill(world: Any) -> None:
    training = world.train("online", "plain")
    training.stdout.readline()
    ask(training, "log 60")
    world.wait(lambda: world.server.rows("project", "plain"))
    ask(training, "log 60")
    for process in [psutil.Process(training.pid), *psutil.Process(training.pid).children()]:
        process.send_signal(signal.SIGKILL)
    training.communicate()
    done = world.sync("plain")
    assert done.returncode == 0, done.stderr
    assert history(world.server.rows("project", "plain")) == journal(world.folder("plain"))


def test_following_mirrors_a_run_until_it_ends(world: Any) -> None:
    training = world.train("local", "followed")
    training.stdout.readline()
    ask(training, "log 10")
    follower = subprocess.Popen(
        [sys.executable, "-m", "speech_tracker.cli", "sync", "followed", "--follow", "--json"], env=world.environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    world.wait(lambda: len(history(world.service.rows("followed"))) == 10)
    ask(training, "log 10")
    world.wait(lambda: len(history(world.service.rows("followed"))) == 20)
    busy = world.sync("followed")
    assert "is being sent by process" in busy.stdout and busy.returncode == 0
    ask(training, "finish")
    ask(training, "exit")
    training.communicate()
    said, _ = follower.communicate(timeout=240)
    assert json.loads(said)[0]["action"] == "sent"
    assert_equal(world, "followed")
    assert world.service.exits["followed"] == [0]


def test_a_run_that_still_runs_is_not_finished_by_syncing_it(world: Any) -> None:
    training = world.train("local", "running")
    training.stdout.readline()
    ask(training, "log 10")
    done = world.sync("running")
    assert done.returncode == 0, done.stderr
    assert len(history(world.service.rows("running"))) == 10
    assert "running" not in world.service.exits
    ask(training, "log 5")
    ask(training, "finish")
    ask(training, "exit")
    training.communicate()
    assert world.sync("running").returncode == 0
    assert_equal(world, "running")
    assert world.service.exits["running"] == [0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of half a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_under_wandb_costs_no_row(world: Any, small_disk: Path) -> None:
    training = world.train("online", "fulldisk", WANDB_DIR=str(small_disk))
    training.stdout.readline()
    ask(training, "log 30")
    world.wait(lambda: len(history(world.service.rows("fulldisk"))) == 30)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 1_000_000)
    ask(training, "log 300")
    ask(training, "finish 60")
    ask(training, "exit")
    training.communicate()
    assert_equal(world, "fulldisk")
    recorded(world, "nodisk").finish()
    refused = world.sync("nodisk", WANDB_DIR=str(small_disk))
    assert refused.returncode == 1 and "cannot be written" in refused.stderr and "WANDB_DIR" in refused.stderr
    assert world.sync("nodisk").returncode == 0
    assert_equal(world, "nodisk")


def test_a_refused_login_is_one_warning_with_the_remedy_and_the_training_goes_on(world: Any) -> None:
    training = world.train("online", "unknown", WANDB_API_KEY="")
    training.stdout.readline()
    assert seconds(ask(training, "log 100")) < HANGS
    world.wait(lambda: world.state("unknown").get("last_error"))
    time.sleep(3.0)  # the training's process looks every half second
    assert seconds(ask(training, "finish")) < HANGS
    ask(training, "exit")
    _, said = training.communicate()
    assert said.count("the run is not in W&B") == 1 and "wandb login" in said and "speech-tracker sync unknown" in said
    assert world.sync("unknown").returncode == 0
    assert_equal(world, "unknown")


def test_a_signal_leaves_the_worker_time_to_tell_wandb(world: Any) -> None:
    training = world.train("online", "preempted", SLURM_JOB_ID="7")
    training.stdout.readline()
    ask(training, "log 40")
    world.wait(lambda: history(world.service.rows("preempted")))
    training.terminate()
    training.communicate()
    world.wait(lambda: world.state("preempted").get("finished"))
    assert_equal(world, "preempted")
    assert world.state("preempted")["status"] == "preempted" and "preempted" in world.service.preempting
    assert world.service.exits["preempted"] == [143]
