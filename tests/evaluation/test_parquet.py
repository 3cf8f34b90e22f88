from __future__ import annotations

import stat

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import FormatError
from speech_tracker.evaluation.parquet import COLUMNS, read_parquet, write_parquet
from speech_tracker.evaluation.score import score
from speech_tracker.testing.transcripts import make_test_set

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=5).map(" ".join)
VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)


def same(left, right):
    assert list(left.utterance_ids) == list(right.utterance_ids)
    assert list(left.references) == list(right.references)
    assert list(left.hypotheses) == list(right.hypotheses)
    assert np.array_equal(left.table, right.table)
    assert left.table.dtype == right.table.dtype
    assert left.operation_codes == right.operation_codes
    assert np.array_equal(left.operation_offsets, right.operation_offsets)
    assert (left.unit, left.alignment, left.normalizer, left.missing) == (
        right.unit,
        right.alignment,
        right.normalizer,
        right.missing,
    )
    assert (left.spaces, left.case_sensitive, left.problems) == (right.spaces, right.case_sensitive, right.problems)
    assert {key: tuple(value) for key, value in left.pairs.items()} == {
        key: tuple(value) for key, value in right.pairs.items()
    }
    assert all(left.aligned(index) == right.aligned(index) for index in range(len(left)))


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.tuples(WORDS, WORDS), min_size=1, max_size=5
    )
)
def test_an_evaluation_is_read_back(tmp_path_factory, entries):
    references = {key: value[0] for key, value in entries.items()}
    hypotheses = {key: value[1] for key, value in entries.items()}
    path = tmp_path_factory.mktemp("parquet") / "e.parquet"
    evaluation = score(references, hypotheses, normalizer="lower", missing="skip")
    write_parquet(evaluation, path)
    same(read_parquet(path), evaluation)


@settings(deadline=None, max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_an_attribute_keeps_its_values_or_becomes_text(tmp_path_factory, values):
    keys = [f"u{place}" for place in range(len(values))]
    texts = dict.fromkeys(keys, "a")
    evaluation = score(texts, texts, attributes={"x": dict(zip(keys, values, strict=True))})
    path = tmp_path_factory.mktemp("parquet") / "e.parquet"
    write_parquet(evaluation, path)
    found = list(read_parquet(path).attributes["x"])
    kinds = {type(value) for value in values if value is not None}
    uniform = len(kinds) < 2 or kinds == {int, float}
    large = any(isinstance(value, int) and abs(value) >= 2**63 for value in values)
    if uniform and not large:
        assert found == values
    else:
        assert [value is None for value in found] == [value is None for value in values]


def test_alternates_keep_their_aligned_tokens(tmp_path):
    evaluation = score({"u": "i { um / @ } go (far)"}, {"u": "i go"}, alignment="sclite")
    write_parquet(evaluation, tmp_path / "e.parquet")
    found = read_parquet(tmp_path / "e.parquet")
    assert found.pairs
    same(found, evaluation)


def test_names_that_are_taken_get_a_prefix_and_come_back_as_given(tmp_path):
    attributes = {name: {"u": number} for number, name in enumerate(["Hits", "hits", "", "say \"x\" 'y'", "aligned"])}
    evaluation = score({"u": "a"}, {"u": "a"}, attributes=attributes)
    write_parquet(evaluation, tmp_path / "e.parquet")
    assert {name: list(column) for name, column in read_parquet(tmp_path / "e.parquet").attributes.items()} == {
        name: [number] for number, name in enumerate(attributes)
    }


@pytest.mark.parametrize("name", ["it's [1] *?.parquet", "ü 你.parquet", "%s {x}.parquet"])
def test_any_file_name_will_do_and_nothing_else_stays_in_the_folder(tmp_path, name):
    folder = tmp_path / "a'b[c]*"
    folder.mkdir()
    evaluation = score({"u": "a"}, {"u": "b"})
    write_parquet(evaluation, folder / name)
    assert [each.name for each in folder.iterdir()] == [name]
    same(read_parquet(folder / name), evaluation)
    assert stat.S_IMODE((folder / name).stat().st_mode) & 0o400


def test_a_query_over_the_file_gives_the_counts(tmp_path):
    test_set = make_test_set(utterances=300, speakers=10)
    evaluation = score(test_set.references, test_set.systems[0], attributes={"speaker_id": test_set.speakers})
    path = tmp_path / "e.parquet"
    write_parquet(evaluation, path)
    rows = duckdb.sql(
        f"SELECT speaker_id, sum(hits), sum(substitutions), sum(deletions), sum(insertions) FROM '{path}' GROUP BY 1"
    ).fetchall()
    expected = {
        speaker: (counts.hits, counts.substitutions, counts.deletions, counts.insertions)
        for speaker, counts in evaluation.by("speaker_id").items()
    }
    assert {row[0]: row[1:] for row in rows} == expected
    names = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
    assert names == [*COLUMNS, "speaker_id"]


def test_text_that_is_no_unicode_is_escaped_instead_of_lost(tmp_path):
    evaluation = score({"u": "a\udc80 b"}, {"u": "a b"})
    write_parquet(evaluation, tmp_path / "e.parquet")
    assert read_parquet(tmp_path / "e.parquet").references == ["a\\udc80 b"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "e.parquet"
    first = score({"u": "a"}, {"u": "b"})
    write_parquet(first, path)
    broken = score({"u": "a"}, {"u": "b"}, attributes={"x": {"u": "y"}})
    object.__setattr__(broken, "attributes", {"x": ["one", "too many"]})
    with pytest.raises(duckdb.Error):
        write_parquet(broken, path)
    assert list(tmp_path.iterdir()) == [path]
    same(read_parquet(path), first)
    with pytest.raises(OSError, match="nowhere"):
        write_parquet(first, tmp_path / "nowhere" / "e.parquet")


def test_what_is_no_evaluation_is_refused(tmp_path):
    path = tmp_path / "e.parquet"
    with pytest.raises(FileNotFoundError):
        read_parquet(path)
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(FormatError, match="cannot be read as Parquet"):
        read_parquet(path)
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{path}'")
    with pytest.raises(FormatError, match="is no evaluation of ours"):
        read_parquet(path)
    duckdb.sql(
        f'COPY (SELECT 1 AS x) TO \'{path}\' (KV_METADATA {{speech_tracker: \'{{"kind": "evaluation", "version": 99}}\'}})'
    )
    with pytest.raises(FormatError, match="version 99, this library reads up to 1"):
        read_parquet(path)
    duckdb.sql(
        f'COPY (SELECT 1 AS x) TO \'{path}\' (KV_METADATA {{speech_tracker: \'{{"kind": "evaluation", "version": 1}}\'}})'
    )
    with pytest.raises(FormatError, match="columns are missing: utterance_id"):
        read_parquet(path)
