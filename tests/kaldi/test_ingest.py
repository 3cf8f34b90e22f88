"""A whole experiment into runs: what is recorded, the document, and that a second time adds nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from speech_tracker.paths import store_folder

RUN_KEYS = {"id", "name", "path", "kind", "iterations", "metrics", "evaluations", "jobs", "compute_seconds"}
BEST_KEYS = {
    "wer", "lm_weight", "word_insertion_penalty", "substitutions", "deletions", "insertions", "reference_length",
}  # fmt: skip


def records():
    """All lines of all journals."""
    return sorted(
        (path.name, line)
        for path in (store_folder() / "runs").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    )


def test_the_document_has_the_fields_of_the_contract(made_tree, ingest):
    code, document, _ = ingest(made_tree)
    assert code == 0
    assert document.keys() == {"runs", "problems", "files"}
    assert document["files"].keys() == {"read", "skipped"}
    assert {run["name"]: run["kind"] for run in document["runs"]} == {
        "make_mfcc": "features", "mono": "mono", "mono_ali": "ali", "tri1": "tri", "tri1_ali": "ali",
        "chain/tdnn1a": "chain",
    }  # fmt: skip
    for run in document["runs"]:
        assert run.keys() == RUN_KEYS
        assert run["jobs"].keys() == {"total", "failed"}
        for summary in run["metrics"].values():
            assert summary.keys() == {"last", "min", "max", "count"}
        for evaluation in run["evaluations"]:
            assert evaluation.keys() == {"path", "test_set", "best", "points", "rtf"}
            assert evaluation["best"].keys() == BEST_KEYS
            assert 0 < evaluation["best"]["wer"] < 1
            assert Path(evaluation["path"]).is_dir()
    for problem in document["problems"]:
        assert problem.keys() == {"path", "line", "reason"}
        assert Path(problem["path"]).exists()


def test_the_recorded_run_holds_what_the_document_says(made_tree, ingest, views):
    _, document, _ = ingest(made_tree)
    chain = next(run for run in document["runs"] if run["name"] == "chain/tdnn1a")
    view = views()["chain/tdnn1a"]
    assert view.id == chain["id"]
    assert view.status == "finished"
    assert {name: summary["last"] for name, summary in view.metrics.items()} == {
        name: summary["last"] for name, summary in chain["metrics"].items()
    }
    assert [point["step"] for point in view.history("train/objective/output")] == list(range(5))
    assert view.identity["job_type"] == "chain"
    assert set(view.identity["tags"]) == {"kaldi", "chain"}
    assert view.speech["toolkit"] == "kaldi"
    assert view.speech["toolkit_version"] == "5.5.1113~1-a52a4"
    assert view.speech["model"] == {
        "type": "chain-tdnn", "encoder": "tdnn", "encoder_layers": 2, "parameters": 23484, "vocabulary_size": 60, "subsampling": 3,
    }  # fmt: skip
    assert view.config["kaldi"]["tree"]["context_width"] == 2
    assert [layer["name"] for layer in view.config["kaldi"]["layers"]] == [
        "input",
        "tdnn1",
        "tdnn2",
        "output",
        "output-xent",
    ]
    assert view.checkpoints[0]["path"].endswith("final.mdl")


def test_times_are_those_of_the_logs(made_tree, ingest, views):
    ingest(made_tree)
    view = views()["mono"]
    assert view.created_at == 1709629212.0  # Tue Mar 5 09:00:12 UTC 2024, after the features
    times = [point["time"] for point in view.history("train/log_likelihood_per_frame")]
    assert times == sorted(times)
    assert 1709629212 < times[0] < times[-1] < 1709629212 + 3600


def test_evaluations_hold_the_utterances_the_speakers_the_sweep_and_how_the_point_was_chosen(made_tree, ingest, views):
    ingest(made_tree)
    by_set = {each["test_set"]: each for each in views()["chain/tdnn1a"].evaluations}
    dev, test = by_set["dev"], by_set["test"]
    assert dev["metadata"]["selection"]["how"] == "this-set"
    assert dev["metadata"]["points"] == 21
    assert test["metadata"]["selection"]["how"] == "carried-over"
    assert test["metadata"]["selection"]["source"].endswith("decode_dev")
    assert test["decoding"]["lm_weight"] == dev["decoding"]["lm_weight"]
    assert test["decoding"]["beam"] == 13.0
    assert test["speakers_total"] == 4
    assert test["wer_ci"]["blocks"] == "speaker_id"
    mono = {each["test_set"]: each for each in views()["mono"].evaluations}["test"]
    assert mono["metadata"]["selection"]["how"] == "this-set"
    assert "optimistic" in mono["metadata"]["selection"]["sentence"]
    assert mono["metadata"]["at_dev_point"]["dev_set"] == "dev"
    table = next(
        each for each in views()["mono"].records("table") if each.data["name"] == "decode/decode_test/wer/sweep"
    )
    rows = json.loads((views()["mono"].folder / table.data["file"]).read_text())
    assert len(rows["rows"]) == 21
    assert min(row[2] for row in rows["rows"]) == mono["error_rate"]


def test_a_set_decoded_in_several_ways_keeps_them_apart_and_the_best_stands_for_it(tree, ingest, views):
    model = tree / "exp/mono"
    ingest(tree)
    for name, errors in (("decode_tglarge_test", 60), ("decode_fglarge_test", 50), ("decode_test.si", 200)):
        (model / name).mkdir()
        (model / name / "wer_9_0.0").write_text(
            f"%WER {100 * errors / 229:.2f} [ {errors} / 229, 10 ins, 20 del, {errors - 30} sub ]\n%SER 50.00 [ 20 / 40 ]\n"
            "Scored 40 sentences, 0 not present in hyp.\n"
        )
    ingest(tree)
    evaluations = [each for each in views()["mono"].evaluations if each["test_set"] == "test"]
    assert [(each["decoding"]["folder"], each["metadata"]["selected"]) for each in evaluations] == [
        ("decode_test", True),  # it was the only one
        ("decode_fglarge_test", True),
        ("decode_test.si", False),
        ("decode_tglarge_test", False),
    ]
    before = records()
    ingest(tree)
    assert records() == before


def test_the_chain_of_models_is_linked(made_tree, ingest, views):
    ingest(made_tree)
    found = views()
    names = {view.id: name for name, view in found.items()}

    def parents(name):
        return {(names[link["run"]], link["relation"]) for link in found[name].links}

    assert parents("mono_ali") == {("mono", "aligned-with")}
    assert parents("tri1") == {("mono_ali", "aligned-with")}
    assert parents("chain/tdnn1a") == {("tri1_ali", "aligned-with")}


def test_data_sets_stages_and_failed_jobs_are_recorded(made_tree, ingest, views):
    ingest(made_tree)
    view = views()["tri1"]
    assert {(each["name"], each["split"], each["utterances"], each["speakers"]) for each in view.datasets} == {
        ("train", "train", 72, 6), ("dev", "test/dev", 36, 3), ("test", "test/test", 48, 4),
    }  # fmt: skip
    stages = {event["data"]["stage"]: event["data"] for event in view.events if event["name"] == "stage"}
    assert stages["acc"]["jobs"] == 12
    assert stages["decode_dev/decode"]["jobs"] == 2
    (failed,) = [event["data"] for event in view.events if event["name"] == "job-failed"]
    assert failed["status"] == 127
    assert "No such file" in failed["error"]
    assert [problem["path"].endswith("analyze_alignments.log") for problem in view.problems] == [True]


def test_a_second_time_adds_nothing(made_tree, ingest):
    ingest(made_tree)
    before = records()
    code, document, _ = ingest(made_tree)
    assert code == 0
    assert len(document["runs"]) == 6
    assert records() == before


def test_a_second_time_adds_nothing_even_when_it_has_forgotten_what_it_read(made_tree, ingest):
    ingest(made_tree)
    before = records()
    shutil.rmtree(store_folder() / "ingest")
    ingest(made_tree)
    assert records() == before


def test_what_is_new_is_added_and_nothing_else(tree, ingest, views):
    late = tree / "exp" / "tri1" / "decode_test"
    aside = tree.parent / "decode_test"
    shutil.move(late, aside)
    shutil.move(tree / "exp/mono/log/acc.8.1.log", tree.parent)
    shutil.move(tree / "exp/mono/log/acc.8.2.log", tree.parent)
    ingest(tree)
    before = {name: len(view.journal.records) for name, view in views().items()}
    shutil.move(aside, late)
    shutil.move(tree.parent / "acc.8.1.log", tree / "exp/mono/log")
    shutil.move(tree.parent / "acc.8.2.log", tree / "exp/mono/log")
    ingest(tree)
    after = views()
    assert {name for name, view in after.items() if len(view.journal.records) != before[name]} == {"mono", "tri1"}
    assert [each["test_set"] for each in after["tri1"].evaluations] == ["dev", "test"]
    # where the jobs' logs were missing, the update's likelihood stood in
    assert after["mono"].history("train/log_likelihood_per_frame")[-1]["value"] == pytest.approx(
        -93.2014 + 0.015, abs=1e-6
    )
    assert len(after["mono"].history("train/utterances")) == 8


def test_a_restarted_training_replaces_what_its_overwritten_logs_said(tree, ingest, views):
    ingest(tree)
    for x in (5, 6, 7, 8):
        for path in (tree / "exp/mono/log").glob(f"acc.{x}.*.log"):
            path.write_text(re.sub(r"= -\d+\.\d+ over", "= -50.5 over", path.read_text()))
    ingest(tree)
    points = views()["mono"].history("train/log_likelihood_per_frame")
    assert [point["step"] for point in points] == list(range(1, 9))
    assert [point["value"] for point in points[4:]] == [-50.5] * 4
    assert points[3]["value"] < -90
    assert any(event["name"] == "history-replaced" for event in views()["mono"].events)


@pytest.mark.parametrize(("part", "names"), [
    ("", {"make_mfcc", "mono", "mono_ali", "tri1", "tri1_ali", "chain/tdnn1a"}),
    ("exp", {"make_mfcc", "mono", "mono_ali", "tri1", "tri1_ali", "chain/tdnn1a"}),
    ("exp/chain", {"tdnn1a"}),
    ("exp/tri1", {"tri1"}),
])  # fmt: skip
def test_a_recipe_an_exp_tree_and_a_model_folder_are_understood(made_tree, ingest, part, names):
    code, document, _ = ingest(made_tree / part)
    assert code == 0
    assert {run["name"] for run in document["runs"]} == names
    assert all(run["evaluations"] for run in document["runs"] if run["kind"] in ("mono", "tri", "chain"))


def test_a_model_is_the_same_run_whatever_folder_it_was_found_from(made_tree, ingest, views):
    ids = set()
    for part in ("", "exp", "exp/tri1", "exp/tri1/decode_dev"):
        _, document, _ = ingest(made_tree / part)
        ids |= {run["id"] for run in document["runs"] if run["kind"] == "tri"}
    assert len(ids) == 1
    (view,) = [view for view in views().values() if view.id in ids]
    assert len(view.evaluations) == 2
    assert view.status == "finished"
    assert len(view.history("train/gaussians")) == 6


def test_a_decode_folder_alone_is_an_evaluation_of_its_model(made_tree, ingest):
    code, document, _ = ingest(made_tree / "exp" / "tri1" / "decode_dev")
    assert code == 0
    (run,) = document["runs"]
    assert (run["name"], run["kind"]) == ("tri1", "tri")
    (evaluation,) = run["evaluations"]
    assert (evaluation["test_set"], evaluation["points"]) == ("dev", 21)


def test_a_decode_folder_that_was_copied_elsewhere_is_read_without_all_that_lies_beside_it(made_tree, tmp_path, ingest):
    shutil.copytree(made_tree / "exp/tri1/decode_dev", tmp_path / "decode_dev")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("")
    code, document, _ = ingest(tmp_path / "decode_dev")
    assert code == 0
    assert (document["runs"][0]["name"], document["files"]["skipped"]) == ("decode_dev", 0)
    assert [each["test_set"] for each in document["runs"][0]["evaluations"]] == ["dev"]


@pytest.mark.parametrize("part", [("exp/chain/tdnn1a/decode_test",), ("exp/chain/tdnn1a", "--include", "decode_test")])
def test_what_a_part_does_not_know_of_the_whole_replaces_nothing(made_tree, ingest, part):
    """That a point was carried over from dev does not show in the folder of the test set."""
    ingest(made_tree)
    before = records()
    folder, *options = part
    ingest(made_tree / folder, *options)
    assert records() == before


def test_a_part_that_was_scored_again_is_recorded(tree, ingest, views):
    ingest(tree)
    folder = tree / "exp/mono/decode_test"
    for path in folder.glob("wer_*"):
        path.write_text("%WER 10.00 [ 20 / 200, 5 ins, 5 del, 10 sub ]\n%SER 50.00 [ 10 / 20 ]\n")
    ingest(folder)
    rates = {each["test_set"]: each["error_rate"] for each in views()["mono"].evaluations}
    assert rates["test"] == pytest.approx(0.1)


def test_patterns_choose_what_is_read(made_tree, ingest):
    _, document, _ = ingest(made_tree, "--include", "exp/mono*", "--exclude", "decode_test")
    assert {run["name"] for run in document["runs"]} == {"mono", "mono_ali"}
    (mono,) = [run for run in document["runs"] if run["name"] == "mono"]
    assert [each["test_set"] for each in mono["evaluations"]] == ["dev"]


def test_a_dry_run_says_the_same_and_writes_nothing(made_tree, ingest):
    code, document, _ = ingest(made_tree, "--dry-run")
    assert code == 0
    assert not (store_folder()).exists()
    assert document == ingest(made_tree)[1]


def test_the_project_and_the_name_of_the_group_are_recorded(made_tree, ingest, views):
    ingest(made_tree, "--project", "mini", "--name", "first try")
    for view in views().values():
        assert view.identity["project"] == "mini"
        assert view.identity["experiment"] == "first try"
    ingest(made_tree / "exp" / "tri1", "--project", "other", "--name", "my triphones")
    assert views()["my triphones"].identity["project"] == "other"


def test_the_remembered_run_of_a_model_folder_is_continued(tree, ingest, views):
    from speech_tracker import init

    with init("mini", "asr", experiment_folder=tree / "exp/chain/tdnn1a", mode="local") as run:
        run.log_metrics({"train/loss": 1.0}, step=0)
    _, document, _ = ingest(tree / "exp/chain/tdnn1a")
    assert document["runs"][0]["id"] == run.id


def test_nothing_is_written_into_the_experiment(tree, ingest):
    before = sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*"))
    ingest(tree)
    assert sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*")) == before


def test_a_folder_with_nothing_usable_is_exit_code_1_and_names_what_was_looked_for(tmp_path, ingest):
    (tmp_path / "notes.txt").write_text("%WER of 3 would be nice")
    code, document, err = ingest(tmp_path)
    assert code == 1
    assert document == {"runs": [], "problems": [], "files": {"read": 0, "skipped": 1}}
    assert "wer_<LMWT>" in err
    assert str(tmp_path) in err


@pytest.mark.parametrize("arguments", [["no/such/folder"], ["."], [".", "--mode", "everywhere"], []])
def test_a_wrong_argument_is_exit_code_2(tmp_path, capsys, arguments, monkeypatch):
    from speech_tracker.cli import main

    monkeypatch.chdir(tmp_path)
    wrong = ["--interval", "-1"] if arguments == ["."] else []
    assert main(["ingest", "kaldi", *arguments, *wrong]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err
