"""What goes wrong: the good part is taken, the bad part is told with its place, and how it ended is known."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone

import pytest

from speech_tracker.ingest.clock import STILL_RUNNING_SECONDS


def reasons(document, ending):
    """What is wrong with the file of this name."""
    return [problem["reason"] for problem in document["problems"] if problem["path"].endswith(ending)]


def lines_of(document, ending):
    return [problem["line"] for problem in document["problems"] if problem["path"].endswith(ending)]


def broken_off(experiment):
    """Do two epochs of four, and no more."""
    experiment.begin()
    experiment.epoch(1)
    experiment.epoch(2)
    experiment.grow_old()
    return experiment


@pytest.fixture
def interrupted(made, recipe):
    """A training that has done two epochs of four, long ago."""
    return broken_off(made.Experiment(recipe))


@pytest.fixture
def interrupted_today(made, recipe):
    """The same of some hours ago: its log says so, too."""
    return broken_off(made.Experiment(recipe, clock=datetime.now(timezone.utc) - timedelta(hours=4)))


def test_a_training_that_ended_with_an_exception_has_failed(interrupted, recipe, ingest, views):
    line = interrupted.fail("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 222.00 MiB")
    interrupted.grow_old()
    _, document, _ = ingest(recipe)
    view = views()["crdnn/7"]
    assert view.status == "failed"
    assert document["runs"][0]["jobs"] == {"total": 1, "failed": 1}
    assert lines_of(document, "log.txt") == [line]
    assert "torch.OutOfMemoryError" in reasons(document, "log.txt")[0]
    (event,) = [each["data"] for each in view.events if each["name"] == "job-failed"]
    assert event["line"] == line


def test_an_interrupted_training_was_killed(interrupted, recipe, ingest, views):
    interrupted.fail("KeyboardInterrupt")
    interrupted.grow_old()
    ingest(recipe)
    assert views()["crdnn/7"].status == "killed"


def test_a_cancelled_job_was_killed_by_what_its_output_says(interrupted, recipe, ingest, views):
    (recipe / "slurm-4711.out").write_text(
        "speechbrain.core - Beginning experiment!\n"
        "speechbrain.core - Experiment folder: results/crdnn/7\n"
        "speechbrain.utils.epoch_loop - Going into epoch 1\n"
        "slurmstepd: error: *** JOB 4711 ON node07 CANCELLED AT 2025-03-31T20:40:00 DUE TO TIME LIMIT ***\n"
    )
    _, document, _ = ingest(recipe)
    assert views()["crdnn/7"].status == "killed"
    assert "TIME LIMIT" in reasons(document, "slurm-4711.out")[0]
    assert lines_of(document, "slurm-4711.out") == [4]


def test_a_cancelled_job_before_the_last_start_says_nothing_of_it(finished, recipe, ingest, views):
    (recipe / "slurm-1.out").write_text(
        "speechbrain.core - Experiment folder: results/crdnn/7\n"
        "slurmstepd: error: *** JOB 1 ON node07 CANCELLED AT 2025-03-30T20:40:00 DUE TO TIME LIMIT ***\n"
    )
    _, document, _ = ingest(recipe)
    assert views()["crdnn/7"].status == "finished"
    assert document["problems"] == []


def test_the_output_of_another_experiment_says_nothing_of_this_one(interrupted, recipe, ingest, views):
    (recipe / "slurm-2.out").write_text(
        "speechbrain.core - Experiment folder: results/other/7\n"
        "slurmstepd: error: *** JOB 1 ON node07 CANCELLED AT 2025-04-01T20:40:00 DUE TO TIME LIMIT ***\n"
    )
    _, document, _ = ingest(recipe)
    assert "its log stops at epoch 2 of 4" in reasons(document, "log.txt")[0]


def test_a_training_that_stops_without_a_word_was_killed_when_old_and_runs_when_young(
    interrupted_today, recipe, ingest, views
):
    _, document, _ = ingest(recipe)
    assert views()["crdnn/7"].status == "killed"
    assert reasons(document, "log.txt") == [
        "the training was stopped: its log stops at epoch 2 of 4, without a word of why"
    ]
    assert STILL_RUNNING_SECONDS < 86_400
    os.utime(interrupted_today.folder / "log.txt")
    _, document, _ = ingest(recipe)
    assert reasons(document, "log.txt") == []


def test_a_training_of_long_epochs_is_given_three_of_them(interrupted_today, recipe, ingest, views):
    for epoch in (3, 3):  # of an hour each
        interrupted_today.clock += timedelta(hours=1)
        interrupted_today.epoch(epoch)
    two_hours_ago = time.time() - 2 * 3600
    for path in interrupted_today.folder.rglob("*"):
        os.utime(path, (two_hours_ago, two_hours_ago))
    _, document, _ = ingest(recipe)
    assert reasons(document, "log.txt") == []
    assert views()["crdnn/7"].status == "preempted"  # it was still running when it was read


def test_a_start_that_failed_at_once_takes_nothing_from_a_training_that_was_done(finished, recipe, ingest, views):
    finished.begin()
    finished.fail("OSError: [Errno 122] Disk quota exceeded")
    finished.grow_old()
    _, document, _ = ingest(recipe)
    assert views()["crdnn/7"].status == "finished"
    assert document["runs"][0]["jobs"] == {"total": 2, "failed": 1}
    assert document["problems"] == []


def test_missing_epochs_are_told(made, recipe, ingest, views):
    experiment = made.Experiment(recipe)
    experiment.begin()
    for epoch in (1, 3, 4):
        experiment.epoch(epoch)
    log = experiment.folder / "log.txt"
    log.unlink()  # a repository often has the training log alone
    experiment.grow_old()
    _, document, _ = ingest(recipe)
    assert reasons(document, "train_log.txt") == ["no line of epoch 2"]
    assert len(views()["crdnn/7"].history("valid/wer")) == 3


def test_a_line_that_is_cut_in_a_number_is_left_out_and_told(interrupted, recipe, ingest, views):
    with (interrupted.folder / "train_log.txt").open("a") as file:
        file.write("epoch: 3, lr: 1.00e-02 - train loss: 3.3")
    interrupted.grow_old()
    _, document, _ = ingest(recipe)
    assert lines_of(document, "train_log.txt") == [3]
    assert "cut within a number" in reasons(document, "train_log.txt")[0]
    assert [point["step"] for point in views()["crdnn/7"].history("train/loss_epoch")] == [1, 2]


def test_alignments_that_contradict_the_head_are_left_out_and_told(finished, recipe, ingest, views):
    path = finished.folder / "wer_test-clean.txt"
    path.write_text(path.read_text().replace("%WER 33.33 [ 3 / 9, 1 ins", "%WER 44.44 [ 4 / 9, 2 ins"))
    _, document, _ = ingest(recipe)
    (reason,) = reasons(document, "wer_test-clean.txt")
    assert reason.startswith("its alignments have 3 errors in 9 tokens of 3 utterances, its head 4 in 9 of 3")
    evaluation = next(each for each in views()["crdnn/7"].evaluations if each["test_set"] == "test-clean")
    assert evaluation["wer"] == 4 / 9
    assert "file" not in evaluation


def test_an_alignment_that_does_not_have_its_counts_is_told_with_its_line(finished, recipe, ingest, views):
    path = finished.folder / "wer_test-clean.txt"
    lines = path.read_text().split("\n")
    at = lines.index("spk1-0002, %WER 33.33 [ 1 / 3, 1 ins, 0 del, 0 sub ]")
    lines[at + 2] = lines[at + 2].replace("I", "=")
    path.write_text("\n".join(lines))
    _, document, _ = ingest(recipe)
    assert at + 1 in lines_of(document, "wer_test-clean.txt")
    evaluation = next(each for each in views()["crdnn/7"].evaluations if each["test_set"] == "test-clean")
    assert evaluation["wer"] == 3 / 9  # of the head


def test_a_file_of_error_rates_that_is_cut_keeps_its_head(finished, recipe, ingest, views):
    path = finished.folder / "wer_test-clean.txt"
    text = path.read_text()
    path.write_text(text[: text.index("spk2-0001") + 20])
    finished.grow_old()
    _, document, _ = ingest(recipe)
    assert any("of 2 utterances, its head" in reason for reason in reasons(document, "wer_test-clean.txt"))
    evaluation = next(each for each in views()["crdnn/7"].evaluations if each["test_set"] == "test-clean")
    assert evaluation["counts"]["utterances"] == 3


def test_partial_scoring_is_said(made, recipe, ingest, views):
    experiment = made.Experiment(recipe)
    experiment.begin()
    experiment.epoch(4)
    (experiment.folder / "wer_test-clean.txt").write_text(made.score_file(made.CLEAN, partial=True))
    experiment.grow_old()
    ingest(recipe)
    (evaluation,) = views()["crdnn/7"].evaluations
    assert evaluation["metadata"]["partial"] is True
    assert evaluation["metadata"]["absent_hypotheses"] == 1


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


@pytest.mark.parametrize("name", ["wer_test-clean.txt", "train_log.txt", "hyperparams.yaml", "log.txt", "env.log"])
def test_a_git_lfs_pointer_is_told_and_the_rest_is_read(finished, recipe, ingest, name):
    (finished.folder / name).write_text(POINTER)
    finished.grow_old()
    code, document, _ = ingest(recipe)
    assert code == 0
    (reason,) = reasons(document, name)
    assert "git lfs pull" in reason
    assert document["runs"][0]["iterations"] == 4


def test_a_manifest_that_is_a_git_lfs_pointer_is_told(finished, recipe, ingest, views):
    (recipe / "train.csv").write_text(POINTER)
    _, document, _ = ingest(recipe)
    assert "git lfs pull" in reasons(document, "train.csv")[0]
    train = next(each for each in views()["crdnn/7"].datasets if each["name"] == "train")
    assert "utterances" not in train


@pytest.mark.parametrize("content", [b"\0\1\2\3" * 500, b"", b"\xff\xfe\xfd" * 100, b"[" * 3000])
@pytest.mark.parametrize(
    "name", ["wer_test-clean.txt", "train_log.txt", "hyperparams.yaml", "log.txt", "env.log", "save/x/CKPT.yaml"]
)
def test_whatever_stands_in_one_file_the_others_are_read(finished, recipe, ingest, name, content):
    path = finished.folder / name
    if name.startswith("save"):
        path = max((finished.folder / "save").iterdir()) / "CKPT.yaml"
    path.write_bytes(content)
    finished.grow_old()
    code, document, _ = ingest(recipe)
    assert code == 0
    assert document["runs"][0]["iterations"] == 4
    assert document["runs"][0]["evaluations"]


def test_configuration_that_cannot_be_read_is_told_with_its_line(finished, recipe, ingest):
    path = finished.folder / "hyperparams.yaml"
    path.write_text(path.read_text().replace("test_csv:\n", "test_csv: [\n"))
    finished.grow_old()
    _, document, _ = ingest(recipe)
    assert reasons(document, "hyperparams.yaml")[0].startswith("no YAML")
    assert lines_of(document, "hyperparams.yaml")[0] > 0


def test_a_row_of_a_manifest_with_too_few_fields_is_told_with_its_line(finished, recipe, ingest):
    with (recipe / "train.csv").open("a") as file:
        file.write("utt41,1.5\n")
    _, document, _ = ingest(recipe)
    assert lines_of(document, "train.csv") == [42]


def test_an_unreadable_file_is_told(finished, recipe, ingest_without_rights):
    (finished.folder / "env.log").chmod(0)
    code, document, _ = ingest_without_rights(recipe)
    assert code == 0
    assert "cannot be read" in reasons(document, "env.log")[0]
