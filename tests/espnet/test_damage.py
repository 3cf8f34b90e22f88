"""Damaged, cut and missing files: what is wrong is said once and where, what is good is recorded."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.integrations.espnet.ingest import EspnetIngester

from .conftest import LANGUAGE_MODEL, MODEL, WITH_LM, WITHOUT
from .make_recipe import HEARD, REFERENCES, heard, trn

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 99\n"


def problems_at(document, name):
    return [each for each in document["problems"] if Path(each["path"]).name == name]


def run_of(document, name=MODEL):
    return next(run for run in document["runs"] if run["name"] == name)


def append(path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def without_end(model):
    """Take from the newest log all that comes after the last epoch."""
    log = model / "train.log"
    text = log.read_text()
    log.write_text(text[: text.index("[node3:0/2] 2025-11-07 15:14:02")])
    return log


def test_a_traceback_at_the_end_is_a_failed_training(recipe, model, ingest, views):
    log = without_end(model)
    append(
        log,
        'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\n    main()\n'
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
        "# Accounting: time=9 threads=1\n# Ended (code 1) at Fri Nov  7 15:14:10 CET 2025, elapsed time 9 seconds\n",
    )
    _, document, _ = ingest(recipe)
    assert views()[MODEL].status == "failed"
    (problem,) = problems_at(document, "train.log")
    assert (
        problem["line"]
        == log.read_text().splitlines().index("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB") + 1
    )
    assert run_of(document)["metrics"]["valid/accuracy"]["count"] == 3


def test_a_cancelled_job_is_a_killed_training(recipe, model, ingest, views):
    append(
        without_end(model),
        "slurmstepd: error: *** JOB 4712 ON node3 CANCELLED AT 2025-11-07T15:14:09 DUE TO PREEMPTION ***\n",
    )
    ingest(recipe)
    assert views()[MODEL].status == "killed"


@pytest.mark.parametrize(("status", "expected"), [("1", "failed"), ("143", "killed"), ("137; signal 9", "killed")])
def test_the_status_of_the_job_tells_where_its_output_does_not(recipe, model, ingest, views, status, expected):
    append(without_end(model), f"# Ended (code {status}) at Fri Nov  7 15:14:10 CET 2025, elapsed time 9 seconds\n")
    ingest(recipe)
    assert views()[MODEL].status == expected


def test_a_log_that_stops_is_killed_when_it_is_old_and_running_when_it_is_not(recipe, model, ingest, views, long_ago):
    log = without_end(model)
    log.write_text(log.read_text().replace("2025-11-07", time.strftime("%Y-%m-%d")))
    _, document, _ = ingest(recipe, "--dry-run")
    assert problems_at(document, "train.log") == []
    long_ago(log)
    _, document, _ = ingest(recipe)
    assert views()[MODEL].status == "killed"
    (problem,) = problems_at(document, "train.log")
    assert "stops in epoch 4 without an end" in problem["reason"]


def test_an_exception_of_an_earlier_attempt_in_the_same_log_does_not_count(recipe, model, ingest, views):
    first = (model / "train.1.log").read_text() + "Traceback (most recent call last):\nValueError: no\n"
    (model / "train.log").write_text(first + (model / "train.log").read_text())
    (model / "train.1.log").unlink()
    ingest(recipe)
    view = views()[MODEL]
    assert view.status == "finished"
    assert [point["value"] for point in view.history("train/loss")] == [30.5, 28.25, 26.5, 24.25, 22.5, 20.25]


def test_missing_epochs_are_named_and_the_others_keep_their_steps(recipe, model, ingest, views):
    (model / "train.1.log").unlink()
    _, document, _ = ingest(recipe)
    assert [point["step"] for point in views()[MODEL].history("train/loss")] == [5, 6]
    (problem,) = [each for each in document["problems"] if "no results of epochs 1-2" in each["reason"]]
    assert Path(problem["path"]).name == MODEL


def test_a_damaged_line_costs_one_value_and_is_a_problem(recipe, model, ingest, views):
    log = model / "train.log"
    log.write_text(log.read_text().replace("loss=20.250", "loss=20.2.50"))
    _, document, _ = ingest(recipe)
    assert [point["step"] for point in views()[MODEL].history("train/loss")] == [1, 2, 3, 4, 5]
    (problem,) = problems_at(document, "train.log")
    assert problem["line"] == 1 + next(n for n, line in enumerate(log.read_text().splitlines()) if "20.2.50" in line)


def test_a_lost_utterance_is_scored_anew_by_id_where_the_transcripts_were_pasted(recipe, model, ingest, views):
    """`hyp.trn` is pasted line by line: after a lost utterance each line has the words of the next one."""
    folder = model / WITH_LM / "test_small"
    hypotheses = heard(WITH_LM, "test_small")
    del hypotheses["1089-134686-0001"]
    (folder / "text").write_text("".join(f"{key} {text}\n" for key, text in hypotheses.items()))
    utterances = list(REFERENCES["test_small"])
    (folder / "score_wer" / "hyp.trn").write_text(trn("wer", list(hypotheses.values()), utterances))
    (folder / "score_wer" / "result.txt").write_text(
        "| SPKR | # Snt # Wrd | Corr Sub Del Ins Err S.Err |\n| Sum | 5 21 | 8 13 0 2 15 4 |\n"
    )
    _, document, _ = ingest(recipe)
    (evaluation,) = [
        each for each in views()[MODEL].evaluations
        if (each["test_set"], each["unit"], each["metadata"]["inference"]) == ("test_small", "word", WITH_LM)
    ]  # fmt: skip
    # the four words of the lost one are deleted; the other two errors are those that were there before
    assert (
        evaluation["counts"]["substitutions"],
        evaluation["counts"]["deletions"],
        evaluation["counts"]["insertions"],
    ) == (1, 4, 1)
    (problem,) = [each for each in problems_at(document, "hyp.trn") if "score_wer" in each["path"]]
    assert "'1089-134686-0001'" in problem["reason"]
    assert "sclite counted 15" in problem["reason"]


def test_transcripts_are_scored_where_data_and_hypotheses_are_gone(recipe, model, ingest, views):
    for name in REFERENCES:
        (recipe / "dump/raw" / name / "text").unlink()
        (recipe / "dump/raw" / name / "utt2spk").unlink()
        for tag in (WITH_LM, WITHOUT):
            (model / tag / name / "text").unlink()
    ingest(recipe)
    evaluations = views()[MODEL].evaluations
    assert {each["alignment"] for each in evaluations} == {"sclite"}
    with_lm = next(
        each for each in evaluations if each["test_set"] == "test_small" and each["metadata"]["inference"] == WITH_LM
    )
    assert {row["speaker_id"] for row in with_lm["speakers"]} == {"1089", "121"}
    counts = {(each["unit"], each["metadata"]["inference"], each["test_set"]): each["counts"] for each in evaluations}
    assert counts["char", WITHOUT, "test_small"]["insertions"] == 5


def test_utterances_of_another_scoring_are_left_out_and_sclites_counts_are_kept(recipe, model, ingest, views):
    report = model / WITHOUT / "dev_small" / "score_wer" / "result.txt"
    report.write_text("| Sum | 4 14 | 14 0 0 0 0 0 |\n")
    _, document, _ = ingest(recipe)
    found = [
        each for each in views()[MODEL].evaluations
        if (each["test_set"], each["metadata"]["inference"]) == ("dev_small", WITHOUT) and "cer" not in each
    ]  # fmt: skip
    assert [each["counts"]["substitutions"] for each in found] == [0]
    assert any("left out" in each["reason"] for each in document["problems"])


def test_a_report_without_counts_gives_its_rate_only(recipe, model, ingest, views):
    for tag in (WITH_LM, WITHOUT):
        for name in REFERENCES:
            report = model / tag / name / "score_wer" / "result.txt"
            report.write_text(report.read_text()[: report.read_text().index("Sum/Avg") + 120])
            for trn_file in report.parent.glob("*.trn"):
                trn_file.unlink()
            (model / tag / name / "text").unlink()
    _, document, _ = ingest(recipe)
    wers = [
        each["best"]["wer"]
        for each in run_of(document)["evaluations"]
        if each["best"] and each["best"]["wer"] is not None
    ]
    assert sorted(wers) == [0.095, 0.143, 0.143, 0.357]
    assert "metrics" in views()[MODEL].evaluations[-1]


def test_a_set_that_nobody_scored_is_scored(recipe, model, ingest, views):
    for path in sorted(model.rglob("score_wer/*")) + sorted(model.rglob("score_cer/*")):
        path.unlink()
    (model / "RESULTS.md").unlink()
    _, document, _ = ingest(recipe)
    rates = {
        (each["test_set"], Path(each["path"]).parent.name): (each["best"]["substitutions"], each["best"]["deletions"], each["best"]["insertions"])
        for each in run_of(document)["evaluations"]
    }  # fmt: skip
    assert rates == {
        ("dev_small", WITH_LM): (2, 0, 0), ("dev_small", WITHOUT): (3, 2, 0), ("test_small", WITH_LM): (1, 0, 1),
        ("test_small", WITHOUT): (1, 1, 1),
    }  # fmt: skip
    assert HEARD[WITH_LM, "dev_small"]["251-118436-0000"] == "NOBODY KNOWS A WAY"


def test_what_was_scored_here_is_not_recorded_again_when_sclite_says_the_same(recipe, model, ingest, views):
    report = model / WITHOUT / "test_small" / "score_wer" / "result.txt"
    said = report.read_text()
    (model / "RESULTS.md").unlink()
    for path in sorted((model / WITHOUT / "test_small").glob("score_*/*")):
        path.unlink()
    ingest(recipe)
    assert len(views()[MODEL].evaluations) == 7
    report.write_text(said)
    ingest(recipe)
    assert len(views()[MODEL].evaluations) == 7


def test_a_set_is_not_scored_while_its_utterances_come_in(recipe, model, ingest, views, long_ago):
    folder = model / WITHOUT / "dev_small"
    (model / "RESULTS.md").unlink()
    for path in folder.glob("score_*/*"):
        path.unlink()
    text = (folder / "text").read_text()
    (folder / "text").unlink()
    part = folder / "logdir" / "output.1" / "1best_recog" / "text"
    part.parent.mkdir(parents=True)
    part.write_text(text[: text.index("251-118436-0000")])
    log = folder / "logdir" / "asr_inference.1.log"
    log.write_text(log.read_text()[: log.read_text().index("# Accounting")])  # a launcher that does not say the end
    ingest(recipe)
    assert len(views()[MODEL].evaluations) == 6
    part.write_text(text)
    ingest(recipe)
    assert len(views()[MODEL].evaluations) == 7
    assert not [event for event in views()[MODEL].events if event["name"] == "decoded-not-scored"]


def test_a_failed_decoding_job_is_a_problem_and_an_event(recipe, model, ingest, views):
    log = model / WITHOUT / "dev_small" / "logdir" / "asr_inference.1.log"
    log.write_text(
        log.read_text().replace(
            "# Ended (code 0)", "Traceback (most recent call last):\nKeyError: 'x'\n# Ended (code 1)"
        )
    )
    _, document, _ = ingest(recipe)
    (problem,) = problems_at(document, "asr_inference.1.log")
    assert "KeyError: 'x'" in problem["reason"]
    view = views()[MODEL]
    assert [event["name"] for event in view.events if event["name"] == "job-failed"] == ["job-failed"]
    assert view.status == "finished"


def test_a_decoding_job_that_stops_is_running_and_later_failed(recipe, model, ingest, views, long_ago):
    log = model / WITHOUT / "dev_small" / "logdir" / "asr_inference.1.log"
    log.write_text(log.read_text()[: log.read_text().index("2025-11-08 10:00:21,000")])
    assert ingest(recipe, "--dry-run")[1]["problems"] == ingest(recipe)[1]["problems"]
    assert problems_at(ingest(recipe)[1], "asr_inference.1.log") == []
    long_ago(log)
    (problem,) = problems_at(ingest(recipe)[1], "asr_inference.1.log")
    assert "stops without an end" in problem["reason"]


def test_only_tables_are_left(recipe, model, ingest, views):
    table = (model / "RESULTS.md").read_text()
    folder = recipe.parent / "gone" / "asr1"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(table)
    _, document, _ = ingest(folder)
    (run,) = document["runs"]
    assert (run["name"], run["kind"]) == (MODEL, "asr")
    assert {
        (each["test_set"], each["best"]["wer"], each["best"]["reference_length"]) for each in run["evaluations"] if each["best"]["wer"]
    } == {("dev_small", 0.143, 14), ("dev_small", 0.357, 14), ("test_small", 0.095, 21), ("test_small", 0.143, 21)}  # fmt: skip
    view = views()[MODEL]
    assert view.speech["toolkit_version"] == "202511"
    assert all("counts" not in each for each in view.evaluations)
    assert ingest(folder)[1] == document
    # where the folder is there, its own files tell, and the table says nothing more
    assert len(run_of(ingest(recipe)[1])["evaluations"]) == 8


def test_results_in_a_renamed_folder_are_its_own_and_those_of_other_models_are_not(recipe, model, ingest):
    for path in model.rglob("score_*"):
        for each in path.iterdir():
            each.unlink()
    for path in model.rglob("logdir/*"):
        path.unlink()
    renamed = model.rename(model.with_name("asr_renamed"))
    run = run_of(ingest(recipe, "--dry-run")[1], "asr_renamed")
    assert len(run["evaluations"]) == 8
    table = (renamed / "RESULTS.md").read_text()
    (renamed / "RESULTS.md").write_text(
        f"{table}\n## asr_other_model\n### WER\n\n|dataset|Snt|Wrd|Err|\n|-|-|-|-|\n|a/b|1|9|3.5|\n"
    )
    document = ingest(recipe, "--dry-run")[1]
    assert [each["test_set"] for each in run_of(document, "asr_other_model")["evaluations"]] == ["b"]


def test_files_that_git_lfs_has_not_fetched_are_named(recipe, model, ingest, views):
    for name in ("config.yaml", "train.log", "train.1.log"):
        (model / name).write_text(LFS)
    report = model / WITH_LM / "dev_small" / "score_wer" / "result.txt"
    report.write_text(LFS)
    code, document, _ = ingest(recipe)
    assert code == 0
    for name in ("config.yaml", "train.log", "train.1.log", "result.txt"):
        assert any("git lfs pull" in each["reason"] for each in problems_at(document, name)), name
    assert len(views()[MODEL].evaluations) == 8  # RESULTS.md tells the one whose report is not there


def test_a_hypothesis_file_of_git_lfs_is_named_when_it_is_needed(recipe, model, ingest, views):
    (model / WITH_LM / "dev_small" / "text").write_text(LFS)
    code, document, _ = ingest(recipe)
    assert code == 0
    assert any("git lfs pull" in each["reason"] for each in problems_at(document, "text"))
    assert len(views()[MODEL].evaluations) == 8


@pytest.mark.parametrize("content", ["a: [", "- a list\n", "output_dir: x\noptim: 3\nseed: []\nmax_epoch: {a: b}\nfrontend_conf: {fs: much}\n",
                                     "output_dir: x\nseed: 1\nmax_epoch: 2\ntrain_data_path_and_name_and_type: 7\naccum_grad: none\n"])  # fmt: skip
def test_a_damaged_configuration_costs_nothing_but_itself(recipe, model, ingest, views, content):
    (model / "config.yaml").write_text(content)
    code, document, _ = ingest(recipe)
    assert code == 0
    assert views()[MODEL].status == "finished"
    assert len(run_of(document)["evaluations"]) == 8


def test_an_unreadable_file_and_bytes_that_are_no_text(recipe, model, ingest_without_rights, views):
    (model / "train.1.log").write_bytes(b"\x00\xff\xfe binary" * 100)
    (model / WITH_LM / "dev_small" / "score_wer" / "result.txt").write_bytes(b"\xff\xfe\x00")
    secret = recipe / "exp" / LANGUAGE_MODEL / "config.yaml"
    secret.chmod(0)
    code, document, _ = ingest_without_rights(recipe)
    assert code == 0
    assert problems_at(document, "train.1.log")
    assert problems_at(document, "result.txt")
    assert problems_at(document, "config.yaml")
    assert set(views()) == {MODEL, LANGUAGE_MODEL}


def test_a_folder_without_anything_says_what_was_looked_for(tmp_path, ingest):
    (tmp_path / "notes.txt").write_text("x")
    code, _, said = ingest(tmp_path)
    assert code == 1
    assert "train.log" in said


def read_all(folder, state):
    """Describe a recipe, load the utterances of each evaluation as a recording does, and keep what was read."""
    ingester = EspnetIngester(Source(folder, state=state))
    found = ingester.find()
    ingester.save()
    problems = list(found.problems)
    for run in found.runs:
        run.metrics()
        for evaluation in run.evaluations:
            if evaluation.load is not None:
                evaluation.load(problems)
    return found, problems


@pytest.mark.parametrize("damage", ["cut", "binary", "shuffled", "digits"])
def test_no_file_can_stop_the_reading_of_the_others(recipe, tmp_path, damage):
    make = {
        "digits": lambda data: re.sub(rb"(\d)(?= ?[\n|])", rb"\g<1>" + b"9" * 40, data),
        "cut": lambda data: data[: len(data) // 2],
        "binary": lambda data: bytes(255 - byte for byte in data),
        "shuffled": lambda data: b"\n".join(sorted(data.split(b"\n"))),
    }[damage]
    for path in sorted(recipe.rglob("*")):
        if path.is_file() and not path.is_symlink() and WITHOUT not in path.parts:
            data = path.read_bytes()
            path.write_bytes(make(data))
            found, _ = read_all(recipe, tmp_path / "state.json")
            assert {run.name for run in found.runs} >= {MODEL}, path
            path.write_bytes(data)


def test_a_job_whose_launcher_could_not_say_its_end_took_as_long_as_its_log(recipe, model, ingest):
    log = without_end(model)
    log.write_text("".join(line for line in log.read_text().splitlines(True) if not line.startswith("# Accounting")))
    for other in model.rglob("*.log"):
        if other != log:
            other.unlink()
    _, document, _ = ingest(recipe)
    assert run_of(document)["compute_seconds"] == 820  # from 15:00:20 to 15:14:00
