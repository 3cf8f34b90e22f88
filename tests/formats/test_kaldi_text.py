from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import InvalidArgumentError
from speech_tracker.formats.kaldi_text import (
    KeyValue,
    format_kaldi_text,
    format_utt2spk,
    parse_kaldi_text,
    parse_per_utt,
    parse_utt2spk,
)
from speech_tracker.formats.parsed import LONGEST_LINE
from speech_tracker.formats.utterance import Utterance, UtterancePair

WORDS = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(WORDS, st.lists(WORDS, max_size=5).map(" ".join)), max_size=6))
def test_what_is_written_is_read_back(entries):
    utterances = [Utterance(key, text) for key, text in entries]
    parsed = parse_kaldi_text(format_kaldi_text(utterances))
    assert (list(parsed.records), parsed.problems) == (utterances, ())


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(WORDS, WORDS), max_size=6))
def test_utt2spk_is_read_back(entries):
    written = [KeyValue(key, value) for key, value in entries]
    assert list(parse_utt2spk(format_utt2spk(written)).records) == written


def test_tabs_crlf_leading_blanks_and_empty_lines_are_read_and_noted():
    parsed = parse_kaldi_text("u1\ta b\r\n\r\n  u2 c\r\nu3\t\r\nu4\r\n")
    assert [(each.utterance_id, each.text) for each in parsed.records] == [
        ("u1", "a b"),
        ("u2", "c"),
        ("u3", ""),
        ("u4", ""),
    ]
    assert parsed.notes == (
        "a tab after the utterance id: 2, first at line 1",
        "empty lines skipped: 1, first at line 2",
        "lines that begin with a blank (Kaldi refuses them): 1, first at line 3",
    )


def test_unicode_line_separators_and_wide_spaces_are_part_of_the_text():
    parsed = parse_kaldi_text("u1 a\u2028b\u3000c\x0bd\n")
    assert parsed.records[0].text == "a\u2028b\u3000c\x0bd"


def test_a_huge_line_is_a_problem_that_shows_its_beginning_only():
    parsed = parse_kaldi_text(f"u1 a\nu2 {'x' * LONGEST_LINE}\nu3 c\n")
    assert [each.utterance_id for each in parsed.records] == ["u1", "u3"]
    assert parsed.problems[0].line_number == 2
    assert len(str(parsed.problems[0])) < 400


def test_spk2utt_given_as_utt2spk_is_recognised():
    parsed = parse_utt2spk("spk1 u1 u2 u3\nu4 spk2\nu5\n")
    assert parsed.records == (KeyValue("u4", "spk2"),)
    assert [each.reason for each in parsed.problems] == [
        "4 fields, expected 2 (utterance id and speaker); is it spk2utt?",
        "no speaker after the utterance id",
    ]


def test_a_key_with_a_blank_is_refused():
    with pytest.raises(InvalidArgumentError, match="rename it"):
        format_kaldi_text([Utterance("u 1", "a")])


PER_UTT = """\
s1-u1 ref  the  cat  sat   ***
s1-u1 hyp  the  ***  hat  down
s1-u1 op    C    D    S     I
s1-u1 #csid 1 1 1 1
s1-u2 ref   a
s1-u2 hyp  ***
s1-u2 op    D
s1-u2 #csid 0 0 0 1
"""


def test_per_utt_holds_both_sides():
    assert parse_per_utt(PER_UTT).records == (
        UtterancePair("s1-u1", "the cat sat", "the hat down"),
        UtterancePair("s1-u2", "a", ""),
    )


def test_per_utt_without_a_hyp_line_says_where():
    parsed = parse_per_utt("u1 ref a\nu2 ref b\nu2 hyp b\nu3 hyp c\nu4 what d\n")
    assert [each.utterance_id for each in parsed.records] == ["u2"]
    assert [each.line_number for each in parsed.problems] == [1, 4, 5]
