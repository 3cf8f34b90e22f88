from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.rttm import RttmTurn, format_rttm, parse_rttm

FIELDS = st.text("abcXYZ019_-.é你", min_size=1, max_size=8)
TIMES = st.floats(0, 1e6, allow_nan=False)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.builds(RttmTurn, FIELDS, FIELDS, TIMES, TIMES, FIELDS), max_size=6))
def test_what_is_written_is_read_back(written):
    parsed = parse_rttm(format_rttm(written))
    assert (list(parsed.records), parsed.problems) == (written, ())


def test_nine_and_ten_fields_are_read_and_other_types_counted():
    parsed = parse_rttm(
        "SPKR-INFO rec 1 <NA> <NA> <NA> unknown Alice <NA>\n"
        "SPEAKER rec 1 0.5 1.25 <NA> <NA> Alice <NA>\n"
        "SPEAKER rec 1 2 1e-1 <NA> <NA> Bob <NA> <NA>\n"
        "SPEAKER rec 1 2 -1 <NA> <NA> Bob <NA> <NA>\n"
        "SPEAKER rec 1 2\n"
        "speaker rec 1 2 1 <NA> <NA> Bob <NA> <NA>\n"
    )
    assert parsed.records == (RttmTurn("rec", "1", 0.5, 1.25, "Alice"), RttmTurn("rec", "1", 2.0, 0.1, "Bob"))
    assert [(each.line_number, each.reason) for each in parsed.problems] == [
        (4, "fields 4 and 5 are no onset and duration in seconds"),
        (5, "4 fields, expected 9 or 10"),
        (6, "expected SPEAKER or another RTTM type in field 1"),
    ]
    assert parsed.notes == ("SPKR-INFO lines left out: 1, first at line 1",)
