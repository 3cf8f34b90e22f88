"""A made experiment of icefall becomes a run with its curves, searches and utterances."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BATCHES = 123


def test_a_training_becomes_curves_over_the_batches_since_its_beginning(exp, ingest, views):
    code, document, err = ingest(exp)
    assert (code, err) == (0, "")
    (run,) = document["runs"]
    assert (run["name"], run["kind"]) == ("zipformer/exp", "transducer")
    view = views()["zipformer/exp"]
    assert view.status == "finished"
    points = {point["step"]: point for point in view.histories["train/loss"]}
    assert sorted(points) == [epoch * BATCHES + batch + 1 for epoch in range(3) for batch in (0, 50, 100)]
    assert points[BATCHES + 51]["value"] == pytest.approx(8.0 / (1 + BATCHES + 50), rel=1e-3)
    assert [point["step"] for point in view.histories["valid/loss"]] == [1, BATCHES + 1, 2 * BATCHES + 1]
    assert view.histories["train/gradient_clipped"][0]["value"] == 0.03
    assert view.histories["train/learning_rate"][0]["value"] == 0.0225
    assert {
        "train/loss_simple",
        "train/loss_pruned_tot",
        "valid/loss_simple",
        "train/batch_size",
    } <= view.histories.keys()
    assert view.config["icefall"]["batch_axis"] == {"exact": True, "estimated_epochs": 0}


def test_what_the_parameters_say_is_lifted_into_the_vocabulary(exp, ingest, views):
    ingest(exp)
    view = views()["zipformer/exp"]
    speech = view.speech
    assert speech["toolkit"] == "icefall"
    assert speech["toolkit_version"] == "abc1234-dirty"
    assert speech["model"] == {
        "type": "transducer", "encoder": "zipformer", "encoder_layers": 7, "encoder_dim": 384, "parameters": 1234567,
        "token_type": "bpe", "vocabulary_size": 500, "subsampling": 4,
    }  # fmt: skip
    assert speech["training"]["batch_seconds"] == 400
    assert speech["training"]["learning_rate"] == 0.045
    assert speech["augmentation"] == {"spec_augment": True, "noise": False}
    assert speech["data"] == {"datasets": ["train-clean-100"], "test_sets": ["test-clean", "dev-clean"]}
    assert view.config["icefall"]["params"]["env_info"]["hostname"] == "node7"
    assert "best_train_loss" not in view.config["icefall"]["params"]


def test_searches_become_evaluations_with_their_utterances(exp, ingest, views):
    _, document, _ = ingest(exp)
    evaluations = {(each["test_set"], Path(each["path"]).name): each for each in document["runs"][0]["evaluations"]}
    greedy = evaluations["test-clean", "greedy_search"]
    best = {
        name: greedy["best"][name] for name in ("insertions", "deletions", "substitutions", "reference_length", "wer")
    }
    assert best == {
        "insertions": 1,
        "deletions": 0,
        "substitutions": 1,
        "reference_length": 15,
        "wer": pytest.approx(2 / 15),
    }
    sweep = evaluations["test-clean", "modified_beam_search"]
    assert (sweep["points"], sweep["best"]["lm_weight"]) == (2, 0.1)
    recorded = {(each["test_set"], each["decoding"]["method"]): each for each in views()["zipformer/exp"].evaluations}
    greedy = recorded["test-clean", "greedy_search"]
    assert greedy["decoding"]["use_averaged_model"] is True
    assert (greedy["decoding"]["epoch"], greedy["decoding"]["average"]) == (3, 2)
    assert greedy["decoding"]["max_sym_per_frame"] == 1
    assert greedy["checkpoint"].endswith("epoch-3.pt")
    beam = recorded["test-clean", "modified_beam_search"]
    assert beam["decoding"]["averaged_from"] == ["epoch-2.pt", "epoch-3.pt"]
    assert beam["metadata"]["selection"]["how"] == "this-set"
    assert "optimistic" in beam["metadata"]["selection"]["sentence"]
    at_dev = beam["metadata"]["at_dev_point"]
    assert (at_dev["dev_set"], at_dev["lm_weight"]) == ("dev-clean", 0.3)
    assert at_dev["error_rate"] == pytest.approx(5 / 15)


def test_the_utterances_are_those_of_other_toolkits_and_have_speakers(exp, ingest, views):
    from speech_tracker.evaluation.parquet import read_parquet

    ingest(exp)
    view = views()["zipformer/exp"]
    record = next(each for each in view.evaluations if each["decoding"]["method"] == "greedy_search")
    evaluation = read_parquet(view.folder / record["file"])
    assert sorted(evaluation.utterance_ids) == [
        "1089-134686-0000",
        "1089-134686-0001",
        "1188-133604-0000",
        "1188-133604-0001",
    ]
    assert set(evaluation.attributes["speaker_id"]) == {"1089", "1188"}


def test_a_second_time_adds_nothing(exp, ingest, views, capsys):
    from speech_tracker.cli import main

    ingest(exp)
    assert main(["ingest", "icefall", str(exp), "--mode", "local"]) == 0
    assert "nothing new" in capsys.readouterr().out
    assert main(["ingest", "icefall", str(exp.parent.parent), "--mode", "local"]) == 0
    assert "nothing new" in capsys.readouterr().out
    assert len(views()) == 1


def test_a_folder_of_logs_or_of_a_search_means_the_experiment_above(exp, ingest):
    for name in ("log", "greedy_search"):
        code, document, _ = ingest(exp / name, "--dry-run")
        assert code == 0
        (run,) = document["runs"]
        assert run["path"] == str(exp)
    assert [each["test_set"] for each in document["runs"][0]["evaluations"]] == ["test-clean"]


def test_a_training_that_goes_on_from_a_checkpoint_stays_one_run(exp, ingest, views, log_writer, params):
    ingest(exp)
    log = log_writer(90000.0)
    log.begin({**params, "start_epoch": 3})
    log.say("Loading checkpoint from zipformer/exp/epoch-2.pt", "checkpoint.py:111")
    log.epoch(3, 2 * BATCHES)
    log.epoch(4, 3 * BATCHES)
    log.say("Done!")
    (exp / "log" / "log-train-2024-05-02-01-00-00").write_text(log.text())
    code, document, _ = ingest(exp)
    assert code == 0
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"]["count"] == 12
    view = views()["zipformer/exp"]
    assert [point["step"] for point in view.histories["valid/loss"]] == [1 + BATCHES * epoch for epoch in range(4)]
    assert view.config["icefall"]["starts"] == 2
    assert view.config["icefall"]["batch_axis"]["exact"]


def test_another_training_from_the_beginning_in_the_same_folder_is_another_run(exp, ingest, views, trainings):
    ingest(exp)
    trainings(exp, "2024-05-03-10-00-00", epochs=1)
    _, document, _ = ingest(exp)
    assert [run["name"] for run in document["runs"]] == ["zipformer/exp", "zipformer/exp@2024-05-03-10-00-00"]
    assert len(views()["zipformer/exp"].histories["train/loss"]) == 9


def test_a_start_that_left_nothing_is_an_event_of_the_training_that_followed(exp, ingest, views, log_writer, params):
    log = log_writer(1000.0)
    log.begin(params)
    log.batch(1, 0, 9.0)
    log.say("Caught exception: CUDA out of memory. Tried to allocate 2.00 GiB.")
    (exp / "log" / "log-train-2024-05-01-00-16-00").write_text(log.text())
    _, document, _ = ingest(exp)
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"]["count"] == 9
    assert run["jobs"] == {"total": 4, "failed": 1}
    (event,) = [each for each in views()["zipformer/exp"].events if each["name"] == "false-start"]
    assert "out of memory" in event["data"]["reason"]


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("Traceback (most recent call last):\n  File \"train.py\", line 1\nRuntimeError: CUDA error: unspecified\n", "failed", "CUDA error"),
        ("slurmstepd: error: *** JOB 4711 ON node7 CANCELLED AT 2024-05-01T12:00:00 DUE TO TIME LIMIT ***\n", "killed", "TIME LIMIT"),
        ("", "killed", "breaks off"),
    ],
)  # fmt: skip
def test_how_a_training_ended_is_read_from_its_logs(tmp_path, ingest, views, log_writer, params, end, status, reason):
    exp = tmp_path / "zipformer" / "exp"
    (exp / "log").mkdir(parents=True)
    log = log_writer()
    log.begin(params)
    log.epoch(1, 0)
    log.epoch(2, BATCHES, until=60)
    path = exp / "log" / "log-train-2024-05-01-10-00-00"
    path.write_text(log.text())
    if end:
        (exp / "nohup.out").write_text(log.text() + end)
    for each in exp.rglob("*"):
        os.utime(each, (1714600000, 1714600000))
    _, document, _ = ingest(exp)
    (run,) = document["runs"]
    assert run["jobs"]["failed"] == 1
    view = views()["zipformer/exp"]
    assert view.status == status
    (ended,) = [each for each in view.events if each["name"] == "training-ended"]
    assert reason in ended["data"]["reason"]


def test_a_grad_scale_that_is_too_small_is_a_failure(tmp_path, ingest, views, log_writer, params):
    exp = tmp_path / "zipformer" / "exp"
    (exp / "log").mkdir(parents=True)
    log = log_writer()
    log.begin(params)
    log.epoch(1, 0)
    log.batch(2, 0, 1.0)
    log.say("Grad scale is small: 2.220446049250313e-16", level="WARNING")
    log.say("Saving checkpoint to zipformer/exp/bad-model-0.pt", "checkpoint.py:78")
    (exp / "log" / "log-train-2024-05-01-10-00-00").write_text(log.text())
    ingest(exp)
    assert views()["zipformer/exp"].status == "failed"


def test_several_ranks_are_one_training_whose_curves_are_those_of_the_first(tmp_path, ingest, log_writer, params):
    exp = tmp_path / "zipformer" / "exp"
    (exp / "log").mkdir(parents=True)
    for rank in range(2):
        log = log_writer(36000.0 + rank, f"({rank}/2) ")
        log.begin({**params, "world_size": 2})
        log.batch(1, 0, 8.0 + rank)
        log.say("Saving checkpoint to zipformer/exp/epoch-1.pt") if not rank else None
        log.say("Done!")
        (exp / "log" / f"log-train-2024-05-01-10-00-0{rank}-{rank}").write_text(log.text())
    _, document, _ = ingest(exp, "--dry-run")
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"] == {"last": 8.0, "min": 8.0, "max": 8.0, "count": 1}
    assert run["jobs"] == {"total": 1, "failed": 0}


def test_several_ranks_in_one_log_are_told_apart(tmp_path, ingest, log_writer, params):
    exp = tmp_path / "zipformer" / "exp"
    exp.mkdir(parents=True)
    logs = [log_writer(36000.0 + rank / 10, f"({rank}/2) ") for rank in range(2)]
    for rank, log in enumerate(logs):
        log.begin({**params, "world_size": 2})
        log.batch(1, 0, 8.0 + rank)
        log.batch(1, 50, 4.0 + rank)
    lines = [line for pair in zip(logs[0].lines, logs[1].lines, strict=True) for line in pair]
    (exp / "nohup.out").write_text("\n".join(lines) + "\n")
    _, document, _ = ingest(exp, "--dry-run")
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"] == {"last": 4.0, "min": 4.0, "max": 8.0, "count": 2}


def test_without_batch_counts_the_axis_is_said_to_be_estimated(tmp_path, ingest, views, log_writer, params):
    exp = tmp_path / "zipformer" / "exp"
    (exp / "log").mkdir(parents=True)
    log = log_writer()
    log.begin(params)
    for number in (1, 2, 3):
        log.epoch(number, (number - 1) * BATCHES, counts=False)
    (exp / "log" / "log-train-2024-05-01-10-00-00").write_text(log.text())
    ingest(exp)
    view = views()["zipformer/exp"]
    assert view.config["icefall"]["batch_axis"] == {"exact": False, "estimated_epochs": 2}
    steps = [point["step"] for point in view.histories["train/loss"]]
    assert steps == sorted(steps)
    assert all(abs(step - (1 + n // 3 * BATCHES + n % 3 * 50)) <= 50 for n, step in enumerate(steps))


def test_a_search_that_was_done_again_replaces_the_first_which_is_remembered(exp, ingest, views, searches):
    suffix = "epoch-3-avg-2-context-2-max-sym-per-frame-1-use-averaged-model"
    searches(exp, "greedy_search", suffix, "2024-05-04-09-00-00", {"test-clean": {"greedy_search": "b"}})
    ingest(exp)
    (record,) = [each for each in views()["zipformer/exp"].evaluations if each["decoding"]["method"] == "greedy_search"]
    assert record["counts"]["deletions"] == 2
    (earlier,) = record["metadata"]["earlier"]
    assert earlier["error_rate"] == pytest.approx(2 / 15)


def test_characters_are_scored_as_characters(tmp_path, ingest, views):
    folder = tmp_path / "exp" / "modified_beam_search"
    folder.mkdir(parents=True)
    lines = ["BAC009S0764W0121-0:\tref=['甚', '至', '出', '现']", "BAC009S0764W0121-0:\thyp=['甚', '至', '现']"]
    lines += ["BAC009S0764W0122-1:\tref=['交', '易']", "BAC009S0764W0122-1:\thyp=['交', '易']"]
    (folder / "recogs-test-epoch-30-avg-1-modified_beam_search-beam-size-4.txt").write_text("\n".join(lines) + "\n")
    code, document, err = ingest(tmp_path)
    assert (code, err) == (0, "")
    (evaluation,) = document["runs"][0]["evaluations"]
    assert evaluation["best"]["cer"] == pytest.approx(1 / 6)
    assert evaluation["best"]["wer"] is None
    (record,) = next(iter(views().values())).evaluations
    assert (record["unit"], record["counts"]["deletions"]) == ("char", 1)


def test_pages_of_results_are_read_when_nothing_else_is_there(tmp_path, ingest):
    page = (
        "## Results\n\n### LibriSpeech training results (Zipformer)\n\n##### small, number of model parameters: 22118279\n\n"
        "The WERs are\n\n| decoding method | test-clean | test-other | comment |\n|---|---|---|---|\n"
        "| greedy_search | 2.57 | 5.95 | --epoch 50 --avg 25 |\n| modified_beam_search | 2.5 | - | --epoch 50 --avg 20 |\n"
    )
    (tmp_path / "RESULTS.md").write_text(page)
    code, document, _ = ingest(tmp_path, "--dry-run")
    assert code == 0
    (run,) = document["runs"]
    assert run["kind"] == "page"
    rates = [(each["test_set"], each["best"]["wer"]) for each in run["evaluations"]]
    assert [name for name, _ in rates] == ["test-clean", "test-other", "test-clean"]
    assert [rate for _, rate in rates] == pytest.approx([0.0257, 0.0595, 0.025])


def test_pages_are_passed_over_where_the_files_are_there(exp, ingest):
    (exp.parent.parent / "RESULTS.md").write_text("| method | test-clean |\n|---|---|\n| x | 9.9 |\n")
    _, document, _ = ingest(exp.parent.parent, "--dry-run")
    assert len(document["runs"]) == 1


def test_the_search_that_is_the_best_on_the_development_set_is_carried_over_and_recorded_last(
    exp, ingest, views, searches
):
    for average, dev, test in ((1, "b", "b"), (2, "a", "b"), (3, "b", "a")):
        results = {"dev-clean": {"greedy_search": dev}, "test-clean": {"greedy_search": test}}
        searches(exp, "ctc-decoding", f"epoch-3-avg-{average}", f"2024-05-0{6 + average}-09-00-00", results)
    for path in (*exp.glob("greedy_search/*"), *exp.glob("modified_beam_search/*")):
        path.unlink()
    ingest(exp)
    recorded = [each for each in views()["zipformer/exp"].evaluations if each["test_set"] == "test-clean"]
    assert [each["decoding"]["average"] for each in recorded] == [1, 3, 2]
    assert recorded[-1]["metadata"]["selection"]["how"] == "carried-over"
    assert "the best of 3 searches of dev-clean" in recorded[-1]["metadata"]["selection"]["sentence"]


def test_checkpoints_have_their_step_and_the_loss_of_their_epoch(exp, ingest, views):
    (exp / "checkpoint-200.pt").write_bytes(b"model")
    (exp / "best-valid-loss.pt").write_bytes(b"model")
    ingest(exp)
    found = {Path(each["path"]).name: each for each in views()["zipformer/exp"].checkpoints}
    assert sorted(found) == ["best-valid-loss.pt", "checkpoint-200.pt", "epoch-1.pt", "epoch-2.pt", "epoch-3.pt"]
    assert (found["epoch-1.pt"]["step"], found["epoch-1.pt"]["metrics"]) == (BATCHES, {"valid/loss": 7.0})
    assert found["checkpoint-200.pt"]["step"] == 200
    assert found["best-valid-loss.pt"]["epoch"] == 3


def test_results_of_recipes_that_put_nothing_into_the_names_are_of_the_checkpoint_in_the_log(tmp_path, ingest, views):
    exp = tmp_path / "tdnn" / "exp"
    (exp / "log").mkdir(parents=True)
    lines = ["test_set-1:\tref=['NO', 'YES']", "test_set-1:\thyp=['NO', 'NO']"]
    (exp / "recogs-test_set-no_rescore.txt").write_text("\n".join(lines) + "\n")
    counts = "%WER = 50.00\nErrors: 0 insertions, 0 deletions, 1 substitutions, over 2 reference words (1 correct)\n"
    (exp / "errs-test_set-no_rescore.txt").write_text(counts)
    log = [
        "2021-08-24 10:00:00,123 INFO [decode.py:300] {'epoch': 14, 'avg': 2, 'exp_dir': PosixPath('tdnn/exp')}",
        "2021-08-24 10:00:01,123 INFO [utils.py:300] [test_set-no_rescore] %WER 50.00% [1 / 2, 0 ins, 0 del, 1 sub ]",
        "2021-08-24 10:00:02,123 INFO [decode.py:400] Done!",
    ]
    (exp / "log" / "log-decode-2021-08-24-10-00-00").write_text("\n".join(log) + "\n")
    _, document, err = ingest(tmp_path)
    assert err == ""
    (evaluation,) = document["runs"][0]["evaluations"]
    assert (evaluation["test_set"], evaluation["points"], evaluation["best"]["wer"]) == ("test_set", 1, 0.5)
    (record,) = next(iter(views().values())).evaluations
    assert (record["decoding"]["epoch"], record["decoding"]["average"]) == (14, 2)
    assert "file" in record


def test_recipes_that_count_characters_may_have_words_in_their_texts(tmp_path, ingest, views):
    folder = tmp_path / "exp" / "greedy_search"
    folder.mkdir(parents=True)
    lines = ["BAC009S0764W0121-0:\tref=['甚至', '出现']", "BAC009S0764W0121-0:\thyp=['甚至', '现']"]
    (folder / "recogs-test-epoch-30-avg-1.txt").write_text("\n".join(lines) + "\n")
    counts = "%WER = 25.00\nErrors: 0 insertions, 1 deletions, 0 substitutions, over 4 reference words (3 correct)\n"
    (folder / "errs-test-epoch-30-avg-1.txt").write_text(counts)
    _, document, err = ingest(tmp_path)
    assert err == ""
    assert document["runs"][0]["evaluations"][0]["best"]["cer"] == 0.25
    (record,) = next(iter(views().values())).evaluations
    assert record["unit"] == "char"
    assert "file" in record


def test_recipes_that_align_as_sclite_does_are_scored_so(tmp_path, ingest, views):
    folder = tmp_path / "exp" / "greedy_search"
    folder.mkdir(parents=True)
    # with a substitution for 4 and an insertion or deletion for 3 each, the shift of one word costs less than two errors
    lines = ["a:\tref=['X', 'A', 'B', 'C']", "a:\thyp=['A', 'B', 'C', 'Y']"]
    (folder / "recogs-test-epoch-30-avg-1.txt").write_text("\n".join(lines) + "\n")
    counts = "%WER = 50.00\nErrors: 1 insertions, 1 deletions, 0 substitutions, over 4 reference words (3 correct)\n"
    (folder / "errs-test-epoch-30-avg-1.txt").write_text(counts)
    _, _, err = ingest(tmp_path)
    assert err == ""
    (record,) = next(iter(views().values())).evaluations
    assert (record["counts"]["insertions"], record["counts"]["deletions"]) == (1, 1)


def test_what_was_printed_in_the_recipe_belongs_to_the_training_that_has_logs(exp, ingest, views):
    log = exp / "log" / "log-train-2024-05-01-10-00-00"
    text = log.read_text().rpartition("2024-05-01")[0]  # without its last line
    log.write_text(text)
    end = "Traceback (most recent call last):\nRuntimeError: CUDA error: unspecified launch failure\n"
    (exp.parent.parent / "nohup.out").write_text(text + end)
    _, document, _ = ingest(exp.parent.parent)
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"]["count"] == 9
    assert views()["zipformer/exp"].status == "failed"


def test_a_start_whose_log_is_gone_is_known_by_what_it_printed(exp, ingest, log_writer, params):
    log = log_writer(90000.0)
    log.begin({**params, "start_epoch": 4})
    log.epoch(4, 3 * BATCHES)
    log.say("Done!")
    (exp / "nohup.out").write_text(log.text())
    _, document, _ = ingest(exp, "--dry-run")
    (run,) = document["runs"]
    assert run["metrics"]["train/loss"]["count"] == 12
