"""`ingest DIR`: which toolkit a folder is taken for, and why."""

from __future__ import annotations

import re

import pytest

from speech_tracker.cli import main
from speech_tracker.ingest.ingester import INGESTERS, TITLES, ingester_of, toolkits_of
from speech_tracker.ingest.recognise import Sign, first_sign

NOTHING = re.compile(r"^$")


def test_each_toolkit_has_a_title_and_a_class_that_recognises(tmp_path):
    assert INGESTERS.keys() <= TITLES.keys()
    for toolkit in INGESTERS:
        assert ingester_of(toolkit).recognises(tmp_path) is None


def test_the_highest_file_with_a_sign_is_named(tmp_path):
    for path in ("b/c/train.log", "b/train.log", "a/other.log"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("epoch 1\n")
    signs = (Sign(r"/train\.log$", "is its log", rb"epoch"),)
    assert first_sign(tmp_path, signs, NOTHING) == f"{tmp_path / 'b/train.log'} is its log"
    assert first_sign(tmp_path, (Sign(r"/train\.log$", "is its log", rb"step"),), NOTHING) is None
    assert first_sign(tmp_path, signs, re.compile("^b$")) is None


def test_the_name_of_the_folder_itself_counts(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "acc.1.1.log").write_text("# gmm-acc-stats-ali\n")
    assert "kaldi" in toolkits_of(folder)


def test_a_folder_is_ingested_without_the_name_of_its_toolkit_and_the_guess_is_said(made_kaldi_tree, capsys):
    assert main(["ingest", str(made_kaldi_tree), "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert re.search(rf"^taken for Kaldi, because {re.escape(str(made_kaldi_tree))}/\S+ is ", err, re.MULTILINE)
    assert "chain" in out


def test_a_folder_of_nothing_is_not_guessed_at(tmp_path, capsys):
    assert main(["ingest", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "is not recognised as an experiment of any of" in err
    assert "kaldi" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kaldi"], "the folder is missing"),
        (["kalid", "."], "is not [TOOLKIT] DIR with TOOLKIT one of"),
        (["kaldi", ".", "."], "is not [TOOLKIT] DIR"),
        (["nowhere"], "is not a folder"),
        (["kaldi", "nowhere"], "is not a folder"),
        ([], "Missing argument"),
    ],
)
def test_wrong_arguments_are_said_and_end_with_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["ingest", *arguments]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert said in err
    assert "Traceback" not in err


def test_a_folder_that_has_the_name_of_a_toolkit_is_a_folder(made_kaldi_tree, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kaldi").symlink_to(made_kaldi_tree)
    assert main(["ingest", "kaldi", "--dry-run"]) == 0
    assert "taken for Kaldi" in capsys.readouterr().err


def test_what_could_not_be_read_is_said_even_when_there_is_no_run(tmp_path, capsys):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
    (tmp_path / "log-train-2024-05-01-10-00-00").write_text(pointer)
    assert main(["ingest", "icefall", str(tmp_path), "--dry-run"]) == 1
    err = capsys.readouterr().err
    assert "git lfs pull" in err
    assert "nothing of icefall was found" in err
