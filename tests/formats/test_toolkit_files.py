from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.fairseq import parse_fairseq_generate, parse_fairseq_words
from speech_tracker.formats.icefall_recogs import format_icefall_recogs, parse_icefall_recogs
from speech_tracker.formats.speechbrain_wer import RULE, format_alignment, parse_speechbrain_wer
from speech_tracker.formats.utterance import UtterancePair
from speech_tracker.formats.wenet_wer import parse_wenet_wer

WORDS = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=8), max_size=6).map(
    " ".join
)
IDS = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12)

SPEECHBRAIN = f"""\
%WER 60.00 [ 3 / 5, 1 ins, 1 del, 1 sub ]
%SER 100.00 [ 2 / 2 ]
Scored 2 sentences, 0 not present in hyp.
{RULE}
ALIGNMENTS

Format:
<utterance-id>, WER DETAILS
<eps> ; reference  ; on ; the ; first ;  line
  I   ;     S      ; =  ;  =  ;   S   ;   D
 and  ; hypothesis ; on ; the ; third ; <eps>
{RULE}
odd, id-1, %WER 50.00 [ 2 / 4, 1 ins, 1 del, 0 sub ]
<eps> ; b ; a ; d ;   a
  I   ; = ; = ; = ;   D
  c   ; b ; a ; d ; <eps>
{RULE}
u2, %WER 100.00 [ 1 / 1, 0 ins, 0 del, 1 sub ]
x
S
y
"""


def test_speechbrain_pairs_and_summary_are_read_and_the_header_example_is_none():
    report = parse_speechbrain_wer(SPEECHBRAIN)
    assert report.pairs == (UtterancePair("odd, id-1", "b a d a", "c b a d"), UtterancePair("u2", "x", "y"))
    assert report.problems == ()
    assert (report.summary.errors, report.summary.reference_length, report.summary.scored, report.summary.absent) == (
        3,
        5,
        2,
        0,
    )


def test_a_speechbrain_alignment_that_contradicts_its_head_line_is_a_problem():
    report = parse_speechbrain_wer(SPEECHBRAIN.replace("[ 1 / 1, 0 ins", "[ 1 / 2, 0 ins"))
    assert [each.line_number for each in report.problems] == [18]
    assert len(report.pairs) == 1


def test_a_speechbrain_file_that_is_cut_short_keeps_what_is_whole():
    text = SPEECHBRAIN[: SPEECHBRAIN.rindex("S\ny")]
    report = parse_speechbrain_wer(text)
    assert [each.utterance_id for each in report.pairs] == ["odd, id-1"]
    assert report.problems[0].reason == "the alignment is cut short: 3 lines were expected"


SAFE_WORD = st.text("abcxyzéü你", min_size=1, max_size=6)


@settings(deadline=None, max_examples=100)
@given(IDS, st.lists(st.tuples(st.none() | SAFE_WORD, st.none() | SAFE_WORD).filter(any), min_size=1, max_size=8))
def test_a_written_speechbrain_alignment_is_read_back(key, aligned):
    report = parse_speechbrain_wer(format_alignment(key, aligned))
    left, right = (" ".join(word for word in side if word) for side in zip(*aligned, strict=True))
    assert (report.pairs, report.problems) == ((UtterancePair(key, left, right),), ())


@settings(deadline=None, max_examples=150)
@given(st.lists(st.builds(UtterancePair, IDS.filter(lambda key: "=[" not in key), WORDS, WORDS), max_size=5))
def test_icefall_recogs_are_read_back(written):
    parsed = parse_icefall_recogs(format_icefall_recogs(written))
    assert (list(parsed.records), parsed.problems) == (written, ())


def test_icefall_lines_that_do_not_pair_are_located_and_time_stamps_left_out():
    parsed = parse_icefall_recogs(
        "c1:\tref=['HE', 'HOPED']\nc1:\thyp=[]\nc1:\ttimestamp_hyp=[0.1]\n"
        "c2:\tref=['A']\nc3:\tref=['B']\nc3:\thyp=['B'\nc4:\thyp=['X']\nref=['OLD']\n"
    )
    assert parsed.records == (UtterancePair("c1", "HE HOPED", ""),)
    assert {each.line_number: each.reason for each in parsed.problems} == {
        4: "a ref line without its hyp line",
        6: "what follows the = is no Python list of words",
        7: "a hyp line without its ref line before it",
        8: "no cut id (an old icefall wrote none)",
    }


