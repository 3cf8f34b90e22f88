from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.evaluation.score import score
from speech_tracker.formats.ctm import CtmWord, ctm_text, cut_at_segments, format_ctm, parse_ctm
from speech_tracker.formats.stm import StmLabel, StmSegment, format_stm, parse_stm

SCLITE = Path("/usr/lib/sctk/bin/sclite")
FIELDS = st.text("abcXYZ019_-.é你", min_size=1, max_size=8)
TIMES = st.floats(0, 1e5, allow_nan=False).map(lambda value: round(value, 3))


@st.composite
def segments(draw):
    begin, length = draw(TIMES), draw(TIMES)
    words = draw(st.lists(FIELDS, max_size=5).map(" ".join))
    labels = tuple(draw(st.lists(st.sampled_from(["O", "F", "M", "F0"]), max_size=3)))
    return StmSegment(draw(FIELDS), draw(FIELDS), draw(FIELDS), begin, begin + length, words, labels)


@settings(deadline=None, max_examples=150)
@given(st.lists(segments(), max_size=5))
def test_stm_is_read_back(written):
    assert list(parse_stm(format_stm(written)).segments) == written


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(FIELDS, FIELDS, TIMES, TIMES, FIELDS, st.none() | st.floats(-50, 1)), max_size=6))
def test_ctm_is_read_back(rows):
    written = [CtmWord(*row) for row in rows]
    parsed = parse_ctm(format_ctm(written))
    assert (list(parsed.records), parsed.problems) == (written, ())


STM = """\
;; CATEGORY "0" "" ""
;; CATEGORY "1" "Noise" "Noise condition"
;; LABEL "O" "Overall" "Overall"
;; LABEL "CLEAN" "Clean" "No noise"
2345 A 2345-a 0.10 2.03 <O,CLEAN> uh huh { yes / yeah } i thought
2345 A 2345-a 2.03 3.00 <hes> is a word here
2345 A 2345-b 3.00 4.00 IGNORE_TIME_SEGMENT_IN_SCORING
2345 A 2345-b 4.00 5.00
2345 A 2345-b 6.00 five
2345 A 2345-b 9.00 8.00 backwards
too short
"""


def test_stm_labels_become_attributes_and_bad_lines_problems():
    stm = parse_stm(STM)
    first, second, ignored, empty = stm.segments
    assert (first.text, first.labels) == ("uh huh { yes / yeah } i thought", ("O", "CLEAN"))
    assert stm.attributes(first) == {"label_1": "O", "Noise": "CLEAN"}
    assert second.labels == ("hes",)  # sclite also takes a first <word> for labels
    assert ignored.is_ignored
    assert not empty.is_ignored
    assert empty.text == ""
    assert stm.labels[1] == StmLabel("CATEGORY", "1", "Noise", "Noise condition")
    assert [(each.line_number, each.reason) for each in stm.problems] == [
        (9, "fields 4 and 5 are no times in seconds"),
        (10, "the segment ends before it begins"),
        (11, "fewer than 5 fields, expected file channel speaker begin end [<labels>] words"),
    ]


def test_utterance_ids_of_segments_sort_by_time():
    ids = [StmSegment("rec", "1", "spk", begin, begin + 1, "").utterance_id for begin in (9.5, 10.25, 123.0)]
    assert ids == sorted(ids)
    assert ids[0] == "spk-rec-1-00009500-00010500"


CTM = """\
;; comment
f A 0.00 0.50 one 0.9
f A * * <ALT_BEGIN>
f A 0.50 0.50 um
f A * * <ALT>
f A 0.50 0.60 uh
f A * * <ALT>
f A * * <ALT_END>
f A 2.00 -0.01 odd NA lex
f A x y bad
f A 3
"""


