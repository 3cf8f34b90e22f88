from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import FormatError
from speech_tracker.formats.delimited import format_delimited, header_of, parse_delimited
from speech_tracker.formats.json_rows import format_json_lines, parse_json_document, parse_json_lines
from speech_tracker.formats.seglst import SeglstSegment, format_seglst, parse_seglst
from speech_tracker.formats.utterance import Utterance

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30).map(str.strip)
IDS = TEXTS.filter(bool)


@st.composite
def utterances(draw):
    speaker = draw(st.none() | IDS)
    return Utterance(draw(IDS), draw(TEXTS), 0, speaker, draw(st.none() | st.floats(0, 1e6)))


@settings(deadline=None, max_examples=150)
@given(st.lists(utterances(), min_size=1, max_size=5))
def test_json_lines_are_read_back(written):
    parsed = parse_json_lines(format_json_lines(written))
    assert (list(parsed.records), parsed.problems) == (written, ())


@settings(deadline=None, max_examples=150)
@given(st.lists(utterances(), min_size=1, max_size=5), st.sampled_from([",", ";", "\t", "|"]))
def test_tables_are_read_back(written, delimiter):
    parsed = parse_delimited(format_delimited(written, delimiter=delimiter))
    assert (list(parsed.records), parsed.problems) == (written, ())


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.builds(
            SeglstSegment, IDS, st.none() | IDS, st.none() | st.floats(0, 1e5), st.none() | st.floats(0, 1e5), TEXTS
        ),
        max_size=5,
    )
)
def test_seglst_is_read_back(written):
    assert list(parse_seglst(format_seglst(written)).records) == written


