from __future__ import annotations

import pytest

from speech_tracker.errors import FormatError
from speech_tracker.formats.recognise import recognise

EXAMPLES = {
    "kaldi": "u1 a b c\nu2 d\nu3\n",
    "trn": "a b (u-1)\nc d (u-2)\n",
    "stm": ";; c\nrec A spk 0.0 1.5 a b\nrec A spk 1.5 2.0 <O,F> c\n",
    "ctm": "rec A 0.0 0.5 a\nrec A * * <ALT_BEGIN>\nrec A 0.5 0.5 b 0.9\n",
    "rttm": "SPEAKER rec 1 0 1 <NA> <NA> Alice <NA> <NA>\n",
    "jsonl": '{"id": "u1", "text": "a"}\n{"id": "u2", "text": "b"}\n',
    "json": '[\n  {"id": "u1", "text": "a"}\n]\n',
    "seglst": '[{"session_id": "s", "words": "a", "speaker": "x"}]',
    "csv": "id,text\nu1,a b\n",
    "tsv": "id\taudio\tn_frames\ttgt_text\tspeaker\nu1\ta.wav\t10\ta b\ts1\n",
    "speechbrain": "%WER 0.00 [ 0 / 1, 0 ins, 0 del, 0 sub ]\n%SER 0.00 [ 0 / 1 ]\nScored 1 sentences, 0 not present in hyp.\n"
    + "=" * 80
    + "\nALIGNMENTS\n",
    "icefall": "c1:\tref=['A']\nc1:\thyp=['A']\n",
    "fairseq": "HELLO (None-0)\nTHERE (None-1)\n",
    "fairseq-generate": "S-0\ta\nT-0\ta\nH-0\t-0.1\ta\nP-0\t-0.1\n",
    "wenet": "\nutt: u1\nWER: 0.00 % N=1 C=1 S=0 D=0 I=0\nlab: a\nrec: a\n",
    "per_utt": "u1 ref a\nu1 hyp a\nu1 op C\nu1 #csid 1 0 0 0\n",
    "sclite": "id: (s-1)\nScores: (#C #S #D #I) 1 0 0 0\nREF:  a\nHYP:  a\n",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_format_is_told_from_its_content(name):
    found, why = recognise(EXAMPLES[name])
    assert found == name
    assert why


@pytest.mark.parametrize(
    "text",
    [
        "u1 3 1 4 1 5\nu2 2 7 1 8 2\n",  # digit strings, which could be times
        "rec1 A 0 5 nine\nrec2 A 1 2 seven\n",
        "u1 hello, there, you\nu2 a\n",
        "u1 [noise] hello (laughs) there\nu2 b\n",
        "u1 {a} b\nu2 c\n",
        "u1\tref a\nu2\thyp b\n",
        "ref 1\nhyp 2\n",
    ],
)
def test_kaldi_text_is_not_taken_for_something_else(text):
    assert recognise(text)[0] == "kaldi"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("the cat sat\nthe dog ran\nthe end\na b\n", "begin several lines"),
        ("epoch,loss,wer\n1,2,3\n", "line 1 looks like column names"),
        ("unixtime: 17\nWER: 50.0\n", "most lines begin with a label"),
        ("===\n---\n", "most lines begin with a label"),
        ("\n\n", "no text in it"),
        (";; only\n;; comments\n", "only comments"),
    ],
)
def test_what_holds_no_transcripts_is_refused_with_the_reason(text, why):
    with pytest.raises(FormatError, match=why):
        recognise(text)