def test_ctm_alternates_become_braces_and_an_empty_one_a_null_word():
    parsed = parse_ctm(CTM)
    assert ctm_text(parsed.records) == "one { um / uh / @ } odd"
    assert [each.line_number for each in parsed.problems] == [10, 11]
    assert parsed.notes == (
        "a negative duration, kept as sclite does: 1, first at line 9",
        "fields after the confidence, left out: 1, first at line 9",
    )


def test_words_go_to_the_segment_of_their_middle_and_words_in_a_gap_to_the_next():
    cuts = [StmSegment("f", "A", "s", 0.0, 1.0, "a"), StmSegment("f", "A", "s", 2.0, 3.0, "b")]
    words = [
        CtmWord("F", "a", time, 0.2, name) for time, name in ((0.5, "in"), (0.95, "edge"), (1.5, "gap"), (9.0, "late"))
    ]
    stranger = CtmWord("g", "A", 0.0, 0.1, "other")
    texts, left = cut_at_segments([*words, stranger], cuts)
    assert list(texts.values()) == ["in", "edge gap late"]
    assert left == [stranger]


@pytest.mark.parametrize(
    ("end", "segment"), [(0.1, 0), (0.2, 0), (0.3, 0), (0.4, 0), (0.5, 1), (0.6, 0), (0.7, 1), (0.8, 0), (0.9, 1), (1.1, 0), (1.3, 1)]
)  # fmt: skip
def test_a_word_whose_middle_is_the_end_of_a_segment_goes_where_sclite_puts_it(end, segment):
    cuts = [StmSegment("f", "A", "s", 0.0, end, "a"), StmSegment("f", "A", "s", end + 0.05, end + 0.5, "b")]
    texts, _ = cut_at_segments([CtmWord("f", "A", end, 0.0, "word")], cuts)
    assert list(texts.values()) == (["word", ""] if segment == 0 else ["", "word"])


@st.composite
def conversations(draw):
    """A reference cut into segments, some out of scoring, and recognised words at any time, in order."""
    edges = sorted(draw(st.lists(st.integers(0, 400), min_size=4, max_size=10, unique=True)))
    cuts = []
    for begin, end in zip(edges[::2], edges[1::2], strict=False):
        text = draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(" ".join))
        if draw(st.integers(0, 4)) == 0:
            text = "IGNORE_TIME_SEGMENT_IN_SCORING"
        cuts.append(StmSegment("f", "A", f"s{len(cuts) % 2}", begin / 10, end / 10, text))
    times = sorted(draw(st.lists(st.integers(0, 420), min_size=1, max_size=12)))
    words = [
        CtmWord("f", "A", t / 10, draw(st.integers(0, 9)) / 10, draw(st.sampled_from(["a", "b", "c"]))) for t in times
    ]
    return cuts, words


@pytest.mark.skipif(not SCLITE.exists(), reason="NIST's sctk is not installed")
@settings(deadline=None, max_examples=60)
@given(conversations())
def test_a_ctm_cut_at_the_segments_has_the_counts_of_sclite(tmp_path_factory, conversation):
    cuts, words = conversation
    if all(cut.is_ignored for cut in cuts):
        return  # sclite prints no table for nothing
    folder = tmp_path_factory.mktemp("sclite")
    (folder / "ref.stm").write_text(format_stm(cuts))
    (folder / "hyp.ctm").write_text(format_ctm(words))
    command = [SCLITE, "-r", "ref.stm", "stm", "-h", "hyp.ctm", "ctm", "-o", "rsum", "stdout"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    row = re.search(r"\| *Sum *\| *(\d+) +(\d+) *\| *(\d+) +(\d+) +(\d+) +(\d+)", said)
    texts, left = cut_at_segments(words, cuts)
    references = {cut.utterance_id: cut.text for cut in cuts if not cut.is_ignored}
    counts = score(references, texts, alignment="sclite").counts
    ours = (
        counts.utterances,
        counts.reference_length,
        counts.hits,
        counts.substitutions,
        counts.deletions,
        counts.insertions,
    )
    assert left == []
    assert ours == tuple(int(value) for value in row.groups())