def test_no_code_in_an_icefall_file_is_run():
    parsed = parse_icefall_recogs("c1:\tref=__import__('os').getcwd()\nc1:\thyp=[]\n")
    assert parsed.records == ()
    assert len(parsed.problems) == 2


def test_fairseq_word_files_know_the_speaker_unless_it_is_none():
    parsed = parse_fairseq_words("HELLO THERE (None-0)\nGO ON (1089-134686-7)\n")
    assert [(each.utterance_id, each.text, each.speaker_id) for each in parsed.records] == [
        ("None-0", "HELLO THERE", None),
        ("1089-134686-7", "GO ON", "1089-134686"),
    ]


GENERATED = """\
2024-01-01 | INFO | fairseq.tasks | loading
S-3\tquelle
T-3\tthe target
H-3\t-0.5\tthe tar@@ get
D-3\t-0.5\tthe target
H-3\t-0.9\tsecond best
D-3\t-0.9\tsecond best
P-3\t-0.1 -0.2
T-7\tonly tokens
H-7\t-1.0\tonly tokens here
T-9\tlost
H-8\t-1.0\tnobody's
D-x\t-1.0\tbroken
Generate test with beam=5: WER: 12.50
"""


def test_the_best_detokenised_hypothesis_of_fairseq_generate_is_taken():
    parsed = parse_fairseq_generate(GENERATED)
    assert parsed.records == (
        UtterancePair("3", "the target", "the target"),
        UtterancePair("7", "only tokens", "only tokens here"),
    )
    assert sorted(each.reason for each in parsed.problems) == [
        "expected a row number and a tab",
        "no hypothesis line for this target",
        "no target line for this hypothesis",
    ]


def test_rows_of_several_subsets_are_utterances_of_their_own_and_those_read_again_are_not():
    first = "T-0\tone two\nH-0\t-1\tone\nD-0\t-1\tone\nD-0\t-2\ttwo\n"
    again = first.replace("-1\tone", "-1\tlater")
    second = "T-0\tthree\nH-0\t-1\tthree\nD-0\t-1\tthree\n"
    parsed = parse_fairseq_generate(first + second + again)
    assert parsed.records == (UtterancePair("0", "one two", "one"), UtterancePair("0.2", "three", "three"))
    assert parsed.problems == ()
    parsed = parse_fairseq_generate(first + again + "Generate dev,other with beam=2: WER: 75.00\n")
    assert parsed.records == (UtterancePair("0", "one two", "one"), UtterancePair("0.2", "one two", "later"))


WENET = """\
utt: BAC009S0764W0121
WER: 50.00 % N=2 C=1 S=1 D=0 I=1
lab: 甚 至
rec: 甚 只 出

utt: empty
WER: 0.00 % N=0 C=0 S=0 D=0 I=0
lab:
rec:

utt: wrong
WER: 0.00 % N=3 C=3 S=0 D=0 I=0
lab: 甚 至
rec: 甚 至

utt: torn
WER: 0.00 % N=1 C=1 S=0 D=0 I=0
===========================================================================
Overall -> 40.00 % N=5 C=4 S=1 D=0 I=1
Mandarin -> 40.00 % N=5 C=4 S=1 D=0 I=1
"""


def test_wenet_blocks_are_read_and_checked_against_their_counts():
    parsed = parse_wenet_wer(WENET)
    assert parsed.records == (UtterancePair("BAC009S0764W0121", "甚 至", "甚 只 出"), UtterancePair("empty", "", ""))
    assert [(each.text, each.reason) for each in parsed.problems] == [
        ("wrong", "lab does not have the N words of the WER line"),
        ("torn", "the block is cut short"),
    ]
