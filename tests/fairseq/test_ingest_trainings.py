"""Logs of trainings become runs: one for each folder of checkpoints, however often it was started."""

from __future__ import annotations

import sys
import time

import pytest

from speech_tracker.cli import main

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "fairseq_cli/train.py", line 574, in <module>',
    "    cli_main()",
    "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
)
CANCELLED = "slurmstepd: error: *** JOB 167438 ON node18 CANCELLED AT 2024-07-05T08:48:57 ***"


def steps(view, name):
    return [(point["step"], point["value"]) for point in view.history(name)]


@pytest.mark.parametrize("style", ["json", "simple"])
@pytest.mark.parametrize("hydra", [False, True], ids=["plain", "hydra"])
def test_names_units_and_the_vocabulary_are_those_of_the_live_adapter(
    tmp_path, ingest, views, training_log, style, hydra
):
    log = training_log("/nowhere/exp/asr", style=style, hydra=hydra, valid="dev-other,dev-clean")
    log.updates(1, 4.5).updates(2, 3.5).validation(2, 39.5).validation(2, 12.5, subset="dev-clean").epoch(2, 4.0).done()
    (tmp_path / "train.log").write_text(log.text())
    code, document, err = ingest(tmp_path)
    assert (code, document["problems"]) == (0, []), err
    view = views()["asr"]
    assert view.status == "finished"
    assert steps(view, "train/loss") == [(1, 4.5), (2, 3.5)]
    assert steps(view, "train/loss_epoch") == [(2, 4.0)]
    assert steps(view, "train/learning_rate") == [(1, 3e-05), (2, 3e-05)]
    assert steps(view, "valid/wer") == [(2, 0.395)]
    assert steps(view, "valid/dev-clean/wer") == [(2, 0.125)]
    assert view.speech["toolkit"] == "fairseq"
    assert view.speech["model"] == {
        "type": "hubert_ctc", "parameters": 94400160, "trainable_parameters": 94000000,
        "pretrained": "/elsewhere/base/checkpoint_1.pt",
    }  # fmt: skip
    assert view.speech["training"]["accumulation"] == 2
    assert view.speech["training"]["optimizer"] == "adam"
    assert view.config["checkpoint"]["best_checkpoint_metric"] == "wer"
    assert view.identity["task"] == "asr"
    assert "fairseq" not in sys.modules


def test_a_restart_continues_the_run_and_stands_for_what_it_did_again(tmp_path, ingest, views, training_log):
    first = training_log("/nowhere/exp/asr").updates(1, 4.0).updates(2, 3.0).updates(3, 2.0).add(*TRACEBACK)
    second = training_log("/nowhere/exp/asr", resumed=2, day="2024-03-03").updates(3, 2.5, 2).updates(4, 1.5, 2).done()
    (tmp_path / "train.log").write_text(first.text() + second.text())
    _, document, _ = ingest(tmp_path)
    (run,) = document["runs"]
    assert run["iterations"] == 4
    assert run["jobs"] == {"total": 2, "failed": 1}
    view = views()["asr"]
    assert view.status == "finished"
    assert steps(view, "train/loss") == [(1, 4.0), (2, 3.0), (3, 2.5), (4, 1.5)]
    events = {event["name"]: event["data"] for event in view.events}
    assert events["training-restarted"]["step"] == 2
    assert events["training-ended"]["error"].startswith("RuntimeError: CUDA out of memory")


def test_a_start_from_scratch_in_the_same_folder_replaces_everything(tmp_path, ingest, views, training_log):
    first = training_log("/nowhere/exp/asr").updates(1, 4.0).updates(2, 3.0).add(CANCELLED)
    second = training_log("/nowhere/exp/asr", day="2024-03-03").updates(1, 4.4).done()
    (tmp_path / "slurm-1.out").write_text(first.text())
    (tmp_path / "slurm-2.out").write_text(second.text())
    ingest(tmp_path)
    assert steps(views()["asr"], "train/loss") == [(1, 4.4)]


