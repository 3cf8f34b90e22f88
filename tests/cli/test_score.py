from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from speech_tracker.cli import main
from speech_tracker.testing.transcripts import make_test_set

SET = make_test_set(utterances=120, speakers=24, error_rates=(0.12, 0.1), seed=4)


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "exp dir"
    folder.mkdir()
    for name, entries in (
        ("ref", SET.references),
        ("hyp", SET.systems[0]),
        ("hyp2", SET.systems[1]),
        ("utt2spk", SET.speakers),
    ):
        (folder / name).write_text("".join(f"{key} {text}\n" for key, text in entries.items()))
    return folder


def run(capsys, *arguments):
    code = main(["score", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_people_get_the_line_they_know_the_interval_the_speakers_and_the_worst(files, capsys):
    code, out, err = run(capsys, files / "ref", files / "hyp", "--speakers", files / "utt2spk", "--worst", 2)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("%WER ")
    assert lines[1].startswith("%SER ")
    assert lines[2] == "Scored 120 sentences, 0 not present in hyp."
    assert lines[3].startswith("95% interval ")
    assert "resampling 24 speakers" in lines[3]
    assert lines[4].startswith("%CER ")
    assert "unit word, alignment kaldi, normalizer none" in out
    assert "Speakers: 24, mean" in out
    assert out.count("  REF:  ") == out.count("  HYP:  ") == out.count("  Eval: ") >= 2
    assert "\x1b" not in out


def test_scripts_get_one_json_object_with_fractions(files, capsys):
    code, out, _ = run(capsys, files / "ref", files / "hyp", "--speakers", files / "utt2spk", "--json")
    found = json.loads(out)
    assert code == 0
    errors = found["substitutions"] + found["deletions"] + found["insertions"]
    assert found["wer"] == errors / found["reference_length"] < 1
    assert found["wer_ci"]["low"] < found["wer"] < found["wer_ci"]["high"]
    assert found["wer_ci"]["blocks"] == "speaker_id"
    assert sum(row["reference_length"] for row in found["speakers"]) == found["reference_length"]
    assert set(found["speakers"][0]) >= {
        "speaker_id",
        "hits",
        "substitutions",
        "deletions",
        "insertions",
        "reference_length",
    }


def test_units_alignments_normalisers_and_missing_are_chosen_by_name(files, capsys):
    (files / "short").write_text("".join(f"{key} {text.upper()}\n" for key, text in list(SET.systems[0].items())[:100]))
    options = ["--unit", "char", "--alignment", "jiwer", "--normalizer", "kaldi+lower", "--missing", "skip", "--json"]
    code, out, err = run(capsys, files / "ref", files / "short", *options)
    found = json.loads(out)
    assert code == 0
    assert (found["unit"], found["alignment"], found["normalizer"], found["utterances"]) == (
        "char",
        "jiwer",
        "kaldi+lower",
        100,
    )
    assert found["error_rate"] == found["cer"] < 0.2
    assert "20 utterances have a reference and no hypothesis" in err


def test_the_page_the_parquet_file_and_the_report_are_written(files, capsys):
    code, out, err = run(
        capsys, files / "ref", files / "hyp", "--html", files / "p.html", "--parquet", files / "e.parquet"
    )
    assert code == 0
    assert out.startswith("%WER")
    assert err.splitlines() == [f"wrote {files / 'p.html'}", f"wrote {files / 'e.parquet'}"]
    assert (files / "p.html").read_text().startswith("<!doctype html>")
    assert duckdb.sql(f"SELECT count(*) FROM '{files / 'e.parquet'}'").fetchall() == [(120,)]
    code, out, _ = run(capsys, files / "ref", files / "hyp", "--alignment", "sclite", "--trn-report")
    assert code == 0
    assert "SYSTEM SUMMARY PERCENTAGES by SPEAKER" in out
    assert out.count("Scores: (#C #S #D #I)") == 120


def test_the_table_of_normalisers_names_systems_and_ranking(files, capsys):
    code, out, _ = run(capsys, files / "ref", files / "hyp", files / "hyp2", "--normalizer-table")
    assert code == 0
    assert out.splitlines()[0].split() == ["normalizer", "hyp", "hyp2", "words"]
    assert [line.split()[0] for line in out.splitlines()[1:7]] == [
        "none", "lower", "basic", "kaldi", "whisper-basic", "whisper-en",
    ]  # fmt: skip
    code, out, _ = run(capsys, files / "ref", files / "hyp", "--normalizer-table", "--json")
    found = json.loads(out)
    assert found["normalizers"][0]["normalizer"] == "none (1)"
    assert 0 < found["normalizers"][0]["error_rates"]["hyp"] < 1


def bad(files):
    (files / "binary").write_bytes(bytes(range(256)) * 4)
    (files / "empty").write_text("")
    (files / "other").write_text("zz1 a\nzz2 b\n")
    (files / "plain").write_text("the cat\nthe dog\nthe end\n" * 5)
    (files / "fewer").write_text("".join(f"{key} a\n" for key in list(SET.references)[:5]))
    return {
        "a missing file": (["ref", "nowhere"], "nowhere"),
        "a folder": (["ref", "."], "this is a folder"),
        "a binary file": (["ref", "binary"], "this is no text"),
        "an empty file": (["empty", "hyp"], "the file is empty"),
        "other ids": (["ref", "other"], "no utterance id of the hypotheses is in the references"),
        "missing ids": (["ref", "fewer"], "115 utterances have a reference and no hypothesis"),
        "text without ids": (["ref", "plain"], "they are no utterance ids"),
        "one side only": (["ref"], "holds one side only"),
        "two hypotheses": (["ref", "hyp", "hyp2"], "several hypothesis files"),
        "an unknown normaliser": (["ref", "hyp", "--normalizer", "wisper"], "unknown normalizer: got 'wisper'"),
        "an unknown format": (["ref", "hyp", "--reference-format", "word"], "unknown format"),
        "an unknown encoding": (["ref", "hyp", "--encoding", "klingon"], "unknown encoding"),
        "an unknown block": (["ref", "hyp", "--block", "session"], "no such attribute to resample by"),
        "an unknown unit": (["ref", "hyp", "--unit", "phone"], "phone"),
        "no speakers": (["ref", "hyp", "--speakers", "nowhere"], "nowhere"),
        "an attribute without file": (["ref", "hyp", "--attribute", "lang"], "NAME=FILE"),
    }


@pytest.mark.parametrize("case", [
    "a missing file", "a folder", "a binary file", "an empty file", "other ids", "missing ids", "text without ids",
    "one side only", "two hypotheses", "an unknown normaliser", "an unknown format", "an unknown encoding",
    "an unknown block", "an unknown unit", "no speakers", "an attribute without file",
])  # fmt: skip
def test_wrong_use_is_one_message_and_exit_code_2(files, capsys, monkeypatch, case):
    arguments, message = bad(files)[case]
    monkeypatch.chdir(files)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert len(err) < 1500


def test_damage_is_reported_and_the_good_part_scored(files, capsys):
    hypothesis = (files / "hyp").read_bytes().replace(b"\n", b"\r\n")
    (files / "damaged").write_bytes(b"\xef\xbb\xbf" + hypothesis + b"\r\nspk000-000000 again\r\nbroken \xff\xfe\r\n")
    code, out, err = run(capsys, files / "ref", files / "damaged", "--json")
    assert code == 0
    assert json.loads(out)["utterances"] == 120
    assert "line 123: not utf-8: byte 0xFF" in err
    assert "byte order mark removed" in err
    assert "Windows line ends (CRLF)" in err


def test_a_pipe_gets_plain_text_and_a_closed_one_is_no_error(files):
    command = [sys.executable, "-m", "speech_tracker.cli", "score", files / "ref", files / "hyp", "--worst", "120"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "FORCE_COLOR": ""})
    assert "\x1b" not in done.stdout
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as closed:
        closed.stdout.readline()
        closed.stdout.close()
        assert closed.wait() == 0
        assert closed.stderr.read() == b""


def test_long_lines_are_not_folded_by_the_console_when_piped(files, capsys):
    (files / "r").write_text(f"u1 {'x' * 300}\n")
    (files / "h").write_text(f"u1 {'y' * 300}\n")
    _, out, _ = run(capsys, files / "r", files / "h")
    assert f"  REF:  {'x' * 300}\n" in out


def test_the_interval_can_be_kaldis(files, capsys):
    options = [
        "--speakers",
        files / "utt2spk",
        "--interval",
        "normal",
        "--block",
        "utterance",
        "--level",
        "0.9",
        "--json",
    ]
    _, out, _ = run(capsys, files / "ref", files / "hyp", *options)
    found = json.loads(out)["wer_ci"]
    assert (found["method"], found["blocks"], found["level"]) == ("normal", "utterance", 0.9)


@pytest.mark.parametrize(
    "options",
    [
        ["--html", "."],
        ["--html", "/"],
        ["--parquet", "."],
        ["--html", "/nowhere/x.html"],
        ["--parquet", "/nowhere/x.parquet"],
        ["--encoding", "hex"],
        ["--normalizer", ":f"],
        ["--normalizer", "..x:f"],
        ["--normalizer", "{folder}/fails.py:f"],
        ["--normalizer", "{folder}/raises.py:f"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_one_message_and_exit_code_2(files, capsys, options):
    (files / "fails.py").write_text("def f(text):\n    return 1 / 0\n")
    (files / "raises.py").write_text("raise RuntimeError('no')\n")
    code, _, err = run(capsys, files / "ref", files / "hyp", *(each.format(folder=files) for each in options))
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_a_page_that_cannot_be_written_does_not_cost_the_numbers(files, capsys):
    code, out, err = run(capsys, files / "ref", files / "hyp", "--html", files)
    assert code == 2
    assert out.startswith("%WER ")
    assert f"{files} cannot be written" in err


@pytest.mark.parametrize("options", [[], ["--json"], ["--trn-report"], ["--normalizer-table"]], ids=str)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_ids_names_and_words_that_stdout_cannot_hold_are_escaped(tmp_path, monkeypatch, options, encoding):
    row = '{"id": "u\\ud8001", "text": "a 你", "speaker": "s\\udcff%d", "pred_text": "a \\ud800"}\n'
    odd = os.fsencode(tmp_path) + b"/\xff.jsonl"
    Path(os.fsdecode(odd)).write_text(row % 1 + (row % 2).replace("8001", "8002"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True))
    assert main(["score", os.fsdecode(odd), os.fsdecode(odd), *options]) == 0
    printed = sys.stdout.buffer.getvalue().decode()
    if options == ["--json"]:
        assert json.loads(printed)["substitutions"] == 2
    elif options != ["--normalizer-table"]:
        assert "\\ud800" in printed
        assert ("你" in printed) == (encoding == "utf-8")
