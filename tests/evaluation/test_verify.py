from __future__ import annotations

import pytest

from speech_tracker.evaluation import verify as module
from speech_tracker.evaluation.show_checks import checks_dict, checks_text
from speech_tracker.evaluation.verify import ScorerCheck, find_sclite, generated_set, verify


def test_every_scorer_that_is_here_agrees_on_a_set_made_of_ties():
    references, hypotheses = generated_set(400, seed=7)
    checks = verify(references, hypotheses)
    assert [check.scorer for check in checks] == ["sclite", "kaldialign", "jiwer"]
    for check in checks:
        if check.is_installed:
            assert check.agrees, (check.scorer, check.differing, check.failure)
            assert sum(check.ours) == sum(check.theirs) > 100
    assert checks[1].is_installed
    assert checks[2].is_installed
    # the three do not agree with each other, so that agreeing with each of them says something
    assert len({check.ours for check in checks}) == 3


@pytest.mark.skipif(find_sclite() is None, reason="NIST's sclite is not installed")
def test_alternates_optional_words_and_odd_text_agree_with_sclite():
    references = {
        "u1": "i { um / uh / @ } go (far) now",
        "u2": ";; not a comment",
        "u3": "(only)",
        "u4": "",
        "u5": "a  b",
        "u6": "a \ud800 \udcff b",
    }
    hypotheses = {"u1": "i go now", "u2": ";; no comment", "u3": "", "u4": "extra", "u5": "a\tb", "u6": "a \udcff b"}
    check = verify(references, hypotheses)[0]
    assert check.agrees, (check.differing, check.failure)


def test_a_scorer_that_counts_otherwise_is_shown_with_its_utterances(monkeypatch):
    def wrong(references, hypotheses):
        return "1.0", [(9, 9, 9) if place == 1 else (0, 0, 0) for place in range(len(references))]

    monkeypatch.setattr(module, "_SCORERS", (("other", "kaldi", wrong),))
    (check,) = verify({"u1": "a", "u2": "b", "u3": "c"}, {"u1": "a", "u2": "b", "u3": "c"})
    assert not check.agrees
    assert check.differing == ("u2",)
    text = checks_text([check], "test", 3)
    assert "DIFFERS in 1 utterances" in text
    assert "first: u2" in text
    assert "NOT verified against other" in text
    assert checks_dict([check], 3)["agrees"] is False


def test_a_scorer_that_is_not_there_is_no_agreement():
    check = ScorerCheck(
        "sclite", "", "sclite", None, (1, 0, 0), failure="not installed: apt install sctk", is_installed=False
    )
    assert not check.agrees
    assert "not installed: apt install sctk" in checks_text([check], "test", 1)
    assert "nothing was verified" in checks_text([check], "test", 1)
    assert checks_dict([check], 1)["agrees"] is False


def test_a_scorer_that_fails_says_how(monkeypatch, tmp_path):
    broken = tmp_path / "sclite"
    broken.write_text("#!/bin/sh\necho 'it broke' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sclite() == [str(broken)]
    check = verify({"u": "a"}, {"u": "a"})[0]
    assert check.is_installed
    assert check.failure == "sclite ended with exit code 3 after 0 of 1 utterances (it broke)"


def test_the_generated_set_is_the_same_for_the_same_seed():
    assert generated_set(50, seed=3) == generated_set(50, seed=3)
    assert generated_set(50, seed=3) != generated_set(50, seed=4)
    references, hypotheses = generated_set(200)
    assert "" in references.values()
    assert "" in hypotheses.values()