def test_a_start_that_failed_at_once_takes_nothing_away(tmp_path, ingest, views, training_log):
    first = training_log("/nowhere/exp/asr").updates(1, 4.0).done()
    second = training_log("/nowhere/exp/asr", day="2024-03-03").add(*TRACEBACK)
    (tmp_path / "train.log").write_text(first.text() + second.text())
    ingest(tmp_path)
    view = views()["asr"]
    assert steps(view, "train/loss") == [(1, 4.0)]
    assert view.status == "failed"


def test_what_was_recorded_before_a_restart_is_superseded(tmp_path, ingest, views, training_log):
    path = tmp_path / "train.log"
    first = training_log("/nowhere/exp/asr").updates(1, 4.0).updates(2, 3.0).updates(3, 2.0).add(CANCELLED).text()
    path.write_text(first)
    ingest(tmp_path)
    assert views()["asr"].status == "killed"
    path.write_text(
        first + training_log("/nowhere/exp/asr", resumed=1, day="2024-03-03").updates(2, 3.3, 2).done().text()
    )
    _, document, _ = ingest(tmp_path)
    assert len(document["runs"]) == 1
    view = views()["asr"]
    assert view.status == "finished"
    assert steps(view, "train/loss") == [(1, 4.0), (2, 3.3)]


def test_several_trainings_in_one_log_are_several_runs(tmp_path, ingest, views, training_log):
    one = training_log("/nowhere/exp//asr_360h").updates(1, 4.0).done()
    two = training_log("/nowhere/exp/asr_500h").updates(1, 5.0).add(CANCELLED)
    (tmp_path / "both.log").write_text(one.text() + "fine tune on more data\n" + two.text())
    _, document, _ = ingest(tmp_path)
    assert {run["name"]: run["iterations"] for run in document["runs"]} == {"asr_360h": 1, "asr_500h": 1}
    assert {name: view.status for name, view in views().items()} == {"asr_360h": "finished", "asr_500h": "killed"}


def test_standard_output_and_log_file_of_the_same_training_count_once(tmp_path, ingest, views, training_log):
    log = training_log("ck").updates(1, 4.0).validation(1, 50.0).epoch(1, 4.0).done()
    (tmp_path / "stdout.log").write_text(log.text())
    bare = [line.rpartition(" | ")[2] for line in log.lines]
    (tmp_path / "log_file.txt").write_text("".join(f"{line}\n" for line in bare for _ in range(2)))
    _, document, _ = ingest(tmp_path)
    (run,) = document["runs"]
    assert run["jobs"]["total"] == 1
    assert run["metrics"]["valid/wer"]["count"] == 1
    assert [event["name"] for event in views()["ck"].events] == []


def test_the_log_of_a_scheduler_far_from_the_checkpoints_tells_of_the_same_training(tmp_path, ingest, training_log):
    (tmp_path / "multirun" / "0" / "checkpoints").mkdir(parents=True)
    (tmp_path / ".submitit" / "17").mkdir(parents=True)
    log = training_log("checkpoints", hydra=True).updates(1, 4.0).done().text()
    (tmp_path / "multirun" / "0" / "hydra_train.log").write_text(log)
    (tmp_path / ".submitit" / "17" / "17_0_log.out").write_text("submitit INFO starting\n" + log)
    _, document, _ = ingest(tmp_path)
    (run,) = document["runs"]
    assert (run["name"], run["jobs"]["total"]) == ("multirun/0/checkpoints", 1)


def test_configurations_of_several_ranks_are_one_start(tmp_path, ingest, training_log):
    log = training_log("/nowhere/exp/asr")
    log.lines[1:1] = [log.lines[0]] * 3
    (tmp_path / "train.log").write_text(log.updates(1, 4.0).done().text())
    _, document, _ = ingest(tmp_path)
    assert document["runs"][0]["jobs"] == {"total": 1, "failed": 0}


