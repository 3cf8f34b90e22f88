"""Folders of Lightning into runs: what is recorded, what damage costs, and that a second time adds nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from speech_tracker.cli import main
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.integrations.lightning.ingest import LightningIngester

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 123456\n".format("0" * 64)


def curve(view, name):
    return [(point["step"], point["value"]) for point in view.history(name)]


def test_a_training_becomes_a_run_with_its_curves(version, epoch_lines, ingest, views):
    made = version().add(*epoch_lines(0), *epoch_lines(1)).age()
    code, document, _ = ingest(made.folder.parent)
    assert code == 0
    assert document["problems"] == []
    (run,) = document["runs"]
    assert (run["name"], run["iterations"], run["evaluations"]) == ("digits ö/version_0", 200, [])
    view = views()["digits ö/version_0"]
    assert curve(view, "train/loss") == [(50, 0.04), (100, 0.02), (150, 0.013333), (200, 0.01)]
    assert curve(view, "train/loss_epoch") == [(100, 1.5), (200, 0.75)]
    assert curve(view, "valid/wer") == [(100, 0.5), (200, 0.25)]
    assert [point["epoch"] for point in view.history("valid/wer")] == [1, 2]
    assert (view.status, view.identity["task"]) == ("finished", "asr")
    assert view.speech["toolkit"] == "lightning"
    assert view.speech["model"] == {"encoder": "conformer"}
    assert view.speech["features"] == {"sample_rate": 16000, "n_mels": 80}
    assert view.config["lr"] == 0.001


def test_a_second_time_adds_nothing(version, epoch_lines, ingest, journal):
    made = version().add(*epoch_lines(0)).age()
    (made.folder / "checkpoints").mkdir()
    (made.folder / "checkpoints" / "epoch=0-step=100.ckpt").write_bytes(b"PK")
    ingest(made.folder.parent)
    before = journal()
    code, _, _ = ingest(made.folder.parent)
    assert code == 0
    assert journal() == before


def test_a_folder_that_is_not_named_as_lightnings_is_recognised(version, epoch_lines, capsys):
    made = version().add(*epoch_lines(0)).age()
    assert main(["ingest", str(made.folder.parent.parent), "--dry-run"]) == 0
    assert "taken for Lightning, because " in capsys.readouterr().err


def test_what_comes_later_is_added_with_the_column_that_it_brings(version, epoch_lines, ingest, views):
    made = version().add(*epoch_lines(0)).age()
    ingest(made.folder.parent)
    later = [line + "," for line in made.lines[1:]]
    made.lines = [made.lines[0] + ",test_wer", *later, *[line + "," for line in epoch_lines(1)], "2,200,,,,,0.125"]
    made.write().age()
    code, document, _ = ingest(made.folder.parent)
    assert code == 0
    assert document["problems"] == []
    view = views()["digits ö/version_0"]
    assert curve(view, "train/loss_epoch") == [(100, 1.5), (200, 0.75)]
    assert curve(view, "test/wer") == [(200, 0.125)]
    assert not any(event["name"] == "history-replaced" for event in view.events)


def test_a_training_that_was_begun_anew_in_its_folder_replaces_the_old_one(version, epoch_lines, ingest, views):
    made = version().add(*epoch_lines(0), *epoch_lines(1)).age()
    ingest(made.folder.parent)
    made.lines = [made.lines[0], *[line.replace("1.5", "9.5") for line in epoch_lines(0)]]
    made.write().age()
    ingest(made.folder.parent)
    assert curve(views()["digits ö/version_0"], "train/loss_epoch") == [(100, 9.5)]


def test_a_training_resumed_in_a_new_folder_is_linked_to_the_one_it_goes_on_from(version, epoch_lines, ingest, views):
    first = version(0).add(*epoch_lines(0), *epoch_lines(1)).age()
    version(1).add(*epoch_lines(2)).age()
    other = version(2).add(*epoch_lines(1))
    (other.folder / "hparams.yaml").write_text("lr: 0.5\n")
    other.age()
    _, document, _ = ingest(first.folder.parent)
    runs = views()
    assert runs["digits ö/version_1"].links == [
        {**runs["digits ö/version_1"].links[0], "run": document["runs"][0]["id"], "relation": "continues"}
    ]
    assert runs["digits ö/version_2"].links == []


def test_damaged_lines_are_reported_with_their_place_and_cost_nothing_else(version, epoch_lines, ingest, views):
    made = version().add(*epoch_lines(0), "0,not a number,,,,", "0,105,,nan,,", "1,149,,1e400,,", "1,150").age()
    code, document, err = ingest(made.folder.parent)
    assert code == 0
    reasons = {(each["line"], each["reason"]) for each in document["problems"]}
    assert reasons == {
        (6, "'not a number' is no number, in column 'step'"),
        (9, "2 cells under a header of 6"),
    }
    assert "metrics.csv:6:" in err
    values = [value for _, value in curve(views()["digits ö/version_0"], "train/loss")]
    assert values[:2] == [0.04, 0.02]
    assert values[2] != values[2]
    assert values[3] == float("inf")


@pytest.mark.parametrize(("content", "reason"), [
    (POINTER, "Git LFS"),
    ("", "the file is empty"),
    ("epoch,step,loss\r\n", "no row of values is in it"),
    ("a,b\r\n1,2\r\n", "expected a header with a column `step`"),
    ("epoch,step\0,loss\r\n", "binary data"),
], ids=["pointer", "empty", "header", "foreign", "binary"])  # fmt: skip
def test_a_file_without_values_is_a_problem_and_the_rest_is_recorded(version, epoch_lines, ingest, content, reason):
    good = version(0).add(*epoch_lines(0)).age()
    version(1).write(content).age()
    code, document, _ = ingest(good.folder.parent)
    assert code == 0
    assert [run["iterations"] for run in document["runs"]] == [100, 0]
    (problem,) = document["problems"]
    assert problem["path"].endswith("version_1/metrics.csv")
    assert reason in problem["reason"]


def test_epochs_without_any_value_are_told(version, epoch_lines, ingest):
    made = version().add(*epoch_lines(0), *epoch_lines(3)).age()
    _, document, _ = ingest(made.folder.parent)
    assert [each["reason"] for each in document["problems"]] == ["no values of epoch 1, 2"]


def test_hyperparameters_that_are_no_yaml_cost_only_themselves(version, epoch_lines, ingest):
    made = version().add(*epoch_lines(0))
    (made.folder / "hparams.yaml").write_text("a: [1\nb: 2\n")
    made.age()
    code, document, _ = ingest(made.folder.parent)
    assert (code, document["runs"][0]["iterations"]) == (0, 100)
    assert "no YAML" in document["problems"][0]["reason"]


def test_checkpoints_are_told_by_their_names_and_the_last_one_is_the_model(version, epoch_lines, ingest, views):
    made = version().add(*epoch_lines(0), *epoch_lines(1))
    folder = made.folder / "checkpoints"
    folder.mkdir()
    for name in ("epoch=0-val_wer=0.50.ckpt", "epoch=1-step=200.ckpt", "last.ckpt"):
        (folder / name).write_bytes(b"PK\3\4" + bytes(2000))
    (folder / "epoch=1-step=150.ckpt").write_text(POINTER)
    made.age()
    _, document, _ = ingest(made.folder.parent)
    assert [os.path.basename(each["path"]) for each in document["problems"]] == ["epoch=1-step=150.ckpt"]  # noqa: PTH119
    view = views()["digits ö/version_0"]
    assert [os.path.basename(each["path"]) for each in view.checkpoints] == ["last.ckpt"]  # noqa: PTH119
    table = next(each for each in view.records("table") if each.data["name"] == "checkpoints")
    assert table.data["rows"] == 4


def test_checkpoints_alone_are_a_run_too(tmp_path, ingest):
    folder = tmp_path / "exp" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "epoch=4-step=500.ckpt").write_bytes(bytes(2000))
    os.utime(folder / "epoch=4-step=500.ckpt", (1_700_000_000, 1_700_000_000))
    code, document, _ = ingest(tmp_path / "exp")
    assert code == 0
    assert [run["name"] for run in document["runs"]] == ["exp"]


@pytest.mark.parametrize(("output", "status"), [
    ("`Trainer.fit` stopped: `max_epochs=1` reached.\n", "finished"),
    ("Traceback (most recent call last):\n  File \"a.py\", line 1\nRuntimeError: CUDA error\n", "failed"),
    ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2025-02-03T10:11:12 ***\n", "killed"),
])  # fmt: skip
def test_what_the_program_printed_tells_how_it_ended(version, epoch_lines, ingest, views, output, status):
    made = version().add(*epoch_lines(0))
    (made.folder / "slurm-7.out").write_text(output)
    ingest(made.folder.parent)
    assert views()["digits ö/version_0"].status == status


def test_a_folder_without_anything_of_lightnings_is_exit_code_one(tmp_path, ingest):
    (tmp_path / "metrics.txt").write_text("1")
    code, document, err = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert "CSVLogger" in err


def test_following_records_what_comes_and_ends_by_itself(version, epoch_lines, tmp_path, views):
    """The file grows, is cut in the middle of a line, and is written anew with a further column."""
    made = version().add(*epoch_lines(0))
    looks = iter(
        [
            lambda: made.write("\r\n".join([*made.lines, "1,149,,0.0133"])),
            lambda: made.add(*epoch_lines(1)),
            lambda: made.write(""),  # the logger has just begun to write it anew
            lambda: made.write(
                "\r\n".join([made.lines[0] + ",test_wer", *[f"{each}," for each in made.lines[1:]]]) + "\r\n"
            ),
            lambda: made.metrics.write_bytes(made.metrics.read_bytes() + b"2,200,,,,,0.125\r\n"),
        ]
    )
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += seconds
        next(looks, lambda: None)()

    session = Session(
        "lightning", LightningIngester, Source(made.folder.parent), Destination("digits", "group", "local")
    )
    reason = session.follow(Pace(interval=5.0, quiet=30.0, idle=1800.0), sleep=sleep, clock=lambda: now)
    assert "complete" in reason
    view = views()["digits ö/version_0"]
    assert curve(view, "train/loss") == [(50, 0.04), (100, 0.02), (150, 0.013333), (200, 0.01)]
    assert curve(view, "test/wer") == [(200, 0.125)]
    assert view.status == "finished"
    assert not any(event["name"] == "history-replaced" for event in view.events)


def test_lightning_need_not_be_installed(version, epoch_lines, tmp_path):
    made = version().add(*epoch_lines(0)).age()
    program = (
        "import sys\n"
        "for name in ('lightning', 'pytorch_lightning', 'torch', 'tensorboard'):\n"
        "    sys.modules[name] = None\n"
        "from speech_tracker.cli import main\n"
        f"sys.exit(main(['ingest', 'lightning', {str(made.folder)!r}, '--dry-run']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "version_0" in done.stdout
