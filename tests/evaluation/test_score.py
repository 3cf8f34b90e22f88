"""Joining by utterance id, policies for what does not fit, units, attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, ScoringError
from speech_tracker.evaluation import ErrorCounts, Evaluation, score
from speech_tracker.evaluation.align import ALIGNMENTS
from speech_tracker.evaluation.sclite_network import ScliteRules
from speech_tracker.evaluation.score_parts import score_parts

texts = st.lists(st.sampled_from(["a", "b", "c", "elephantine", "elephantina"]), max_size=8).map(" ".join)
sets = st.dictionaries(st.text("xyz", min_size=1, max_size=4), st.tuples(texts, texts), min_size=1, max_size=12)


def scored(pairs: dict[str, tuple[str, str]], **options: Any) -> Evaluation:
    return score(
        {key: left for key, (left, _) in pairs.items()}, {key: right for key, (_, right) in pairs.items()}, **options
    )


def test_utterances_are_joined_by_id_and_keep_the_order_of_the_references() -> None:
    found = score({"u2": "b", "u1": "a"}, {"u1": "a", "u2": "b"})
    assert list(found.utterance_ids) == ["u2", "u1"]
    assert found.counts == ErrorCounts(2, 0, 0, 0, 2, 0)
    assert found.index_of("u1") == 1
    with pytest.raises(InvalidArgumentError, match="no such utterance: got 'u3'"):
        found.index_of("u3")


def test_operations_and_aligned_tokens_tell_the_same() -> None:
    found = score({"u": "the cat sat"}, {"u": "a cat sat down"})
    assert found.operations(0) == b"SCCI"
    assert found.aligned(0) == [("the", "a"), ("cat", "cat"), ("sat", "sat"), (None, "down")]


@settings(deadline=None)
@given(sets, st.sampled_from(ALIGNMENTS))
def test_parts_add_up_to_the_whole(pairs: dict[str, tuple[str, str]], alignment: Any) -> None:
    found = scored(pairs, alignment=alignment, attributes={"half": {key: key < "y" for key in pairs}})
    assert sum(found.counts_of(index) for index in range(len(found))) == found.counts
    assert sum(found.by("half").values()) == found.counts
    alone = [scored({key: pair}, alignment=alignment).counts for key, pair in pairs.items()]
    assert sum(alone) == found.counts


@settings(deadline=None)
@given(sets, st.sampled_from(ALIGNMENTS))
def test_aligned_tokens_are_those_of_the_texts(pairs: dict[str, tuple[str, str]], alignment: Any) -> None:
    found = scored(pairs, alignment=alignment)
    for index, (left, right) in enumerate(pairs.values()):
        aligned = found.aligned(index)
        assert [token for token, _ in aligned if token is not None] == left.split()
        assert [token for _, token in aligned if token is not None] == right.split()
        kinds = "".join("I" if a is None else "D" if b is None else "C" if a == b else "S" for a, b in aligned)
        assert kinds.encode() == found.operations(index)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("xyz", min_size=1),
        st.tuples(st.text("中文字 ", max_size=8), st.text("中文字 ", max_size=8)),
        min_size=1,
    ),
    st.sampled_from(ALIGNMENTS),
)
def test_units_agree_where_their_tokens_coincide(pairs: dict[str, tuple[str, str]], alignment: Any) -> None:
    spaced = {key: tuple(" ".join(side.replace(" ", "")) for side in pair) for key, pair in pairs.items()}
    by_word = scored(spaced, alignment=alignment, unit="word")  # type: ignore[arg-type]
    by_character = scored(pairs, alignment=alignment, unit="char", spaces="remove")
    mixed = scored(pairs, alignment=alignment, unit="mixed")
    assert by_word.table.tolist() == by_character.table.tolist() == mixed.table.tolist()
    assert [by_word.operations(i) for i in range(len(pairs))] == [mixed.operations(i) for i in range(len(pairs))]


@pytest.mark.parametrize(
    ("unit", "spaces", "length"),
    [("word", "keep", 2), ("char", "keep", 5), ("char", "remove", 4), ("mixed", "keep", 3)],
)
def test_the_unit_decides_what_is_counted(unit: Any, spaces: Any, length: int) -> None:
    found = score({"u": " ab\t 中文 "}, {"u": ""}, unit=unit, spaces=spaces)
    assert found.counts.deletions == length
    assert len(found.aligned(0)) == length


def test_missing_hypotheses_are_an_error_that_names_them() -> None:
    with pytest.raises(ScoringError, match=r"2 utterances have a reference and no hypothesis: u2, u3.*missing='skip'"):
        score({"u1": "a", "u2": "b", "u3": "c"}, {"u1": "a"})


def test_missing_hypotheses_can_count_as_deletions() -> None:
    found = score({"u1": "a", "u2": "b c"}, {"u1": "a"}, missing="deletions")
    assert found.counts == ErrorCounts(1, 0, 2, 0, 2, 1)
    assert found.problems[0].kind == "missing-hypothesis"
    assert found.problems[0].utterance_ids == ("u2",)


def test_missing_hypotheses_can_be_skipped_and_are_reported() -> None:
    found = score({"u1": "a", "u2": "b c"}, {"u1": "a"}, missing="skip")
    assert list(found.utterance_ids) == ["u1"]
    assert [str(problem) for problem in found.problems] == ["1 utterances have a reference and no hypothesis: u2"]


def test_hypotheses_without_reference_are_reported() -> None:
    found = score({"u1": "a"}, {"u1": "a", "u9": "z"})
    assert [(each.kind, each.utterance_ids) for each in found.problems] == [("extra-hypothesis", ("u9",))]
    assert len(found) == 1


@pytest.mark.parametrize("missing", ["error", "deletions", "skip"])
def test_sides_without_a_common_id_are_refused_whatever_the_policy(missing: Any) -> None:
    with pytest.raises(ScoringError, match=r"no utterance id is on both sides.*'spk1-u1'.*'u1'"):
        score({"spk1-u1": "a"}, {"u1": "a"}, missing=missing)


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ScoringError, match="nothing to score"):
        score({}, {})
    with pytest.raises(ScoringError, match="nothing to score"):
        score({"u": "a"}, {}, missing="skip")


def test_empty_references_keep_their_insertions_and_are_reported() -> None:
    found = score({"u1": "", "u2": "a b"}, {"u1": "uh", "u2": "a b"})
    assert found.counts_of(0).error_rate is None
    assert found.counts.error_rate == 0.5
    assert [(each.kind, each.utterance_ids) for each in found.problems] == [("empty-reference", ("u1",))]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u200b"])
def test_white_space_that_separates_no_words_is_reported(space: str) -> None:
    found = score({"u": f"a{space}b", "v": "a b"}, {"u": "a b", "v": "a b"})
    assert found.counts_of(0).reference_length == 1
    assert [(each.kind, each.utterance_ids) for each in found.problems] == [("unusual-space", ("u",))]


def test_control_characters_separate_no_words() -> None:
    found = score({"u": "a\x1cb"}, {"u": "a\x1cb c"})
    assert found.counts == ErrorCounts(1, 0, 0, 1)
    assert found.aligned(0) == [("a\x1cb", "a\x1cb"), (None, "c")]


def test_undecodable_bytes_survive() -> None:
    broken = b"caf\xe9 noir".decode("utf-8", "surrogateescape")
    found = score({"u": broken}, {"u": "cafe noir"})
    assert found.aligned(0) == [(broken.split()[0], "cafe"), ("noir", "noir")]
    assert score({"u": broken}, {"u": "cafe noir"}, unit="char").counts.errors == 1


def test_attributes_make_groups_and_missing_values_are_reported() -> None:
    found = score(
        {"u1": "a b", "u2": "c", "u3": "d"},
        {"u1": "a x", "u2": "c", "u3": "d d"},
        attributes={"speaker_id": {"u1": "s2", "u2": "s1"}},
    )
    assert found.by("speaker_id") == {
        "s2": ErrorCounts(1, 1, 0, 0, 1, 1),
        "s1": ErrorCounts(1, 0, 0, 0, 1, 0),
        None: ErrorCounts(1, 0, 0, 1, 1, 1),
    }
    assert [str(problem) for problem in found.problems] == ["1 utterances have no speaker_id: u3"]
    with pytest.raises(InvalidArgumentError, match="no such attribute: got 'accent', expected one of speaker_id"):
        found.by("accent")


def test_the_normalizer_is_applied_to_both_sides_and_recorded() -> None:
    found = score({"u": "The Cat"}, {"u": "the cat"}, normalizer="lower")
    assert found.counts.errors == 0
    assert found.references == ["the cat"]
    assert found.normalizer.name == "lower"
    assert found.normalizer.digest
    assert score({"u": "The Cat"}, {"u": "the cat"}).counts.substitutions == 2


def test_case_is_folded_as_the_reference_scorer_does_unless_told() -> None:
    sides = {"u": "The ÉTÉ"}, {"u": "the été"}
    assert score(*sides, alignment="kaldi").counts.hits == 0
    assert score(*sides, alignment="sclite").counts.hits == 1
    assert score(*sides, alignment="sclite", case_sensitive=True).counts.hits == 0
    assert score(*sides, alignment="kaldi", case_sensitive=False, unit="char").counts.errors == 2


@pytest.mark.parametrize(
    "wrong",
    [{"unit": "phone"}, {"alignment": "htk"}, {"missing": "ignore"}, {"spaces": "drop"}, {"normalizer": "nope"}],
)
def test_unknown_values_say_what_is_known(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"expected .*"):
        score({"u": "a"}, {"u": "a"}, **wrong)


def test_rules_belong_to_sclite_alone() -> None:
    with pytest.raises(InvalidArgumentError, match="rules for another alignment: got 'kaldi'"):
        score({"u": "a"}, {"u": "a"}, rules=ScliteRules())


@pytest.mark.parametrize("value", [None, 3.5, ["a"]])
def test_a_text_that_is_none_names_its_utterance(value: Any) -> None:
    with pytest.raises(InvalidTypeError, match="hypothesis of utterance 'u2' is not a text"):
        score({"u1": "a", "u2": "b"}, {"u1": "a", "u2": value})


def test_parts_of_a_stream_add_up() -> None:
    stream = [(f"u{i}", "a b c", "a c" if i % 3 else "a b c", {"speaker_id": i % 2}) for i in range(25)]
    parts = list(score_parts(iter(stream), utterances_per_part=10, alignment="sclite"))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert sum(part.counts for part in parts) == ErrorCounts(59, 0, 16, 0, 25, 16)
    assert sum(part.by("speaker_id")[1] for part in parts).utterances == 12


def test_a_stream_is_read_only_as_far_as_needed() -> None:
    read = []

    def stream() -> Any:
        for index in range(100):
            read.append(index)
            yield f"u{index}", "a", "a"

    next(score_parts(stream(), utterances_per_part=5))
    assert len(read) == 5


def test_a_repeated_id_in_a_stream_is_an_error() -> None:
    with pytest.raises(ScoringError, match="utterance 'u' comes twice"):
        list(score_parts([("u", "a", "a"), ("u", "b", "b")]))
    with pytest.raises(InvalidArgumentError, match="a part holds no utterance"):
        list(score_parts([], utterances_per_part=0))


def test_the_rules_of_a_score_survive_its_file(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    from speech_tracker.evaluation.parquet import read_parquet, write_parquet

    rules = ScliteRules(fragments=True)
    for found in (
        score({"u": "go- a"}, {"u": "going"}, alignment="sclite", rules=rules),
        score({"u": "a"}, {"u": "a"}),
    ):
        write_parquet(found, tmp_path / "scored.parquet")
        assert read_parquet(tmp_path / "scored.parquet").rules == found.rules


@pytest.mark.parametrize("texts", ["a b", ["a b"]])
def test_texts_without_ids_are_refused(texts: Any) -> None:
    with pytest.raises(InvalidTypeError, match=r"references without utterance ids.*expected a mapping"):
        score(texts, texts)


def test_nan_and_none_are_no_value_of_an_attribute() -> None:
    speakers = {"u1": "s", "u2": float("nan"), "u3": None}
    evaluation = score(dict.fromkeys(speakers, "a"), dict.fromkeys(speakers, "a"), attributes={"speaker_id": speakers})
    assert evaluation.attributes["speaker_id"] == ["s", None, None]
    assert [(each.kind, each.utterance_ids) for each in evaluation.problems] == [("missing-attribute", ("u2", "u3"))]
