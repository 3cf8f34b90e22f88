"""The reference outputs of SCTK's own test suite: every count of every utterance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from speech_tracker.evaluation import Evaluation, score
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.formats.trn import parse_trn

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "sclite"
INPUTS = SAMPLES / "sctk-sclite-inputs" / "src" / "sclite" / "testdata"
OUTPUTS = SAMPLES / "sctk-sclite-base" / "src" / "sclite" / "testdata" / "base"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files at {SAMPLES}")

PLAIN = ScliteRules(optional_words=False)
FRAGMENTS = ScliteRules(optional_words=False, fragments=True)
EVERYTHING = ScliteRules(fragments=True)


def texts(name: str) -> dict[str, str]:
    """Utterance id, in sclite's own lower case, to text."""
    records = parse_trn((INPUTS / name).read_text(encoding="utf-8")).records
    return {each.utterance_id.lower(): each.text for each in records}


def expected(name: str) -> dict[str, tuple[int, ...]]:
    """Utterance id to hits, substitutions, deletions, insertions of a `.pra` report."""
    report = (OUTPUTS / f"{name}.pra").read_text(encoding="utf-8")
    found = re.findall(r"^id: \((.*)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)$", report, re.MULTILINE)
    return {utterance_id.lower(): tuple(map(int, counts)) for utterance_id, *counts in found}


def counted(evaluation: Evaluation) -> dict[str, tuple[int, ...]]:
    return dict(zip(evaluation.utterance_ids, map(tuple, evaluation.table.tolist()), strict=True))


REPORTS = [
    pytest.param("test1", "csrnab.ref", "csrnab.hyp", PLAIN, {}, id="read-speech-with-alternates"),
    pytest.param("test1e", "csrnab.ref", "csrnab.hyp", PLAIN, {}, id="the-same-as-utf-8"),
    pytest.param("test7", "tests.ref", "tests.hyp", EVERYTHING, {}, id="fragments-and-optional-words"),
    pytest.param("test7_r", "tests.hyp", "tests.ref", EVERYTHING, {}, id="marks-in-the-hypothesis"),
    pytest.param("test7_noD", "tests.ref", "tests.hyp", FRAGMENTS, {}, id="parentheses-as-letters"),
    pytest.param("test8", "csrnab1.ref", "csrnab1.hyp", PLAIN, {"unit": "char", "spaces": "remove"}, id="characters"),
    pytest.param("test15_c", "test.turkish.ref", "test.turkish.hyp", PLAIN, {}, id="turkish"),
    # `-e utf-8 ukrainian` and `babel_vietnamese` fold those alphabets too; with us that is a normaliser's work
    pytest.param("test15_d", "test.ukranian.ref", "test.ukranian.hyp", PLAIN, {"normalizer": "lower"}, id="ukrainian"),
    pytest.param(
        "test17", "test.vietnamese.ref.trn", "test.vietnamese.hyp.trn", PLAIN, {"normalizer": "lower"}, id="vietnamese"
    ),
]


@pytest.mark.parametrize(("report", "reference", "hypothesis", "rules", "options"), REPORTS)
def test_counts_equal_the_published_reports(
    report: str, reference: str, hypothesis: str, rules: ScliteRules, options: dict[str, Any]
) -> None:
    wanted = expected(report)
    # sclite scores what is in the hypotheses, so what is missing there is skipped
    evaluation = score(texts(reference), texts(hypothesis), alignment="sclite", rules=rules, missing="skip", **options)
    assert wanted
    assert counted(evaluation) == wanted
