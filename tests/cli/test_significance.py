from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from speech_tracker.cli import main
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=240, speakers=24, error_rates=(0.15, 0.11, 0.11), seed=6)


@pytest.fixture
def files(tmp_path):
    """Kaldi `text` files of a reference and three systems in folders of the same shape, and utt2spk."""
    folder = tmp_path / "exp dir"

    def write(name, entries):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{key} {text}\n" for key, text in entries.items()))
        return str(path)

    return {
        "ref": write("ref/text", SET.references),
        "utt2spk": write("ref/utt2spk", SET.speakers),
        "a": write("a/text", SET.systems[0]),
        "b": write("b/text", SET.systems[1]),
        "c": write("c/text", SET.systems[2]),
        "write": write,
    }


def run(capsys, *arguments):
    code = main(["significance", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_two_systems_are_one_json_object_with_the_tests_at_its_top(files, capsys):
    code, out, err = run(capsys, files["ref"], files["a"], files["b"], "--speakers", files["utt2spk"], "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {"segments", "mean", "std", "z", "p"} <= found["mapsswe"].keys()
    assert {"delta", "low", "high", "probability_of_improvement"} <= found["bootstrap"].keys()
    assert found["bootstrap"]["low"] <= found["bootstrap"]["delta"] <= found["bootstrap"]["high"] < 0
    assert found["bootstrap"]["delta"] == pytest.approx(found["systems"][1]["wer"] - found["systems"][0]["wer"])
    assert found["bootstrap"]["blocks"] == "speaker_id"
    assert found["wilcoxon"]["speakers"] == found["speakers"] == 24
    assert found["mcnemar"]["both_correct"] > 0
    assert [system["name"] for system in found["systems"]] == ["a/text", "b/text"]
    assert "pairs" not in found


def test_the_mapsswe_of_two_trn_files_is_that_of_sc_stats(tmp_path, capsys):
    binaries = Path("/usr/lib/sctk/bin")
    if not (binaries / "sc_stats").exists():
        pytest.skip("NIST's sctk is not installed")
    names = ["ref.trn", "a.trn", "b.trn"]
    for name, texts in zip(names, (SET.references, *SET.systems[:2]), strict=True):
        (tmp_path / name).write_text("".join(f"{text} ({key})\n" for key, text in texts.items()))
    aligned = b"".join(
        subprocess.run(
            [binaries / "sclite", "-i", "rm", "-r", "ref.trn", "-h", name, "-o", "sgml", "stdout"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        ).stdout
        for name in names[1:]
    )
    report = subprocess.run(
        [binaries / "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        input=aligned,
    ).stdout.decode()
    _, out, _ = run(capsys, *(str(tmp_path / name) for name in names), "--json")
    found = json.loads(out)["mapsswe"]
    assert f"(# segs: {found['segments']})" in report
    assert f"(mean: {found['mean']:5.3f}) (std dev: {found['std']:5.3f}) (Z Stat: {found['z']:5.3f})" in report


def test_more_systems_are_pairs_with_corrected_p_values(files, capsys):
    arguments = [files["ref"], files["a"], files["b"], files["c"], "--speakers", files["utt2spk"]]
    _, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    assert [(each["a"][0], each["b"][0]) for each in found["pairs"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    for test in ("mapsswe", "bootstrap", "mcnemar", "wilcoxon", "sign"):
        for each in found["pairs"]:
            assert each[test]["p"] <= each[test]["p_benjamini_hochberg"] <= each[test]["p_holm"] <= 1
    assert found["friedman"]["systems"] == 3
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "corrected by Holm for 3 comparisons" in out
    assert "Friedman over 24 speakers" in out


def test_people_get_the_difference_in_points_and_in_words(files, capsys):
    code, out, err = run(capsys, files["ref"], files["a"], files["b"], "--speakers", files["utt2spk"])
    assert (code, err) == (0, "")
    assert "b/text is better than a/text: -" in out
    assert "percentage points" in out
    assert "probability of improvement" in out
    assert "over 24 speakers" in out
    assert "could be told apart from" in out
    assert "\x1b" not in out
    _, turned, _ = run(capsys, files["ref"], files["b"], files["a"])
    assert "a/text is worse than b/text: +" in turned
    assert "who speaks is not known; give --speakers utt2spk" in turned


def test_the_seed_decides_the_interval_and_nothing_else_does(files, capsys):
    arguments = [files["ref"], files["a"], files["b"], "--json", "--replications", "500"]
    documents = [run(capsys, *arguments, "--seed", seed)[1] for seed in ("1", "1", "2")]
    assert documents[0] == documents[1] != documents[2]


def test_options_reach_the_scoring(files, capsys):
    _, out, _ = run(
        capsys, files["ref"], files["a"], files["b"], "--unit", "char", "--alignment", "kaldi", "--level", "0.9",
        "--method", "t", "--block", "utterance", "--normalizer", "lower", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert (found["unit"], found["alignment"], found["normalizer"]) == ("char", "kaldi", "lower")
    interval = found["systems"][0]["cer_ci"]
    assert (interval["level"], interval["method"], interval["blocks"]) == (0.9, "t", "utterance")
    assert found["bootstrap"]["method"] == "t"


def test_missing_hypotheses_are_an_error_unless_the_user_says_what_they_are(files, capsys):
    fewer = dict(list(SET.systems[1].items())[5:])
    path = files["write"]("d/text", fewer)
    code, out, err = run(capsys, files["ref"], files["a"], path)
    assert (code, out) == (2, "")
    assert "5 utterances have a reference and no hypothesis" in err
    code, out, err = run(capsys, files["ref"], files["a"], path, "--missing", "skip", "--json")
    assert code == 0
    assert json.loads(out)["left_out"] == 5
    assert "5 utterances have a reference and no hypothesis" in err
    code, out, err = run(capsys, files["ref"], files["a"], path, "--missing", "deletions", "--json")
    assert json.loads(out)["utterances"] == 240


def test_lines_that_cannot_be_used_are_reported_and_the_others_are_compared(files, capsys):
    repeated = "".join(f"{key} {text}\n" for key, text in SET.systems[1].items())
    path = Path(files["write"]("d/text", {}))
    path.write_text(repeated + next(iter(repeated.splitlines(keepends=True))) * 8)
    code, out, err = run(capsys, files["ref"], files["a"], str(path), "--json")
    assert code == 0
    assert json.loads(out)["utterances"] == 240
    assert "8 lines with problems: line 241: " in err
    assert "and 3 more" in err


@pytest.mark.parametrize("method", ["percentile", "normal", "bca", "t"])
def test_a_test_set_of_one_utterance_is_compared_or_refused_and_never_crashes(files, capsys, method):
    paths = [
        files["write"](f"{name}/text", {"u": text}) for name, text in (("r", "a b c"), ("p", "a b c"), ("q", "a x c"))
    ]
    code, out, err = run(capsys, *paths, "--method", method, "--json")
    if method == "t":
        assert code == 2
        assert "expected 2 or more" in err
    else:
        assert (code, json.loads(out)["bootstrap"]["delta"]) == (0, pytest.approx(1 / 3))
        assert "only 1 utterances" in json.loads(out)["warnings"][0]


def test_empty_references_alone_cannot_be_compared(files, capsys):
    paths = [files["write"](f"{name}/text", {"u": text}) for name, text in (("r", ""), ("p", "a"), ("q", "b c"))]
    code, out, err = run(capsys, *paths)
    assert (code, out) == (2, "")
    assert "every reference is empty" in err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["{ref}", "{a}"], "expected two or more"),
        (["{ref}", "{a}", "{a}"], "cannot be compared with itself"),
        (["{ref}", "{a}", "nowhere/text"], "nowhere/text"),
        (["{ref}", "{a}", "{b}", "--level", "95"], "--level"),
        (["{ref}", "{a}", "{b}", "--method", "bayes"], "percentile"),
        (["{ref}", "{a}", "{b}", "--alignment", "sctk"], "sctk"),
        (["{ref}", "{a}", "{b}", "--block", "accent"], "no such attribute"),
        (["{ref}", "{a}", "{b}", "--seed", "-1"], "--seed"),
        (["{ref}", "{a}", "{b}", "--normalizer", "magic"], "magic"),
        (["{a}"], "HYP_A"),
    ],
)
def test_wrong_use_ends_with_code_2_and_one_message(files, capsys, arguments, part):
    named = {name: path for name, path in files.items() if isinstance(path, str)}
    code, out, err = run(capsys, *(each.format(**named) if "{" in each else each for each in arguments))
    assert (code, out) == (2, "")
    assert part in err
    assert "Traceback" not in err


def test_files_that_are_no_transcripts_end_with_code_2(files, capsys, tmp_path):
    (tmp_path / "model.pt").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty").write_text("")
    for name in ("model.pt", "empty"):
        code, out, err = run(capsys, files["ref"], files["a"], str(tmp_path / name))
        assert (code, out) == (2, "")
        assert name in err


def test_the_command_runs_as_a_process_and_prints_nothing_else(files):
    command = [
        sys.executable,
        "-m",
        "speech_tracker.cli",
        "significance",
        files["ref"],
        files["a"],
        files["b"],
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["mapsswe"]["segments"] > 0
    assert done.stderr == ""


def test_the_column_of_the_text_can_be_named_where_a_table_has_several(files, tmp_path, capsys):
    def table(name, entries):
        path = tmp_path / f"{name}.csv"
        lines = [f"{key},{text},{text.upper()}" for key, text in entries.items()]
        path.write_text("\n".join(["id,plain,loud", *lines]) + "\n")
        return str(path)

    reference, a, b = table("ref", SET.references), table("a", SET.systems[0]), table("b", SET.systems[1])
    options = ("--reference-format", "csv", "--hypothesis-format", "csv", "--json")
    options += ("--reference-field", "loud", "--hypothesis-field", "loud")
    code, out, _ = run(capsys, reference, a, b, *options)
    assert code == 0
    _, expected, _ = run(capsys, files["ref"], files["a"], files["b"], "--json")
    assert json.loads(out)["mapsswe"] == json.loads(expected)["mapsswe"]
    assert run(capsys, reference, a, b, "--reference-field", "quiet")[0] == 2
