from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.uem import UemRegion, format_uem, parse_uem, regions_of

names = st.text(st.characters(categories=("L", "N"), include_characters="-_."), min_size=1, max_size=8)
times = st.integers(0, 10**7).map(lambda ms: ms / 1000)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.builds(lambda name, begin, length: UemRegion(name, "1", begin, begin + length + 0.5), names, times, times)
    )
)
def test_what_is_written_is_read_again(regions):
    assert list(parse_uem(format_uem(regions)).records) == regions


def test_comments_are_skipped_and_damaged_lines_located():
    parsed = parse_uem(";; comment\nrec 1 0 20.5\nrec 1 20\nrec 1 9 3\r\nrec 1 a b\nrec 2 0.0 20.5\nrec 1 30 40\n")
    assert [problem.line_number for problem in parsed.problems] == [3, 4, 5]
    assert regions_of(parsed.records) == {"rec": [(0.0, 20.5), (30.0, 40.0)]}
