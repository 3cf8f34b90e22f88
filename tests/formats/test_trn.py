from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.formats.trn import format_trn, parse_trn, speaker_by_sclite
from speech_tracker.formats.utterance import Utterance

IDS = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="()"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Zl", "Zp", "C"]), max_size=40).map(str.strip)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(IDS, TEXTS), max_size=6))
def test_what_is_written_is_read_back(entries):
    utterances = [Utterance(key, text) for key, text in entries]
    parsed = parse_trn(format_trn(utterances))
    assert parsed.problems == ()
    assert list(parsed.records) == utterances


def test_alternates_and_optional_words_stay_in_the_text():
    parsed = parse_trn("i've { um / uh / @ } as (far) as (spk_a-1)\n")
    assert parsed.records == (Utterance("spk_a-1", "i've { um / uh / @ } as (far) as"),)


def test_comments_and_empty_lines_are_left_out_and_a_line_without_id_is_a_problem():
    parsed = parse_trn(";; made by nobody\n\na b (u-1)\nno id here\n(u-2)\n ()\n")
    assert [(each.utterance_id, each.text, each.line_number) for each in parsed.records] == [
        ("u-1", "a b", 3),
        ("u-2", "", 5),
    ]
    assert [(each.line_number, each.reason) for each in parsed.problems] == [
        (4, "no (utterance id) at the end of the line"),
        (6, "the utterance id in parentheses is empty"),
    ]
    assert parsed.notes == ("empty lines skipped: 1, first at line 2",)


def test_a_torn_last_line_is_a_problem_and_the_rest_is_kept():
    parsed = parse_trn("a b (u-1)\nc d (u-")
    assert len(parsed.records) == 1
    assert parsed.problems[0].line_number == 2


@pytest.mark.parametrize("bad", ["a b", "(x)", ""])
def test_an_id_that_would_not_come_back_is_refused(bad):
    with pytest.raises(InvalidArgumentError, match="the utterance id cannot be written"):
        format_trn([Utterance(bad, "text")])


def test_a_text_of_two_lines_is_refused():
    with pytest.raises(InvalidArgumentError, match="expected one line"):
        format_trn([Utterance("u", "a\nb")])


@pytest.mark.parametrize(
    ("utterance_id", "speaker"),
    [("1089-134686-0000", "1089"), ("spk_long-u1", "spk_long"), ("f_0", "f"), ("4t0c0201", None), ("-x", None)],
)
def test_the_speaker_of_an_id_is_that_of_sclite(utterance_id, speaker):
    assert speaker_by_sclite(utterance_id) == speaker
