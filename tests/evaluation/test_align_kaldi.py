"""Alignment "kaldi" against kaldialign, and against what Kaldi itself wrote in real experiments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import kaldialign
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from speech_tracker.evaluation import Evaluation, score
from speech_tracker.evaluation.align import Aligner
from speech_tracker.evaluation.preference import Alignment

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "kaldi"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files at {SAMPLES}")

few_words = st.lists(st.sampled_from("abc"), max_size=12)
long_few_words = st.lists(st.sampled_from("ab"), min_size=30, max_size=90)
slow = settings(max_examples=60, deadline=None)


def operations(reference: list[str], hypothesis: list[str], alignment: Alignment) -> str:
    return Aligner(alignment).align([" ".join(reference)], [" ".join(hypothesis)]).operations.decode()


def by_kaldialign(reference: list[str], hypothesis: list[str]) -> str:
    pairs = kaldialign.align(reference, hypothesis, "*")
    return "".join(
        "I" if left == "*" else "D" if right == "*" else "C" if left == right else "S" for left, right in pairs
    )


@settings(max_examples=400, deadline=None)
@given(few_words, few_words)
def test_operations_equal_kaldialign(reference: list[str], hypothesis: list[str]) -> None:
    assert operations(reference, hypothesis, "kaldi") == by_kaldialign(reference, hypothesis)


@settings(max_examples=30, deadline=None)
@given(long_few_words, long_few_words)
def test_operations_of_long_utterances_equal_kaldialign(reference: list[str], hypothesis: list[str]) -> None:
    assert operations(reference, hypothesis, "kaldi") == by_kaldialign(reference, hypothesis)


@slow
@given(st.lists(st.tuples(few_words, few_words), min_size=1, max_size=40))
def test_counts_of_a_batch_equal_kaldialign_utterance_by_utterance(pairs: list[tuple[list[str], list[str]]]) -> None:
    batch = Aligner("kaldi").align([" ".join(left) for left, _ in pairs], [" ".join(right) for _, right in pairs])
    for (left, right), counts in zip(pairs, batch.table.tolist(), strict=True):
        found = kaldialign.edit_distance(left, right)
        assert counts[1:] == [found["sub"], found["del"], found["ins"]]


@slow
@given(st.lists(st.tuples(few_words, few_words), min_size=1, max_size=40), st.sampled_from(get_args(Alignment)))
def test_totals_equal_the_edit_distance_and_lengths_add_up(
    pairs: list[tuple[list[str], list[str]]], alignment: Alignment
) -> None:
    batch = Aligner(alignment).align([" ".join(left) for left, _ in pairs], [" ".join(right) for _, right in pairs])
    for (left, right), (hits, substitutions, deletions, insertions) in zip(pairs, batch.table.tolist(), strict=True):
        assert hits + substitutions + deletions == len(left)
        assert hits + substitutions + insertions == len(right)
        if alignment == "sclite":  # a substitution costs 4 there, a deletion and an insertion 3 each
            assert 4 * substitutions + 3 * (deletions + insertions) == Levenshtein.distance(
                left, right, weights=(3, 3, 4)
            )
        else:
            assert substitutions + deletions + insertions == Levenshtein.distance(left, right)


def mistaken(reference: list[str], mistakes: list[tuple[int, int]]) -> list[str]:
    """The reference with words replaced, doubled or left out: long, and close to the diagonal."""
    hypothesis: list[str] = []
    by_place = {place % max(len(reference), 1): kind for place, kind in mistakes}
    for place, word in enumerate(reference):
        kind = by_place.get(place, -1)
        hypothesis += {-1: [word], 0: [], 1: [word, word], 2: ["x"], 3: ["a"]}[kind]
    return hypothesis


@slow
@given(
    st.lists(st.sampled_from(["a", "b", "abcdefghij", "abcdefghik"]), min_size=60, max_size=300),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 3)), max_size=40),
)
def test_the_band_changes_no_alignment(reference: list[str], mistakes: list[tuple[int, int]]) -> None:
    hypothesis = mistaken(reference, mistakes)
    assert operations(reference, hypothesis, "kaldi") == by_kaldialign(reference, hypothesis)


@needs_samples
def test_error_lines_equal_those_that_compute_wer_wrote() -> None:
    compared = 0
    for path in sorted(SAMPLES.glob("**/scoring_kaldi/penalty_*/*.txt")):
        folder = path.parents[1]
        report = folder.parent / f"wer_{path.stem}_{path.parent.name.removeprefix('penalty_')}"
        found = (
            re.search(r"^%WER .* sub \]", report.read_text(encoding="utf-8"), re.MULTILINE) if report.exists() else None
        )
        if found is None:
            continue
        evaluation = score(_texts(folder / "test_filt.txt"), _texts(path), missing="skip")
        assert evaluation.counts.kaldi_line() == found[0], report
        compared += 1
    assert compared > 50


@needs_samples
def test_details_equal_those_that_align_text_wrote() -> None:
    utterances = 0
    for path in sorted(SAMPLES.glob("**/wer_details/per_utt")):
        references, hypotheses, wanted = _per_utt(path)
        evaluation = score(references, hypotheses, alignment="align-text")
        got = {key: evaluation.operations(index).decode() for index, key in enumerate(evaluation.utterance_ids)}
        assert got == wanted, path
        _assert_same_totals(score(references, hypotheses), evaluation)
        utterances += len(wanted)
    assert utterances > 2000


def _assert_same_totals(one: Evaluation, other: Evaluation) -> None:
    assert one.table[:, 1:].sum(axis=1).tolist() == other.table[:, 1:].sum(axis=1).tolist()


def _texts(path: Path) -> dict[str, str]:
    lines = (line.split(None, 1) for line in path.read_text(encoding="utf-8").splitlines())
    return {parts[0]: parts[1] if len(parts) > 1 else "" for parts in lines if parts}


def _per_utt(path: Path) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    columns: dict[str, dict[str, str]] = {"ref": {}, "hyp": {}, "op": {}}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, kind, *fields = line.split()
        if kind in columns:
            kept = [field for field in fields if field != "***"]
            columns[kind][key] = "".join(fields) if kind == "op" else " ".join(kept)
    return columns["ref"], columns["hyp"], columns["op"]
