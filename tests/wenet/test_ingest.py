"""A made experiment of WeNet becomes a run with its curves, searches and utterances."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speech_tracker.evaluation.parquet import read_parquet

UPDATES = 25
"""In an epoch."""


def test_a_training_becomes_curves_over_its_updates(recipe, ingest, views):
    code, document, err = ingest(recipe)
    assert (code, err) == (0, "")
    (run,) = document["runs"]
    assert run["kind"] == "ctc-attention"
    (view,) = views().values()
    assert view.status == "finished"
    steps = [point["step"] for point in view.histories["train/loss"]]
    assert steps == [epoch * UPDATES + batch // 4 + 1 for epoch in range(3) for batch in (0, 40, 80)]
    assert [point["value"] for point in view.histories["valid/loss"]] == [50.0, 25.0, 50 / 3]
    assert [point["step"] for point in view.histories["valid/loss"]][:2] == [UPDATES, 2 * UPDATES]
    assert {"train/loss_att", "train/loss_ctc", "train/learning_rate"} <= view.histories.keys()
    assert view.config["wenet"]["update_axis"] == {"exact": True, "estimated_epochs": 0}
    assert view.config["wenet"]["accumulated_batches"] == 4


def test_the_configuration_is_lifted_into_the_vocabulary(recipe, ingest, views):
    ingest(recipe)
    (view,) = views().values()
    assert view.speech["model"] == {
        "type": "ctc-attention", "encoder": "conformer", "encoder_layers": 12, "encoder_dim": 256, "decoder": "transformer",
        "decoder_layers": 6, "attention_heads": 4, "vocabulary_size": 4233, "subsampling": 4,
    }  # fmt: skip
    assert view.speech["features"] == {"type": "fbank", "n_mels": 80, "window_ms": 25.0, "hop_ms": 10.0}
    assert view.speech["training"] == {
        "optimizer": "adam", "learning_rate": 0.002, "schedule": "warmuplr", "warmup_steps": 25000, "batch_size": 16,
        "accumulation": 4, "max_epochs": 3, "gradient_clip": 5.0, "ctc_weight": 0.3,
    }  # fmt: skip
    assert view.speech["augmentation"]["speed_perturbation"] == [0.9, 1.0, 1.1]


def test_searches_are_scored_anew_with_their_utterances(recipe, ingest, views):
    _, document, _ = ingest(recipe)
    found = {Path(each["path"]).name: each for each in document["runs"][0]["evaluations"]}
    assert found["attention_rescoring"]["best"]["cer"] == pytest.approx(1 / 9)
    assert found["attention_rescoring"]["best"]["wer"] is None
    assert found["ctc_greedy_search"]["best"]["cer"] == pytest.approx(4 / 9)
    (view,) = views().values()
    record = next(each for each in view.evaluations if each["decoding"]["method"] == "ctc_greedy_search")
    assert record["unit"] == "char"
    assert sum(record["counts"][name] for name in ("substitutions", "deletions", "insertions")) == 4
    assert record["decoding"]["average"] == 2
    assert record["checkpoint"].endswith("avg_2.pt")
    evaluation = read_parquet(view.folder / record["file"])
    assert sorted(evaluation.utterance_ids) == ["BAC009S0764W0121", "BAC009S0764W0122"]
    assert sorted(evaluation.references) == sorted(["甚至出现了", "交易停滞"])


def test_a_second_time_adds_nothing(recipe, ingest, capsys):
    from speech_tracker.cli import main

    ingest(recipe)
    assert main(["ingest", "wenet", str(recipe), "--mode", "local"]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_without_its_log_a_training_is_known_by_the_files_beside_its_checkpoints(recipe, ingest, views):
    (recipe / "train.log").unlink()
    code, _, _ = ingest(recipe)
    assert code == 0
    (view,) = views().values()
    assert [point["value"] for point in view.histories["valid/loss"]] == [50.0, 25.0, 50 / 3]
    assert [point["value"] for point in view.histories["train/learning_rate"]] == [1e-6, 2e-6, 3e-6]


def test_a_training_that_goes_on_stays_one_run(recipe, ingest, views, logs):
    ingest(recipe)
    (recipe / "train2.log").write_text(logs(range(3, 5)))
    config = recipe / "exp" / "conformer" / "train.yaml"
    config.write_text(config.read_text().replace("max_epoch: 3", "max_epoch: 5"))
    _, document, _ = ingest(recipe)
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"]["count"] == 15
    (view,) = views().values()
    assert [point["step"] for point in view.histories["train/loss"]][-1] == 4 * UPDATES + 80 // 4 + 1
    assert view.status == "finished"


def test_logs_whose_folder_is_not_there_are_runs_of_their_own(tmp_path, ingest, logs):
    for name in ("fp32", "int8"):
        (tmp_path / f"{name}.log").write_text(logs(range(2)))
    _, document, _ = ingest(tmp_path, "--dry-run")
    assert [run["name"].rpartition("/")[2] for run in document["runs"]] == ["fp32", "int8"]


def test_wenet_3_says_its_updates(tmp_path, ingest, views):
    lines = []
    for epoch in range(2):
        lines.append(f"2024-01-02 10:00:00,124 INFO Epoch {epoch} Step {epoch * 47} TRAIN info lr 9.4000e-06 rank 0")
        lines.append("2024-01-02 10:00:00,124 INFO using accumulate grad, new batch size is 2 times larger than before")
        for rank in range(2):
            text = f"loss 12.3 loss_att 3.1 acc 0.{epoch + 1} lr 2.00e-05 grad_norm 9.5 rank {rank}"
            lines.append(f"2024-01-02 10:00:01,123 DEBUG TRAIN | steps/sec 1.234| Batch {epoch}/90 {text}")
        text = f"Step {(epoch + 1) * 47} CV info lr 1.8e-05 cv_loss 1.{epoch} rank 0 acc 0.3"
        lines.append(f"2024-01-02 10:00:03,123 INFO Epoch {epoch} {text}")
        lines.append(f"2024-01-02 10:00:04,123 INFO [Rank 0] Checkpoint: save to checkpoint exp/c/epoch_{epoch}.pt")
    (tmp_path / "nohup.out").write_text("\n".join(lines) + "\n")
    ingest(tmp_path)
    (view,) = views().values()
    assert [point["step"] for point in view.histories["train/loss"]] == [45, 92]
    assert [point["value"] for point in view.histories["train/accuracy"]] == [0.1, 0.2]
    assert [(point["step"], point["value"]) for point in view.histories["valid/loss"]] == [(47, 1.0), (94, 1.1)]
    assert view.histories["valid/accuracy"][0]["value"] == 0.3
    assert view.histories["train/gradient_norm"][0]["value"] == 9.5


def in_steps(begin, end, interval=20, save=40):
    """The log of WeNet 3 with ``save_interval``: batches are counted from the beginning of the training."""
    say = "2024-01-02 10:{:02}:{:02},123 {}".format
    lines = [
        say(begin // 60, begin % 60, f"INFO Epoch 0 Step {begin} TRAIN info lr 9.4000e-06 rank 0"),
        say(begin // 60, begin % 60, "INFO using accumulate grad, new batch size is 2 times larger than before"),
    ]
    for update in range(begin + 1, end + 1):
        if update % interval == 0:
            text = f"Batch 0/{2 * update} loss {200 - update}.5 lr 2.0000e-05 grad_norm 9.5 rank 0"
            lines.append(say(update // 60, update % 60, f"DEBUG TRAIN | steps/sec 1.234| {text}"))
        if update % save == 0:
            text = f"Epoch 0 Step {update} CV info lr 2.0000e-05 cv_loss {50 - update / 10} rank 0 acc 0.3"
            lines.append(say(update // 60, update % 60, f"INFO {text}"))
    return "\n".join(lines) + "\n"


def test_a_training_that_saves_within_an_epoch_goes_on_at_its_steps(tmp_path, ingest, views):
    model = tmp_path / "exp" / "u2pp"
    model.mkdir(parents=True)
    for number, part in enumerate(((0, 80), (80, 120)), start=1):
        (model / f"train{number}.log").write_text(in_steps(*part))
    for step in (39, 79, 119):  # the update that was under way
        loss = 50 - (step + 1) / 10
        content = f"epoch: 0\nstep: {step}\nloss_dict:\n  acc: 0.3\n  loss: {loss}\nlrs: [0.001]\ntag: step_{step}\n"
        (model / f"step_{step}.yaml").write_text(content)
    ingest(tmp_path)
    (view,) = views().values()
    assert [(point["step"], point["value"]) for point in view.histories["train/loss"]] == [
        (step, 200.5 - step) for step in range(20, 121, 20)
    ]
    assert [(point["step"], point["value"]) for point in view.histories["valid/loss"]] == [
        (40, 46.0), (80, 42.0), (120, 38.0),
    ]  # fmt: skip
    assert view.config["wenet"]["update_axis"]["exact"]


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("Traceback (most recent call last):\nRuntimeError: CUDA out of memory. Tried to allocate 2 GiB\n", "failed", "memory"),
        ("slurmstepd: error: *** JOB 4711 ON node7 CANCELLED AT 2024-05-01T12:00:00 ***\n", "killed", "CANCELLED"),
        ("", "killed", "epoch 1 of 3"),
    ],
)  # fmt: skip
def test_how_a_training_ended_is_read_from_its_log(recipe, ingest, views, logs, end, status, reason):
    path = recipe / "train.log"
    path.write_text(logs(range(2)).rpartition("I0623")[0] + end)
    os.utime(path, (1714600000, 1714600000))
    ingest(recipe)
    (view,) = views().values()
    assert view.status == status
    (ended,) = [each for each in view.events if each["name"] == "training-ended"]
    assert reason in ended["data"]["reason"]


def test_chunks_are_evaluations_and_weights_are_points_of_a_sweep(recipe, ingest, scores):
    model = recipe / "exp" / "conformer"
    scores(model / "test_attention_rescoring_chunk16_ctc0.3" / "wer", "attention_rescoring")
    scores(model / "test_attention_rescoring_chunk16_ctc0.5" / "wer", "ctc_greedy_search")
    _, document, _ = ingest(recipe, "--dry-run")
    points = sorted((each["points"], each["best"]["cer"]) for each in document["runs"][0]["evaluations"])
    assert points == [(1, pytest.approx(1 / 9)), (1, pytest.approx(4 / 9)), (2, pytest.approx(1 / 9))]


def test_the_speed_of_a_decoder_is_kept_beside_its_scores(recipe, ingest, scores):
    folder = recipe / "exp" / "conformer" / "lm_with_runtime"
    scores(folder / "wer", "attention_rescoring")
    (folder / "rtf").write_text("0.1034\n")
    _, document, _ = ingest(recipe, "--dry-run")
    assert [each["rtf"] for each in document["runs"][0]["evaluations"] if each["rtf"]] == [0.1034]


def test_searches_that_nobody_scored_have_their_speed(tmp_path, ingest, views):
    (tmp_path / "greedy.log").write_text(
        "decoded_utterances 10\nfailed_utterances 1\naudio_sec 20\nwall_sec 2\nrtf 0.1\n"
    )
    code, document, _ = ingest(tmp_path)
    assert code == 0
    (evaluation,) = document["runs"][0]["evaluations"]
    assert (evaluation["best"], evaluation["rtf"]) == (None, 0.1)
    (record,) = next(iter(views().values())).evaluations
    assert record["metadata"]["utterances_failed"] == 1


def test_scores_that_contradict_their_utterances_are_kept_without_them(recipe, ingest, views):
    path = recipe / "exp" / "conformer" / "ctc_greedy_search" / "wer"
    text = path.read_text()
    head, _, tail = text.partition("utt: BAC009S0764W0122")
    path.write_text(head + "=" * 75 + tail.partition("=" * 75)[2])
    _, document, _ = ingest(recipe)
    (problem,) = document["problems"]
    assert problem["path"] == str(path)
    assert "were left out" in problem["reason"]
    (view,) = views().values()
    record = next(each for each in view.evaluations if each["decoding"]["method"] == "ctc_greedy_search")
    assert "file" not in record


def test_damaged_files_are_told_and_the_rest_is_taken(recipe, ingest):
    model = recipe / "exp" / "conformer"
    (model / "1.yaml").write_text("cv_loss: [1,\n")
    (model / "attention_rescoring" / "wer").write_text("utt: a\nWER: 1.00 % N=1 C=1 S=0 D=0 I=0\n")
    (model / "ctc_greedy_search" / "wer").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"
    )
    (recipe / "exp" / "empty.yaml").write_text("")
    code, document, _ = ingest(recipe, "--dry-run")
    assert code == 0
    reasons = {Path(each["path"]).parent.name: each["reason"] for each in document["problems"]}
    assert "no YAML" in reasons["conformer"]
    assert "did not come to its end" in reasons["attention_rescoring"]
    assert "git lfs pull" in reasons["ctc_greedy_search"]
    assert document["runs"][0]["metrics"]["train/loss"]["count"] == 9


def test_nothing_of_wenet_is_exit_code_one(tmp_path, ingest):
    code, document, err = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert "nothing of WeNet" in err


def test_pages_of_results_are_read_when_nothing_else_is_there(tmp_path, ingest):
    page = (
        "# Performance Record\n\n## U2++ Result\n\n* Decoding info: ctc_weight 0.3\n\n"
        "| decoding mode/chunk size | full | 16 |\n|---|---|---|\n| ctc greedy search | 5.19 | N/A |\n\n## Whisper\n\n"
        "| decoding mode | CER |\n|---|---|\n| attention decoder | 2.57 % N=104765 C=102142 S=2529 D=94 I=74 |\n"
    )
    folder = tmp_path / "aishell" / "s0"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(page)
    code, document, _ = ingest(tmp_path, "--dry-run")
    assert code == 0
    rates = [each["best"]["cer"] for run in document["runs"] for each in run["evaluations"]]
    assert rates == pytest.approx([0.0519, 2697 / 104765])
    assert document["runs"][1]["evaluations"][0]["best"]["substitutions"] == 2529


def test_checkpoints_have_their_step_and_their_loss(recipe, ingest, views):
    ingest(recipe)
    (view,) = views().values()
    found = {Path(each["path"]).name: each for each in view.checkpoints}
    assert sorted(found) == ["0.pt", "1.pt", "2.pt", "avg_2.pt"]
    assert (found["1.pt"]["step"], found["1.pt"]["metrics"]) == (2 * UPDATES, {"valid/loss": 25.0})


def test_checkpoints_within_an_epoch_are_points_at_their_updates(tmp_path, ingest, views):
    model = tmp_path / "exp" / "llm"
    model.mkdir(parents=True)
    for step, loss in ((999, 3.5), (1999, 2.5)):
        content = f"epoch: 0\nstep: {step}\nloss_dict:\n  acc: 0.5\n  loss: {loss}\nlrs: [0.001]\ntag: step_{step}\n"
        (model / f"step_{step}.yaml").write_text(content)
    ingest(tmp_path)
    (view,) = views().values()
    assert [(point["step"], point["value"]) for point in view.histories["valid/loss"]] == [(1000, 3.5), (2000, 2.5)]
    assert view.histories["valid/accuracy"][0]["value"] == 0.5
