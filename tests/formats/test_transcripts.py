from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import FormatError, InvalidArgumentError, SpeechTrackerError
from speech_tracker.formats.join import cut_hypothesis, match_ids
from speech_tracker.formats.recognise import FORMATS
from speech_tracker.formats.transcripts import parse_transcripts, read_transcripts

from .test_recognise import EXAMPLES


def write(tmp_path, data, name="a file; with 'odd' name"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_texts_are_keyed_by_id_and_the_reason_for_the_format_is_kept(tmp_path):
    found = read_transcripts(write(tmp_path, "u1 a b\nu2\n"))
    assert dict(found.texts) == {"u1": "a b", "u2": ""}
    assert (found.format, len(found)) == ("kaldi", 2)
    assert "id of its own" in found.why


def test_of_lines_with_one_id_the_first_counts_and_the_others_are_located(tmp_path):
    found = read_transcripts(write(tmp_path, "u1 x\nu2 x\nu1 x\nu2 y\n"))
    assert found.texts == {"u1": "x", "u2": "x"}
    assert [(each.line_number, each.reason) for each in found.problems] == [
        (3, "utterance id 'u1' again, with the same text; line 1 is kept"),
        (4, "utterance id 'u2' again, with another text; line 2 is kept"),
    ]


def test_problems_of_bytes_and_of_lines_come_in_file_order(tmp_path):
    found = read_transcripts(write(tmp_path, b"a (u-1)\nno id\ncaf\xe9 (u-2)\nb (u-3)\n"), format="trn")
    assert [each.line_number for each in found.problems] == [2, 3]
    assert list(found.texts) == ["u-1", "u-3"]


def test_a_file_of_which_nothing_can_be_read_is_an_error_that_shows_the_first_problem(tmp_path):
    with pytest.raises(FormatError, match=r"no transcript could be read as trn .named.: 2 lines with problems; line 1"):
        read_transcripts(write(tmp_path, "no id\nnone here\n"), format="trn")


def test_rttm_and_unknown_formats_are_refused(tmp_path):
    with pytest.raises(FormatError, match="holds no words"):
        read_transcripts(write(tmp_path, EXAMPLES["rttm"]))
    with pytest.raises(InvalidArgumentError, match="unknown format: got 'word'"):
        read_transcripts(write(tmp_path, "u1 a\n"), format="word")


@pytest.mark.parametrize("side", ["reference", "hypothesis"])
@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {"rttm", "speechbrain"}))
def test_every_format_gives_transcripts_of_both_sides(tmp_path, name, side):
    found = read_transcripts(write(tmp_path, EXAMPLES[name]), side=side)
    assert found.format == name
    assert found.texts
    assert found.problems == ()


def test_speakers_of_trn_ids_are_sclites_and_only_where_they_group():
    assert parse_transcripts("a (s1-1)\nb (s1-2)\nc (s2-1)\n").speakers == {"s1-1": "s1", "s1-2": "s1", "s2-1": "s2"}
    assert parse_transcripts("a (s1-1)\nb (s2-1)\n").speakers == {}
    assert parse_transcripts("a (s1-1)\nb (s1-2)\n").speakers == {}
    assert parse_transcripts("a (x1)\nb (s1-2)\nc (s2-2)\nd (s2-3)\n").speakers == {}


def test_other_columns_that_group_become_attributes_and_those_that_name_do_not():
    rows = "".join(
        f'{{"id": "u{i}", "text": "a", "lang": "{"en" if i % 2 else "de"}", "md5": "{i:032d}"}}\n' for i in range(10)
    )
    found = parse_transcripts(rows)
    assert list(found.attributes) == ["lang"]
    assert found.attributes["lang"]["u3"] == "en"


def test_stm_segments_out_of_scoring_are_no_utterances():
    found = parse_transcripts(EXAMPLES["stm"] + "rec A spk 2.0 3.0 IGNORE_TIME_SEGMENT_IN_SCORING\n")
    assert len(found) == 2
    assert "segments out of scoring: 1" in found.notes


def test_a_ctm_is_cut_at_the_segments_of_an_stm_and_strangers_are_reported():
    reference = parse_transcripts(EXAMPLES["stm"])
    hypothesis = parse_transcripts("rec A 0.2 0.5 a\nrec A 1.6 0.1 c\nrec B 0.0 0.5 other\n")
    assert list(hypothesis.texts) == ["rec-A", "rec-B"]
    cut = cut_hypothesis(reference, hypothesis)
    assert list(cut.texts.values()) == ["a", "c"]
    assert list(cut.texts) == list(reference.texts)
    assert cut.problems[0].reason == "1 words of recordings or channels without reference left out: rec B"
    assert cut_hypothesis(hypothesis, reference) is reference


def test_ids_that_differ_in_case_alone_are_joined():
    joined, notes = match_ids({"4T0C": "a", "4t1c": "b"}, {"4t0c": "x", "4t1c": "y", "other": "z"})
    assert joined == {"4T0C": "x", "4t1c": "y", "other": "z"}
    assert notes == ("1 utterance ids joined without regard to case, as sclite does",)


@pytest.mark.parametrize(
    ("references", "hypotheses"),
    [({"u": "a", "U": "b"}, {"x": "c", "u": "d"}), ({"u": "a"}, {"U": "b", "u": "c"}), ({"u": "a"}, {"u": "b"})],
)
def test_ids_are_left_alone_where_folding_would_merge_two(references, hypotheses):
    assert match_ids(references, hypotheses) == (hypotheses, ())


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 400), st.characters(exclude_categories=["Cs"]), st.booleans())
def test_a_changed_character_or_a_cut_is_never_a_crash(name, place, character, cut):
    text = EXAMPLES[name]
    place %= len(text)
    changed = text[:place] if cut else text[:place] + character + text[place + 1 :]
    try:
        parse_transcripts(changed, format=name)
        parse_transcripts(changed)
    except SpeechTrackerError as error:
        assert str(error)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200), st.sampled_from(["auto", *FORMATS]))
def test_arbitrary_bytes_are_never_a_crash(tmp_path_factory, data, chosen):
    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(data)
    try:
        read_transcripts(path, format=chosen)
    except SpeechTrackerError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("kaldi", "u1 \u00a0a b\u3000\n"),
        ("trn", "\u00a0a b\u3000 (u1)\n"),
        ("stm", "u1 1 s 0.0 1.0 \u00a0a b\u3000\n"),
        ("ctm", "u1 1 0.1 0.2 \u00a0a\nu1 1 0.3 0.2 b\u3000 0.9\n"),
        ("jsonl", '{"id": "u1", "text": " \u00a0a b\u3000 "}\n'),
        ("csv", "id,text\nu1,\u00a0a b\u3000\n"),
        ("seglst", '[{"session_id": "u1", "speaker": "s", "words": "\u00a0a b\u3000"}]\n'),
        ("per_utt", "u1 ref \u00a0a b\u3000\nu1 hyp a b\n"),
        ("speechbrain", "u1, %WER 0.00 [ 0 / 2, 0 ins, 0 del, 0 sub ]\n\u00a0a ; b\u3000\n= ; =\n\u00a0a ; b\u3000\n"),
    ],
)
def test_white_space_that_parts_no_words_stays_at_the_ends_of_a_text(format: str, text: str) -> None:
    found = parse_transcripts(text, format=format)
    assert (list(found.texts.values()), found.problems) == (["\u00a0a b\u3000"], ())