@pytest.mark.parametrize(
    ("ending", "old", "status"),
    [
        ((), False, "preempted"),  # still running when it was read
        ((), True, "killed"),
        (TRACEBACK, True, "failed"),
        ((CANCELLED,), False, "killed"),
        (("Killed",), False, "killed"),
    ],
)
def test_how_a_training_ended(tmp_path, ingest, views, training_log, grow_old, ending, old, status):
    path = tmp_path / "train.log"
    log = training_log("/nowhere/exp/asr", day=time.strftime("%Y-%m-%d"))
    path.write_text(log.updates(1, 4.0).add(*ending).text())
    if old:
        grow_old(path)
    ingest(tmp_path)
    assert views()["asr"].status == status


def test_a_traceback_that_was_survived_is_no_failure(tmp_path, ingest, views, training_log):
    log = training_log("/nowhere/exp/asr").updates(1, 4.0).add(*TRACEBACK).updates(2, 3.0).done()
    (tmp_path / "train.log").write_text(log.text())
    ingest(tmp_path)
    assert views()["asr"].status == "finished"


def test_a_second_time_adds_nothing(tmp_path, ingest, views, training_log, capsys):
    log = training_log("ck").updates(1, float("nan")).updates(2, 3.0).validation(2, 104.2).epoch(2, float("inf")).done()
    (tmp_path / "train.log").write_text(log.text())
    ingest(tmp_path)
    before = views()["ck"]
    assert before.history("train/loss")[0]["value"] != before.history("train/loss")[0]["value"]
    assert before.history("valid/wer")[0]["value"] == pytest.approx(1.042)
    assert main(["ingest", "fairseq", str(tmp_path), "--mode", "local"]) == 0
    assert "nothing new" in capsys.readouterr().out
    assert len(views()["ck"].segments()) == len(before.segments()) == 1


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8, 0.99])
def test_a_log_that_grows_gives_the_same_as_one_that_is_complete(tmp_path, ingest, views, training_log, fraction):
    log = training_log("ck")
    for step in range(1, 9):
        log.updates(step, 9 - step)
    content = log.validation(8, 20.0).epoch(8, 5.0).done().text()
    path = tmp_path / "train.log"
    path.write_text(content[: int(len(content) * fraction)])
    ingest(tmp_path)
    path.write_text(content)
    _, document, _ = ingest(tmp_path)
    assert document["problems"] == []
    view = views()["ck"]
    assert view.status == "finished"
    assert steps(view, "train/loss") == [(step, 9 - step) for step in range(1, 9)]
    assert steps(view, "valid/wer") == [(8, 0.2)]
    assert view.records("rewind") == []


def test_a_damaged_line_costs_itself_alone_and_is_told_with_its_place(tmp_path, ingest, training_log):
    log = training_log("ck").updates(1, 4.0).updates(2, 3.0).updates(3, 2.0)
    log.lines[6] = log.lines[6].replace('"loss": "3.0"', '"loss": "3.\x00')
    (tmp_path / "train.log").write_text(log.done().text())
    code, document, err = ingest(tmp_path)
    assert code == 0
    assert document["runs"][0]["metrics"]["train/loss"]["count"] == 2
    assert [(each["path"], each["line"]) for each in document["problems"] if each["line"]] == [
        (str(tmp_path / "train.log"), 7)
    ]
    assert "train.log:7" in err


