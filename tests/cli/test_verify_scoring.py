from __future__ import annotations

import json

from speech_tracker.cli import main
from speech_tracker.evaluation import verify as module


def run(capsys, *arguments):
    code = main(["verify-scoring", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_without_files_a_built_in_set_shows_that_the_counts_agree(capsys):
    code, out, err = run(capsys, "--utterances", 200)
    assert (code, err) == (0, "")
    assert out.startswith("built-in set: 200 utterances\n")
    assert out.count("agrees") >= 2
    assert "Substitutions, deletions and insertions of every utterance equal those of " in out


def test_the_files_given_are_scored(tmp_path, capsys):
    (tmp_path / "ref").write_text("u1 a b c\nu2 d\nu3 only here\n")
    (tmp_path / "hyp").write_text("u1 a x c\nu2 d e\n")
    code, out, _ = run(capsys, tmp_path / "ref", tmp_path / "hyp", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["agrees"] is True
    assert found["scorers"][1]["theirs"] == {"substitutions": 1, "deletions": 0, "insertions": 1}


def test_a_disagreement_is_a_finding(monkeypatch, capsys):
    def wrong(references, hypotheses):
        return "1.0", [(1, 0, 0)] * len(references)

    monkeypatch.setattr(module, "_SCORERS", (("other", "kaldi", wrong),))
    code, out, _ = run(capsys, "--utterances", 20)
    assert code == 1
    assert "DIFFERS" in out


def test_no_scorer_at_all_is_a_finding(monkeypatch, capsys):
    def absent(references, hypotheses):
        raise module.NotInstalledError("not installed: pip install it")

    monkeypatch.setattr(module, "_SCORERS", (("other", "kaldi", absent),))
    code, out, _ = run(capsys, "--utterances", 5)
    assert code == 1
    assert "nothing was verified" in out


def test_files_that_do_not_fit_are_wrong_use(tmp_path, capsys):
    code, out, err = run(capsys, tmp_path / "nowhere", tmp_path / "hyp")
    assert (code, out) == (2, "")
    assert "nowhere" in err