NEMO = [
    {
        "audio_filepath": "/data/a/1.wav",
        "duration": 2.5,
        "text": "hello there",
        "pred_text": "hello here",
        "lang": "en",
    },
    {"audio_filepath": "/data/a/2.wav", "duration": 1, "text": "你好", "pred_text": "", "lang": "zh"},
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_nemo_manifest_holds_both_sides_and_the_file_name_is_the_id():
    left, right = (parse_json_lines(lines(NEMO), side=side).records for side in ("reference", "hypothesis"))
    assert [(each.utterance_id, each.text, each.duration_s) for each in left] == [
        ("1", "hello there", 2.5),
        ("2", "你好", 1.0),
    ]
    assert [each.text for each in right] == ["hello here", ""]
    assert left[0].attributes == {"pred_text": "hello here", "lang": "en"}


def test_files_of_one_name_in_several_folders_keep_their_path_as_id():
    rows = [{"audio_filepath": f"/timit/{speaker}/SA1.wav", "text": "x"} for speaker in ("FADG0", "MDAB0")]
    assert [each.utterance_id for each in parse_json_lines(lines(rows)).records] == [
        "/timit/FADG0/SA1.wav",
        "/timit/MDAB0/SA1.wav",
    ]


def test_several_utterances_of_one_file_are_told_apart_by_their_offset():
    rows = [{"audio_filepath": "long.wav", "offset": offset, "text": "x"} for offset in (0, 3.5)]
    assert [each.utterance_id for each in parse_json_lines(lines(rows)).records] == ["long-0", "long-3.5"]


def test_one_models_hypothesis_is_found_and_several_must_be_named():
    one = [{"id": "u", "text": "a", "pred_text_conformer": "b"}]
    assert parse_json_lines(lines(one), side="hypothesis").records[0].text == "b"
    two = [one[0] | {"pred_text_rnnt": "c"}]
    with pytest.raises(
        FormatError, match=r"several models' hypotheses: got \['pred_text_conformer', 'pred_text_rnnt'\]"
    ):
        parse_json_lines(lines(two), side="hypothesis")
    assert parse_json_lines(lines(two), side="hypothesis", text_column="pred_text_rnnt").records[0].text == "c"


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(
        FormatError, match=r"no reference column of that name: got 'txt', expected one of \['id', 'text'\]"
    ):
        parse_json_lines(lines([{"id": "u", "text": "a"}]), text_column="txt")
    with pytest.raises(FormatError, match="no column holds the reference"):
        parse_json_lines(lines([{"id": "u", "loss": 1}]))
    with pytest.raises(FormatError, match="no column holds an utterance id"):
        parse_json_lines(lines([{"text": "u"}]))


def test_damaged_lines_are_located_and_a_torn_last_line_says_so():
    text = (
        lines([{"id": "u1", "text": "a"}]) + 'nonsense\n[1]\n{"id": "u2"}\n{"id": null, "text": "x"}\n{"id": "u3", "te'
    )
    parsed = parse_json_lines(text)
    assert [each.utterance_id for each in parsed.records] == ["u1"]
    reasons = {each.line_number: each.reason for each in parsed.problems}
    assert reasons[2].startswith("no JSON")
    assert reasons[3] == "a JSON object was expected"
    assert reasons[4] == "no text in 'text'"
    assert reasons[5] == "no 'id', which should hold the utterance id"
    assert reasons[6] == "cut short (is the file still being written?)"


def test_words_in_a_list_digit_strings_and_nan_durations_are_read():
    text = '{"id": 7, "text": ["one", "two"], "duration": NaN}\n{"id": 8, "text": 42}\n'
    assert [(each.utterance_id, each.text, each.duration_s) for each in parse_json_lines(text).records] == [
        ("7", "one two", None),
        ("8", "42", None),
    ]


def test_json_documents_are_arrays_or_maps_of_id_and_text():
    assert parse_json_document('{"u1": "a b", "u2": ""}').records == (Utterance("u1", "a b"), Utterance("u2", ""))
    assert parse_json_document('[{"id": "u1", "ref": "a"}, 3]').problems[0].line_number == 2
    with pytest.raises(FormatError, match="most of its values are no text"):
        parse_json_document('{"wer": 0.1, "cer": 0.2, "name": "x"}')
    with pytest.raises(FormatError, match="is the file cut short"):
        parse_json_document('[{"id": "u1"')


def test_a_json_bomb_is_no_crash():
    parsed = parse_json_lines('{"id": "u1", "text": "a"}\n' + "[" * 200_000 + "\n")
    assert len(parsed.records) == len(parsed.problems) == 1


SPEECHBRAIN = (
    'ID,duration,wav,spk_id,wrd\nu1,2.5,/a/u1.wav,spk1,"HE SAID ""NO"", TWICE"\nu2,1.0,/a/u2.wav,spk1,\nu3,1.0,short\n'
)


def test_a_speechbrain_csv_is_read_and_a_short_row_located():
    parsed = parse_delimited(SPEECHBRAIN)
    assert [(each.utterance_id, each.text, each.speaker_id, each.duration_s) for each in parsed.records] == [
        ("u1", 'HE SAID "NO", TWICE', "spk1", 2.5),
        ("u2", "", "spk1", 1.0),
    ]
    assert [(each.line_number, each.reason) for each in parsed.problems] == [(4, "3 fields, the header has 5")]


def test_tab_separated_files_keep_stray_quotes_as_common_voice_writes_them():
    parsed = parse_delimited(
        'client_id\tpath\tsentence\tlocale\nabc\tcv_1.mp3\t"Hello," he said.\ten\nabc\tcv_2.mp3\t"a ""b"" c"\ten\n'
    )
    assert [(each.utterance_id, each.text, each.speaker_id) for each in parsed.records] == [
        ("cv_1", '"Hello," he said.', "abc"),
        ("cv_2", 'a "b" c', "abc"),
    ]


def test_a_field_over_several_lines_keeps_the_line_numbers_right():
    parsed = parse_delimited('id,text\nu1,"a\nb"\nu2\nu3,c\n')
    assert [(each.utterance_id, each.line_number) for each in parsed.records] == [("u1", 2), ("u3", 5)]
    assert parsed.problems[0].line_number == 4


def test_a_field_that_the_csv_reader_refuses_is_a_problem_and_the_rest_is_kept():
    parsed = parse_delimited(f"id,text\nu1,a\nu2,{'x' * 200_000}\nu3,c\n")
    assert [each.utterance_id for each in parsed.records] == ["u1", "u3"]
    assert "cannot be read as CSV" in parsed.problems[0].reason


@pytest.mark.parametrize("line", ["epoch,loss,wer", "hello, this is text", "", "text"])
def test_a_line_without_id_and_text_columns_is_no_header(line):
    assert header_of(line) is None


def test_a_quoted_field_that_swallows_lines_is_noted():
    parsed = parse_delimited('id,text\nu1,"hello\nu2,"b\nu3,c\n', delimiter=",")
    assert parsed.notes == ("a quoted field that goes over several lines (is a quote missing?): 1, first at line 2",)
    assert parse_delimited('id,text\nu1,"a, b"\n\nu2,c\n', delimiter=",").notes == (
        "empty lines skipped: 1, first at line 3",
    )
