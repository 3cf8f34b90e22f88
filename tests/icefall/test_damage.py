"""What goes wrong in experiments: the good part is taken, the bad part is told with its place, and nothing raises."""

from __future__ import annotations

import pytest

SUFFIX = "epoch-3-avg-2-context-2-max-sym-per-frame-1-use-averaged-model"


def told(document, ending):
    """What is wrong with the file of this name, as (line, reason)."""
    return [(each["line"], each["reason"]) for each in document["problems"] if each["path"].endswith(ending)]


def evaluation(document, method):
    (found,) = [each for each in document["runs"][0]["evaluations"] if each["path"].endswith(method)]
    return found


def test_a_damaged_line_of_a_log_is_told_with_its_number_and_the_others_are_taken(exp, ingest):
    path = exp / "log" / "log-train-2024-05-01-10-00-00"
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if "Epoch 2, batch 50" in line)
    lines[number] = lines[number].partition("loss[loss=")[0] + "loss[\x00\x00"
    path.write_text("\n".join(lines) + "\n")
    _, document, _ = ingest(exp)
    assert told(document, path.name) == [(number + 1, "a line with 'Epoch' whose values cannot be read")]
    assert document["runs"][0]["metrics"]["train/loss"]["count"] == 8


def test_texts_that_are_not_of_the_scores_beside_them_are_left_out(exp, ingest, views):
    path = exp / "greedy_search" / f"recogs-test-clean-{SUFFIX}.txt"
    path.write_text(path.read_text().replace("'STUFF'", "'STAFF'", 1))
    _, document, _ = ingest(exp)
    ((line, reason),) = told(document, path.name)
    assert (line, "were left out" in reason) == (None, True)
    assert evaluation(document, "greedy_search")["best"]["substitutions"] == 1
    view = views()["zipformer/exp"]
    record = next(each for each in view.evaluations if each["decoding"]["method"] == "greedy_search")
    assert "file" not in record


def test_errors_of_a_file_that_the_log_does_not_know_are_taken_and_told(exp, ingest):
    path = exp / "greedy_search" / f"errs-test-clean-{SUFFIX}.txt"
    text = path.read_text()
    path.write_text(text.replace("1 substitutions", "2 substitutions").replace("(14 correct)", "(13 correct)"))
    _, document, _ = ingest(exp, "--dry-run")
    ((line, reason),) = told(document, path.name)
    assert line == 2
    assert "this file is taken" in reason
    assert evaluation(document, "greedy_search")["best"]["substitutions"] == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "git lfs pull"),
        (b"\x00\x01\x02" * 50, "binary data"),
        (b"%WER = 2.45\n", "no counts of errors"),
        (b"%WER = 2.45\nErrors: 1 insertions, x deletions\n", "expected counts of errors"),
    ],
)
def test_files_that_cannot_be_used_are_told_and_what_the_log_says_is_taken(exp, ingest, content, reason):
    path = exp / "greedy_search" / f"errs-test-clean-{SUFFIX}.txt"
    path.write_bytes(content)
    _, document, _ = ingest(exp, "--dry-run")
    ((_, said),) = told(document, path.name)
    assert reason in said
    assert evaluation(document, "greedy_search")["best"]["wer"] == pytest.approx(2 / 15)


def test_without_logs_the_results_tell_all_there_is(exp, ingest):
    for path in exp.rglob("log-*"):
        path.unlink()
    _, document, err = ingest(exp, "--dry-run")
    assert err == ""
    assert document["runs"][0]["kind"] == "decode"
    sweep = [each for each in document["runs"][0]["evaluations"] if each["path"].endswith("modified_beam_search")]
    assert {(each["test_set"], each["points"], each["best"]["lm_weight"]) for each in sweep} == {
        ("test-clean", 2, 0.1), ("dev-clean", 2, 0.3),
    }  # fmt: skip


def test_with_the_summary_alone_the_rates_are_kept(exp, ingest, views):
    for path in (*exp.rglob("log-*"), *exp.rglob("errs-*"), *exp.rglob("recogs-*")):
        path.unlink()
    _, document, _ = ingest(exp)
    best = evaluation(document, "greedy_search")["best"]
    assert best["wer"] == pytest.approx(0.1333)
    assert best["substitutions"] is None


def test_with_the_texts_alone_everything_is_scored_anew(exp, ingest):
    for path in (*exp.rglob("log-*"), *exp.rglob("errs-*"), *exp.rglob("wer-summary-*")):
        path.unlink()
    _, document, _ = ingest(exp)
    best = evaluation(document, "greedy_search")["best"]
    assert (best["insertions"], best["substitutions"], best["reference_length"]) == (1, 1, 15)


def test_damaged_texts_are_told_line_by_line(exp, ingest):
    for path in (*exp.rglob("log-*"), *exp.rglob("errs-*"), *exp.rglob("wer-summary-*")):
        path.unlink()
    path = exp / "greedy_search" / f"recogs-test-clean-{SUFFIX}.txt"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("]", "")
    path.write_text("\n".join(lines) + "\n")
    _, document, _ = ingest(exp)
    assert (2, "expected a list of tokens behind the `=`") in told(document, path.name)
    assert evaluation(document, "greedy_search")["best"]["reference_length"] == 9


def test_a_log_of_another_encoding_and_line_ends_is_read(exp, ingest):
    path = exp / "log" / "log-train-2024-05-01-10-00-00"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\xff\xfe rest")
    _, document, err = ingest(exp, "--dry-run")
    assert err == ""
    assert document["runs"][0]["metrics"]["train/loss"]["count"] == 9


def test_nothing_of_icefall_is_exit_code_one(tmp_path, ingest):
    (tmp_path / "notes.txt").write_text("nothing")
    code, document, err = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert "log-train" in err


def test_a_folder_that_cannot_be_entered_is_told(exp, ingest_without_rights):
    (exp / "greedy_search").chmod(0)
    _, document, _ = ingest_without_rights(exp, "--dry-run")
    (exp / "greedy_search").chmod(0o755)
    assert any("cannot be entered" in each["reason"] for each in document["problems"])


def test_a_pointer_of_git_lfs_is_told_and_makes_no_run(tmp_path, ingest):
    folder = tmp_path / "exp" / "log"
    folder.mkdir(parents=True)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"
    (folder / "log-train-2024-05-01-10-00-00").write_bytes(pointer)
    code, document, err = ingest(tmp_path)
    assert (code, document["runs"]) == (1, [])
    assert ["git lfs pull" in each["reason"] for each in document["problems"]] == [True]
    assert "nothing of icefall" in err


def test_a_training_that_failed_before_its_first_batch_is_a_run_all_the_same(
    tmp_path, ingest, views, log_writer, params
):
    exp = tmp_path / "zipformer" / "exp"
    (exp / "log").mkdir(parents=True)
    log = log_writer()
    log.begin(params)
    log.say("Caught exception: No such file: data/fbank.")
    (exp / "log" / "log-train-2024-05-01-10-00-00").write_text(log.text())
    code, _, _ = ingest(tmp_path)
    assert code == 0
    assert views()["zipformer/exp"].status == "failed"