@pytest.mark.parametrize(
    "junk", [b"", b"\0" * 4096, bytes(range(256)) * 64, b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n"]
)
def test_junk_beside_a_log_costs_nothing_but_itself(tmp_path, ingest, training_log, junk):
    (tmp_path / "train.log").write_text(training_log("ck").updates(1, 4.0).done().text())
    for name in ("other.log", "generate-test.txt", "hypo.word", "ref.word", "wer", "wer.123", "checkpoint_last.pt"):
        (tmp_path / name).write_bytes(junk)
    code, document, err = ingest(tmp_path)
    assert code == 0
    assert "Traceback" not in err
    assert [run["iterations"] for run in document["runs"] if run["kind"] == "train"] == [1]
    told = {each["path"].rpartition("/")[2]: each["reason"] for each in document["problems"]}
    if junk.startswith(b"version"):
        assert set(told) == {"other.log", "generate-test.txt", "hypo.word", "ref.word", "wer", "wer.123"}
        assert all("git lfs pull" in reason for reason in told.values())
    elif junk:
        assert {"hypo.word", "ref.word", "wer", "wer.123"} <= set(told)


def test_manifests_in_the_tree_are_data_sets_and_checkpoints_a_table(tmp_path, ingest, views, training_log):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train-360.tsv").write_text("/audio\na.wav\t100\nb.wav\t200\n")
    (tmp_path / "data/dev-other.tsv").write_text("/audio\nc.wav\t100\n")
    folder = tmp_path / "exp" / "asr"
    (folder / "ck").mkdir(parents=True)
    (folder / "ck/checkpoint_best.pt").write_bytes(b"weights")
    (folder / "train.log").write_text(training_log("ck").updates(1, 4.0).epoch(1, 4.0).done().text())
    _, document, _ = ingest(tmp_path)
    assert document["runs"][0]["path"] == str(folder / "ck")
    view = views()["exp/asr/ck"]
    assert {(each["name"], each["split"]): each["utterances"] for each in view.datasets} == {
        ("train-360", "train"): 2, ("dev-other", "valid"): 1,
    }  # fmt: skip
    assert [each["path"] for each in view.checkpoints] == [str(folder / "ck/checkpoint_best.pt")]
    (table,) = view.records("table")
    assert table.data["name"] == "checkpoints"


def test_a_model_that_another_training_here_made_is_linked(tmp_path, ingest, views, training_log):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "train.log").write_text(training_log("/elsewhere/base").updates(1, 4.0).done().text())
    (tmp_path / "asr.log").write_text(training_log("/elsewhere/asr").updates(1, 4.0).done().text())
    ingest(tmp_path)
    found = views()
    assert [(link["run"], link["relation"]) for link in found["asr"].links] == [(found["base"].id, "fine-tuned-from")]


def test_what_went_on_without_the_plugin_is_added_to_what_it_recorded_at_the_same_steps(
    tmp_path, ingest, views, training_log
):
    from speech_tracker import init

    (tmp_path / "ck").mkdir()
    with init(None, "asr", "mine", experiment_folder=tmp_path / "ck", mode="local") as run:
        for step in (1, 2, 3, 4):
            run.log_metrics({"train/loss": 9.123456 - step}, step=step, epoch=(step + 1) // 2)
    first = training_log("ck")
    for step in (1, 2, 3, 4):
        first.updates(step, round(9.123456 - step, 3), epoch=(step + 1) // 2)
    second = training_log("ck", resumed=4, day="2024-03-03").updates(5, 4.5, 3).updates(6, 3.5, 3).done()
    (tmp_path / "train.log").write_text(first.text() + second.text())
    _, document, _ = ingest(tmp_path)
    assert document["runs"][0]["id"] == run.id
    view = views()["mine"]
    assert steps(view, "train/loss") == [(step, 9.123456 - step) for step in (1, 2, 3, 4)] + [(5, 4.5), (6, 3.5)]


def test_the_toolkit_is_recognised(tmp_path, training_log, capsys):
    (tmp_path / "train.log").write_text(training_log("ck").updates(1, 4.0).done().text())
    assert main(["ingest", str(tmp_path), "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert '"kind": "train"' in out
    assert "fairseq" in err.lower()


def test_a_folder_with_nothing_usable_is_exit_code_1_and_names_what_was_looked_for(tmp_path, ingest):
    (tmp_path / "notes.txt").write_text("WER: 3 would be nice\n")
    code, document, err = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert "hypo.word" in err
