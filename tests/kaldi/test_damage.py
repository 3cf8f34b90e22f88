"""What goes wrong in experiments: the good part is taken, the bad part is told with its place, and nothing raises."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from speech_tracker.ingest.clock import STILL_RUNNING_SECONDS


def reasons(document, ending):
    """What is wrong with the file of this name."""
    return [problem["reason"] for problem in document["problems"] if problem["path"].endswith(ending)]


def lines_of(document, ending):
    return [problem["line"] for problem in document["problems"] if problem["path"].endswith(ending)]


def run_named(document, name):
    (run,) = [run for run in document["runs"] if run["name"] == name]
    return run


def evaluation(document, name, test_set):
    (found,) = [each for each in run_named(document, name)["evaluations"] if each["test_set"] == test_set]
    return found


def grow_old(path: Path):
    """As if nobody had written to it for a day."""
    long_ago = time.time() - 86_400
    os.utime(path, (long_ago, long_ago))


def test_a_job_without_an_end_is_failed_when_old_and_running_when_young(tree, ingest, views):
    old = tree / "exp/mono/log/acc.8.1.log"
    young = tree / "exp/mono/log/acc.8.2.log"
    for path in (old, young):
        path.write_text(
            path.read_text().partition("LOG (gmm-acc-stats-ali[5.5.1113~1-a52a4]:main():main.cc:100) Ov")[0]
        )
    grow_old(old)
    _, document, _ = ingest(tree)
    assert run_named(document, "mono")["jobs"]["failed"] == 1
    assert reasons(document, "acc.8.1.log") == ["the job never ended: it was killed, or its machine went down"]
    assert reasons(document, "acc.8.2.log") == []
    assert STILL_RUNNING_SECONDS < 86_400
    assert any(problem["path"].endswith("acc.8.1.log") for problem in views()["mono"].problems)


def test_a_log_cut_in_mid_line_keeps_its_earlier_lines_and_the_phases_stand_for_the_lost_mean(tree, ingest, views):
    for path in (tree / "exp/chain/tdnn1a/log").glob("train.3.*.log"):
        text = path.read_text()
        cut = text.index("Average objective function for 'output' for minibatches 30-39")
        path.write_text(text[: cut + 40])
        grow_old(path)
    _, document, _ = ingest(tree)
    run = run_named(document, "chain/tdnn1a")
    assert run["jobs"]["failed"] == 2
    history = {point["step"]: point["value"] for point in views()["chain/tdnn1a"].history("train/objective/output")}
    assert history[3] == pytest.approx(-0.7 * 0.6**3 - 0.05, rel=1e-4)  # of three whole phases
    assert sorted(history) == [0, 1, 2, 3, 4]
    assert all("partial" in reason or "never ended" in reason for reason in reasons(document, "train.3.1.log"))


def test_a_job_that_failed_is_reported_with_its_status_and_its_error(tree, ingest, views):
    path = tree / "exp/tri1/log/acc.3.2.log"
    text = path.read_text().replace("# Ended (code 0)", "# Ended (code 255)")
    error = "ERROR (gmm-acc-stats-ali[5.5.1113~1-a52a4]:Read():kaldi-io.cc:84) Cannot read exp/mono_ali/ali.2.gz"
    lines = text.splitlines()
    lines.insert(5, error)
    path.write_text("\n".join(lines) + "\n")
    _, document, err = ingest(tree)
    assert reasons(document, "acc.3.2.log") == ["the job failed with status 255"]
    assert lines_of(document, "acc.3.2.log") == [6]
    assert run_named(document, "tri1")["jobs"]["failed"] == 2  # and the diagnosis without python
    assert re.search(r"acc\.3\.2\.log:6: the job failed with status 255: .*Cannot read exp/mono_ali", err)
    events = [each["data"] for each in views()["tri1"].events if each["name"] == "job-failed"]
    assert any(each["status"] == 255 and "Cannot read" in each["error"] for each in events)


def test_a_job_killed_by_a_signal_is_told_so(tree, ingest, views):
    path = tree / "exp/tri1/log/align.2.1.log"
    path.write_text(path.read_text().replace("# Ended (code 0)", "# Ended (code 137; signal 9)"))
    _, document, _ = ingest(tree)
    assert reasons(document, "align.2.1.log") == ["the job was killed by signal 9"]
    (event,) = [each["data"] for each in views()["tri1"].events if "align.2.1" in each["data"].get("log", "")]
    assert event["signal"] == 9


def test_an_error_in_a_job_that_ended_with_0_is_a_problem_but_no_failure(tree, ingest, views):
    path = tree / "exp/mono/log/acc.2.1.log"
    lines = path.read_text().splitlines()
    lines.insert(4, "ERROR (apply-cmvn[5.5.1113~1-a52a4]:Value():kaldi-table-inl.h:2402) no such key")
    path.write_text("\n".join(lines) + "\n")
    _, document, _ = ingest(tree)
    assert reasons(document, "acc.2.1.log") == ["an error in a job that ended with status 0"]
    assert lines_of(document, "acc.2.1.log") == [5]
    assert run_named(document, "mono")["jobs"]["failed"] == 0
    assert any(problem["line"] == 5 for problem in views()["mono"].problems)


def test_a_missing_iteration_is_told_and_the_others_are_taken(tree, ingest, views):
    for pattern in ("train.2.*.log", "compute_prob_*.2.log", "progress.2.log"):
        for path in (tree / "exp/chain/tdnn1a/log").glob(pattern):
            path.unlink()
    report = tree / "exp/chain/tdnn1a/accuracy.report"
    report.write_text("\n".join(line for line in report.read_text().splitlines() if not line.startswith("2\t")) + "\n")
    _, document, _ = ingest(tree)
    points = views()["chain/tdnn1a"].history("train/objective/output")
    assert [point["step"] for point in points] == [0, 1, 3, 4]
    assert reasons(document, "chain/tdnn1a") == ["no training log of iteration 2"]


JUNK = {
    "empty": b"",
    "zeros": b"\x00" * 4096,
    "every byte": bytes(range(256)) * 64,
    "compressed": b"\x1f\x8b\x08\x00" + bytes((31 * each) % 251 for each in range(512)),
    "UTF-16": "%WER 12,5 [ 3 / 24 ]\n".encode("utf-16"),
}
VICTIMS = [
    "exp/mono/log/acc.3.1.log",
    "exp/chain/tdnn1a/accuracy.report",
    "exp/chain/tdnn1a/log/train.1.1.log",
    "exp/tri1/decode_dev/wer_9_0.5",
    "exp/tri1/decode_dev/scoring_kaldi/best_wer",
    "exp/tri1/decode_dev/scoring_kaldi/wer_details/per_utt",
    "exp/tri1/decode_dev/log/decode.1.log",
    "exp/tri1/num_jobs",
    "exp/tri1/tree",
    "exp/tri1/final.mdl",
    "data/dev/text",
    "data/dev/utt2dur",
    "exp/chain/tdnn1a/configs/network.xconfig",
    "conf/mfcc.conf",
]


def assert_the_rest_is_there(code, document, err):
    assert code == 0
    assert "Traceback" not in err
    assert len(document["runs"]) == 6
    assert [len(run["evaluations"]) for run in document["runs"]] == [
        2 if run["kind"] in ("mono", "tri", "chain") else 0 for run in document["runs"]
    ]
    assert run_named(document, "mono")["iterations"] == 8


@pytest.mark.parametrize("victim", VICTIMS)
def test_an_empty_or_binary_file_costs_itself_alone(tree, ingest, victim):
    for content in (JUNK["empty"], JUNK["every byte"]):
        (tree / victim).write_bytes(content)
        assert_the_rest_is_there(*ingest(tree, "--dry-run"))


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_every_kind_of_file_at_once_costs_these_files_alone(tree, ingest, views, junk):
    for victim in VICTIMS:
        (tree / victim).write_bytes(JUNK[junk])
    assert_the_rest_is_there(*ingest(tree))
    assert len(views()["mono"].history("train/log_likelihood_per_frame")) == 8


@pytest.mark.parametrize("absurd", ["1e+400", "99999999999999999999999", "9" * 5000])
def test_absurd_numbers_cost_themselves_alone_and_can_be_remembered(tree, ingest, absurd):
    for name in ("exp/tri1/num_jobs", "exp/mono/decode_dev/scoring_kaldi/wer_details/lmwt"):
        (tree / name).write_text(f"{absurd}\n")
    (tree / "conf/mfcc.conf").write_text(f"--sample-frequency={absurd}\n--num-ceps={absurd}\n")
    for name in (
        "exp/mono/log/acc.3.1.log",
        "exp/chain/tdnn1a/log/train.1.1.log",
        "exp/tri1/decode_dev/wer_9_0.5",
        "exp/mono/decode_test/scoring_kaldi/wer_details/per_utt",
    ):
        text = (tree / name).read_text()
        (tree / name).write_text(re.sub(r"\d{3,}|(?<=csid )\d+", absurd, text))
    before = ingest(tree)
    assert_the_rest_is_there(*before)
    assert ingest(tree)[1]["runs"] == before[1]["runs"]


def test_a_wrong_best_line_is_overruled_by_the_files(tree, ingest, views):
    best = tree / "exp/mono/decode_dev/scoring_kaldi/best_wer"
    truth = re.search(r"wer_(\d+)_([\d.]+)\s*$", best.read_text())
    wrong = "%WER 1.00 [ 2 / 200, 1 ins, 1 del, 0 sub ] /export/other/place/exp/mono/decode_dev/wer_13_1.0\n"
    best.write_text(wrong)
    (best.parent / "wer_details/lmwt").unlink()
    (best.parent / "wer_details/wip").unlink()
    _, document, _ = ingest(tree)
    found = evaluation(document, "mono", "dev")["best"]
    assert (found["lm_weight"], found["word_insertion_penalty"]) == (int(truth[1]), float(truth[2]))
    assert found["wer"] > 0.02
    assert reasons(document, "best_wer")
    assert lines_of(document, "best_wer") == [1] * len(lines_of(document, "best_wer"))
    assert views()["mono"].evaluations[0]["error_rate"] == pytest.approx(found["wer"])


@pytest.mark.parametrize("prefix", ["/export/a/b/c/", "exp/elsewhere/", "C:\\kaldi\\"])
def test_a_foreign_path_in_a_right_best_line_harms_nothing(tree, ingest, prefix):
    best = tree / "exp/mono/decode_dev/scoring_kaldi/best_wer"
    before = ingest(tree, "--dry-run")[1]
    text = best.read_text()
    best.write_text(re.sub(r"\S+/(wer_\S+)", lambda match: prefix + match[1], text))
    after = ingest(tree, "--dry-run")[1]
    assert after["runs"] == before["runs"]
    assert reasons(after, "best_wer") == []


def test_wer_lines_in_cer_files_are_character_error_rates(tree, ingest):
    folder = tree / "exp/mono/decode_dev"
    for path in list(folder.glob("wer_*")):
        path.rename(path.with_name(path.name.replace("wer_", "cer_")))
    (folder / "scoring_kaldi/best_wer").unlink()
    _, document, _ = ingest(tree)
    found = evaluation(document, "mono", "dev")["best"]
    assert found["wer"] is None
    assert 0 < found["cer"] < 1


def test_a_partial_mark_is_kept(tree, ingest, views):
    for path in (tree / "exp/mono/decode_dev").glob("wer_*"):
        text = path.read_text()
        path.write_text(re.sub(r"(%WER .*\])", r"\1 [PARTIAL]", text).replace(" 0 not present", " 3 not present"))
    _, document, _ = ingest(tree)
    assert evaluation(document, "mono", "dev")["points"] == 21
    (found,) = [each for each in views()["mono"].evaluations if each["test_set"] == "dev"]
    assert found["metadata"]["absent_hypotheses"] == 3


def test_a_tie_goes_to_the_recorded_best_line(tree, ingest):
    folder = tree / "exp/mono/decode_dev"
    best = folder / "scoring_kaldi/best_wer"
    name = re.search(r"(wer_\d+_[\d.]+)\s*$", best.read_text())[1]
    for other in ("wer_7_0.0", "wer_13_1.0"):
        (folder / other).write_text((folder / name).read_text())
    best.write_text(best.read_text().replace(name, "wer_13_1.0"))
    (best.parent / "wer_details/lmwt").write_text("13\n")
    (best.parent / "wer_details/wip").write_text("1.0\n")
    _, document, _ = ingest(tree)
    found = evaluation(document, "mono", "dev")["best"]
    assert (found["lm_weight"], found["word_insertion_penalty"]) == (13, 1.0)
    assert reasons(document, "best_wer") == []


@pytest.mark.parametrize(("errors", "best"), [(1975, 9), (1900, 10)])
def test_rates_that_kaldi_prints_alike_are_a_tie_and_the_first_of_them_is_no_wrong_best_line(
    tree, ingest, errors, best
):
    """Its scripts compare what is printed: with two decimals, 1977 and 1975 errors in 52,576 words are both 3.76 %."""
    folder = tree / "exp/chain/tdnn1a/decode_dev"
    for path in folder.glob("wer_*"):
        path.unlink()
    shutil.rmtree(folder / "scoring_kaldi")

    def line(errors):
        return f"%WER {100 * errors / 52576:.2f} [ {errors} / 52576, 200 ins, 100 del, {errors - 300} sub ]"

    for weight, count in ((8, 2100), (9, 1977), (10, errors)):
        (folder / f"wer_{weight}_0.0").write_text(f"{line(count)}\n%SER 40.00 [ 1048 / 2620 ]\n")
    (folder / "scoring_kaldi").mkdir()
    (folder / "scoring_kaldi/best_wer").write_text(f"{line(1977)} exp/chain/tdnn1a/decode_dev/wer_9_0.0\n")
    _, document, _ = ingest(tree)
    assert evaluation(document, "chain/tdnn1a", "dev")["best"]["lm_weight"] == best
    assert len(reasons(document, "best_wer")) == (best != 9)


def test_values_that_are_no_finite_numbers_are_recorded_and_told_as_texts(tree, ingest, views):
    for path in (tree / "exp/chain/tdnn1a/log").glob("train.4.*.log"):
        path.write_text(re.sub(r"(function for 'output' is )\S+", r"\1-nan", path.read_text()))
    for path in (tree / "exp/chain/tdnn1a/log").glob("compute_prob_valid.4.log"):
        path.write_text(re.sub(r"('output-xent' is )\S+", r"\1-inf", path.read_text()))
    for path in (tree / "exp/chain/tdnn1a/log").glob("train.2.*.log"):
        path.write_text(re.sub(r"(function for 'output' is )\S+", r"\1-1.5e+01", path.read_text()))
    _, document, _ = ingest(tree)
    run = run_named(document, "chain/tdnn1a")
    history = {point["step"]: point["value"] for point in views()["chain/tdnn1a"].history("train/objective/output")}
    assert history[2] == -15.0
    assert history[4] != history[4]
    assert run["metrics"]["train/objective/output"]["last"] == "NaN"
    assert run["metrics"]["train/objective/output"]["min"] == -15.0
    assert run["metrics"]["valid/log_probability/output_xent"]["min"] == "-Infinity"


@pytest.mark.parametrize(("zone", "offset"), [
    ("UTC", 0), ("WIB", 7), ("JST", 9), ("CEST", 2), ("EDT", -4), ("+0530", 5.5), ("-03", -3),
])  # fmt: skip
def test_time_zones_by_name_are_understood(tree, ingest, views, zone, offset):
    for path in (tree / "exp").rglob("*.log"):
        path.write_text(path.read_text().replace(" UTC 2024", f" {zone} 2024"))
    ingest(tree)
    assert views()["mono"].created_at == 1709629212.0 - 3600 * offset


def test_a_zone_of_several_meanings_is_settled_by_the_time_of_the_file(tree, ingest, views):
    written = 1709629212.0 - 3600 * 8 + 1  # CST of China, not of Chicago
    for path in (tree / "exp").rglob("*.log"):
        path.write_text(path.read_text().replace(" UTC 2024", " CST 2024"))
        os.utime(path, (written, written))
    ingest(tree)
    assert views()["mono"].created_at == 1709629212.0 - 3600 * 8


def test_texts_that_are_not_utf_8_and_names_that_are_not_either(tree, ingest, views):
    text = tree / "exp/mono/decode_dev/scoring_kaldi/wer_details/per_utt"
    text.write_bytes(text.read_bytes().replace("Zürich".encode(), "Zürich".encode("latin-1")))
    odd = Path(os.fsdecode(os.fsencode(tree / "exp/mono/log") + b"/acc.9.\xe9.log"))
    try:
        odd.write_bytes(b"LOG (gmm-acc-stats-ali[5.5]:main():x.cc:1) Done 36 files, 0 with errors.\n")
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    code, document, err = ingest(tree)
    assert code == 0
    assert "Traceback" not in err
    assert evaluation(document, "mono", "dev")["points"] == 21


def test_several_result_lines_in_one_file_take_the_last_and_are_told(tree, ingest):
    path = tree / "exp/mono/decode_dev/wer_9_0.5"
    path.write_text("%WER 99.00 [ 99 / 100, 0 ins, 99 del, 0 sub ]\n" + path.read_text())
    before = ingest(tree, "--dry-run")[1]
    assert any("%WER" in reason for reason in reasons(before, "wer_9_0.5"))


def test_points_scored_against_other_references_are_told(tree, ingest):
    path = tree / "exp/mono/decode_dev/wer_7_0.0"
    match = re.search(r"%WER \S+ \[ (\d+) / (\d+),", path.read_text())
    errors, length = int(match[1]), int(match[2]) + 5
    line = f"%WER {100 * errors / length:.2f} [ {errors} / {length},"
    path.write_text(path.read_text().replace(match[0], line))
    _, document, _ = ingest(tree)
    assert any("reference" in problem["reason"] for problem in document["problems"])
    assert evaluation(document, "mono", "dev")["points"] == 21


def test_utterances_that_do_not_give_the_counts_of_the_point_are_not_passed_off_as_it(tree, ingest, views):
    details = tree / "exp/mono/decode_dev/scoring_kaldi/wer_details/per_utt"
    lines = details.read_text().splitlines()
    details.write_text("\n".join(lines[: len(lines) // 8 * 4]) + "\n")
    for path in (tree / "exp/mono/decode_dev/scoring_kaldi").glob("penalty_*/*.txt"):
        path.unlink()
    _, document, _ = ingest(tree)
    best = evaluation(document, "mono", "dev")["best"]
    (found,) = [each for each in views()["mono"].evaluations if each["test_set"] == "dev"]
    assert found["error_rate"] == pytest.approx(best["wer"])
    assert reasons(document, "per_utt")


def test_a_recorded_rate_that_its_counts_do_not_give_is_told(tree, ingest):
    path = tree / "exp/mono/decode_dev/wer_9_0.5"
    path.write_text(re.sub(r"%WER \S+", "%WER 3.14", path.read_text()))
    _, document, _ = ingest(tree)
    assert any("3.14" in reason for reason in reasons(document, "wer_9_0.5"))


def test_logs_of_the_other_runners_are_jobs_too(tree, ingest, views):
    for number, path in enumerate(sorted((tree / "exp/tri1/log").glob("acc.*.log"))):
        body = [line for line in path.read_text().splitlines() if not line.startswith("# ")]
        status = 1 if number == 3 else 0
        head = ["# Running on node017", "# Started at Tue Mar 5 10:00:00 UTC 2024"]
        tail = [f"# Accounting: time=7 threads={1 + number % 2}",
                f"# Finished at Tue Mar 5 10:00:07 UTC 2024 with status {status}"]  # fmt: skip
        if number % 2:
            head.append("# SLURM_JOB_ID=4711")
            tail = ["# Accounting: begin_time=1709632800", "# Accounting: end_time=1709632807", *tail]
        path.write_text("\n".join((*head, f"# {body[1]} ", *body[2:], *tail)) + "\n")
    _, document, _ = ingest(tree)
    assert run_named(document, "tri1")["jobs"]["failed"] == 2
    stages = {each["data"]["stage"]: each for each in views()["tri1"].events if each["name"] == "stage"}
    assert stages["acc"]["data"]["hosts"] == ["node017"]
    assert stages["acc"]["data"]["seconds"] == 7 * 12
    assert stages["acc"]["data"]["failed"] == 1


def test_what_may_not_be_read_is_told(tree, ingest_without_rights):
    forbidden = [tree / each for each in ("exp/mono/log", "exp/tri1/log/acc.2.1.log", "data/test/utt2spk")]
    forbidden += [tree / "exp/tri1/decode_test/scoring_kaldi/wer_details/per_utt"]
    for path in forbidden:
        path.chmod(0)
    try:
        code, document, err = ingest_without_rights(tree)
    finally:
        for path in forbidden:
            path.chmod(0o755)
    assert code == 0
    assert "Traceback" not in err
    assert reasons(document, "exp/mono/log") == ["cannot be entered: Permission denied"]
    for ending in ("acc.2.1.log", "data/test/utt2spk", "tri1/decode_test/scoring_kaldi/wer_details/per_utt"):
        assert reasons(document, ending) == ["cannot be read: Permission denied"]
    assert not any("not in utt2spk" in problem["reason"] for problem in document["problems"])
    assert evaluation(document, "tri1", "test")["best"]["wer"] > 0


def test_a_folder_that_may_not_be_entered_is_one_message(tree, ingest_without_rights):
    (tree / "exp").chmod(0)
    try:
        for toolkit in (None, "kaldi"):
            code, document, err = ingest_without_rights(tree / "exp", toolkit=toolkit)
            assert (code, document) == (2, None)
            assert err.splitlines() == [
                f"error: {tree}/exp: Permission denied; correct the path, or make it readable and writable"
            ]
    finally:
        (tree / "exp").chmod(0o755)


def test_a_file_that_goes_away_between_listing_and_reading_is_passed_over(tree, ingest, monkeypatch):
    from speech_tracker.ingest import reading as read

    victim = tree / "exp/mono/log/acc.2.1.log"
    gone = tree / "exp/mono/log/dangling.1.log"
    gone.symlink_to(tree / "nowhere")
    original = read.read_log

    def vanishing(path, *arguments, **options):
        victim.unlink(missing_ok=True)
        return original(path, *arguments, **options)

    monkeypatch.setattr(read, "read_log", vanishing)
    code, document, err = ingest(tree)
    assert code == 0
    assert "Traceback" not in err
    assert run_named(document, "mono")["iterations"] == 8


def test_links_that_go_round_in_a_circle_end(tree, ingest):
    (tree / "exp/mono/again").symlink_to(tree / "exp", target_is_directory=True)
    code, document, _ = ingest(tree)
    assert code == 0
    assert sum(run["kind"] == "mono" for run in document["runs"]) == 1


def test_a_folder_goes_by_its_own_name_and_not_by_that_of_a_link_to_it(tree, ingest):
    before = ingest(tree)[1]
    (tree / "exp/best").symlink_to("chain/tdnn1a", target_is_directory=True)
    (tree / "another").symlink_to(tree / "exp", target_is_directory=True)
    assert ingest(tree)[1]["runs"] == before["runs"]


def test_a_folder_that_only_a_link_leads_to_is_entered(tree, ingest, tmp_path):
    before = {run["name"]: run for run in ingest(tree)[1]["runs"]}
    shutil.move(tree / "exp/mono", tmp_path / "disk 2")
    (tree / "exp/mono").symlink_to(tmp_path / "disk 2", target_is_directory=True)
    after = {run["name"]: run for run in ingest(tree)[1]["runs"]}
    assert after.keys() == before.keys()
    assert after["mono"]["metrics"] == before["mono"]["metrics"]
    assert [run["name"] for run in ingest(tree)[1]["runs"]] == [*before]


def test_a_named_pipe_is_not_waited_for(tree, ingest):
    os.mkfifo(tree / "exp/mono/log/acc.9.1.log")
    os.mkfifo(tree / "exp/mono/final.raw")
    code, document, _ = ingest(tree)
    assert code == 0
    assert run_named(document, "mono")["iterations"] == 8


def test_a_recipe_on_a_disk_that_is_called_data_has_the_same_test_sets(tree, ingest):
    before = {run["name"]: run for run in ingest(tree)[1]["runs"]}
    for path in tree.rglob("*.log"):
        path.write_text(re.sub(r'(?<=[ :"])(?=(?:exp|data|conf)/)', "/data/me/egs/digits/s5/", path.read_text()))
    after = {run["name"]: run for run in ingest(tree)[1]["runs"]}
    assert after == before
