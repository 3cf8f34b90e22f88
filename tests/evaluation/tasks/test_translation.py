from __future__ import annotations

import json
import sys

import pytest

from speech_tracker.errors import InvalidArgumentError, MissingExtraError, ScoringError
from speech_tracker.evaluation.tasks.translation import translation

sacrebleu = pytest.importorskip("sacrebleu")

REFERENCES = {
    "a": "The cat sat on the mat.",
    "b": "There is a big dog in the garden.",
    "c": "We will meet again tomorrow morning.",
}
HYPOTHESES = {
    "c": "We meet again tomorrow.",
    "a": "The cat sat on the mat.",
    "b": "There is a large dog in the garden.",
}


def test_the_scores_are_sacrebleus_joined_by_id():
    found = translation(REFERENCES, HYPOTHESES, metrics=("bleu", "chrf", "ter"))
    ids = list(REFERENCES)
    sides = [HYPOTHESES[i] for i in ids], [[REFERENCES[i] for i in ids]]
    assert found.bleu == sacrebleu.corpus_bleu(*sides).score
    assert found.chrf == sacrebleu.corpus_chrf(*sides).score
    assert found.scores["ter"].score == sacrebleu.corpus_ter(*sides).score
    assert found.sentences == 3


def test_the_signature_says_what_makes_the_score_comparable():
    signature = translation(REFERENCES, HYPOTHESES, tokenizer="char", lowercase=True).scores["bleu"].signature
    assert f"version:{sacrebleu.__version__}" in signature
    assert "tok:char" in signature
    assert "case:lc" in signature
    assert "nw:2" in translation(REFERENCES, HYPOTHESES, metrics=["chrf"], word_order=2).scores["chrf"].signature


def test_the_interval_is_sacrebleus_bootstrap_and_repeatable():
    found = translation(REFERENCES, HYPOTHESES, replications=200).scores["bleu"]
    assert found.low < found.score < found.high
    assert translation(REFERENCES, HYPOTHESES, replications=200).scores["bleu"] == found
    assert "bs:200" in found.signature
    assert translation(REFERENCES, HYPOTHESES, replications=0).scores["bleu"].low is None


def test_several_references_help():
    several = {key: [text, HYPOTHESES[key]] for key, text in REFERENCES.items()}
    found = translation(several, HYPOTHESES)
    assert found.references == 2
    assert found.bleu == pytest.approx(100)


def test_metrics_and_json_hold_plain_numbers():
    found = translation(REFERENCES, HYPOTHESES)
    assert {"bleu", "bleu_ci_low", "bleu_ci_high", "chrf"} <= found.metrics().keys()
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["scores"]["bleu"]["signature"]


def test_missing_translations_have_a_policy():
    fewer = {"a": HYPOTHESES["a"], "z": "Who is this?"}
    with pytest.raises(ScoringError, match="2 of 3 references"):
        translation(REFERENCES, fewer)
    empty = translation(REFERENCES, fewer, missing="empty")
    assert empty.sentences == 3
    assert empty.problems[0] == "2 sentences without translation: empty"
    assert "z" in empty.problems[1]
    assert translation(REFERENCES, fewer, missing="skip").sentences == 1
    with pytest.raises(ScoringError, match="nothing to score"):
        translation(REFERENCES, {}, missing="skip")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"metrics": ["bleurt"]}, "bleu, chrf, ter"),
        ({"metrics": []}, "bleu, chrf, ter"),
        ({"tokenizer": "magic"}, "magic"),
    ],
)
def test_wrong_arguments_are_explained(options, part):
    with pytest.raises(InvalidArgumentError, match=part):
        translation(REFERENCES, HYPOTHESES, **options)


def test_unequal_numbers_of_references_are_refused():
    with pytest.raises(InvalidArgumentError, match="equally many"):
        translation({**REFERENCES, "a": ["one", "two"]}, HYPOTHESES)


def test_without_sacrebleu_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r"speech-tracker\[translation\]"):
        translation(REFERENCES, HYPOTHESES)
