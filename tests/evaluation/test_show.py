from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from speech_tracker.evaluation.bootstrap import bootstrap_interval
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.show import interval_line, kaldi_lines, speaker_text
from speech_tracker.evaluation.show_alignment import alignment_text, visible
from speech_tracker.evaluation.worst import confusions, worst_utterances
from speech_tracker.testing.transcripts import make_test_set


def test_the_lines_are_those_of_compute_wer():
    references = {"u1": "the cat sat", "u2": "a b", "u3": "c"}
    evaluation = score(references, {"u1": "the hat sat down", "u2": "a b"}, missing="deletions")
    assert kaldi_lines(evaluation) == (
        "%WER 50.00 [ 3 / 6, 1 ins, 1 del, 1 sub ] [PARTIAL]\n"
        "%SER 66.67 [ 2 / 3 ]\n"
        "Scored 3 sentences, 1 not present in hyp."
    )


def test_an_empty_reference_prints_no_rate():
    assert kaldi_lines(score({"u": ""}, {"u": "a"})).startswith("%WER nan [ 1 / 0, 1 ins, 0 del, 0 sub ]\n%SER 100.00")


def test_the_interval_says_what_was_resampled():
    test_set = make_test_set(utterances=60, speakers=10)
    evaluation = score(test_set.references, test_set.systems[0], attributes={"speaker_id": test_set.speakers})
    line = interval_line(bootstrap_interval(evaluation))
    assert line.startswith("95% interval ")
    assert "(percentile, resampling 10 speakers)" in line
    assert "note: only 10 values of speaker_id" in line


def test_an_alignment_stands_in_columns_with_gaps_as_wide_as_the_word():
    text = alignment_text("CSDI", [("the", "the"), ("cat", "hippo"), ("sat", None), (None, "down")], indent="")
    assert text.plain == (
        "REF:  the cat   sat ****\n"
        "HYP:  the hippo *** down\n"
        "Eval:     S     D   I\n"
    )  # fmt: skip


@pytest.mark.parametrize(("left", "right"), [("你好", "ab"), ("हिन्दी", "हिन्द"), ("e\u0301", "e"), ("한국어", None)])
def test_wide_and_combining_characters_are_measured_as_a_terminal_shows_them(left, right):
    operations = "S" if right else "D"
    lines = alignment_text(f"{operations}C", [(left, right), ("x", "x")]).plain.splitlines()
    places = [cell_len(line[: line.rindex("x")]) for line in lines[:2]]
    assert places[0] == places[1]


def test_long_alignments_fold_and_every_line_keeps_the_width():
    pairs = [(f"word{i}", f"word{i}") for i in range(100)]
    text = alignment_text("C" * 100, pairs, width=60)
    assert all(cell_len(line) <= 60 for line in text.plain.splitlines())
    assert text.plain.count("REF:") > 10
    wide = alignment_text("C", [("x" * 200, "x" * 200)], width=60)
    assert wide.plain.count("x" * 200) == 2


def test_no_transcript_drives_the_terminal():
    assert visible("a\x1b[31mb\x07") == r"a\x1b[31mb\x07"
    text = alignment_text("S", [("\x1b]0;title\x07", "\r\u202eabc")])
    assert "\x1b" not in text.plain
    assert "\u202e" not in text.plain


def test_colour_is_for_terminals_only():
    text = alignment_text("S", [("a", "b")])
    for terminal, coloured in ((True, True), (False, False)):
        out = io.StringIO()
        Console(file=out, force_terminal=terminal, color_system="standard" if terminal else None).print(text)
        assert ("\x1b[" in out.getvalue()) is coloured


def test_speakers_are_ranked_by_rate_with_mean_and_median_of_speakers():
    references = {f"u{i}": "a b c d" for i in range(3)} | {"u9": ""}
    hypotheses = {"u0": "a b c d", "u1": "a b c x", "u2": "x x x x", "u9": "q"}
    attributes = {"speaker_id": {"u0": "s0", "u1": "s1", "u2": "s2", "u9": "s9"}}
    text = speaker_text(score(references, hypotheses, attributes=attributes)).plain
    assert text.startswith("Speakers: 3, mean 41.67, median 25.00, best 0.00 (s0), worst 100.00 (s2)\n")
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["s2", "s1", "s0"]


def test_the_worst_utterances_are_those_with_most_errors():
    references = {"short": "a", "long": "a b c d", "same": "x y", "good": "g"}
    hypotheses = {"short": "b", "long": "q q q d", "same": "z z z", "good": "g"}
    worst = worst_utterances(score(references, hypotheses, attributes={"lang": {"long": "en"}}))
    assert [each.utterance_id for each in worst] == ["same", "long", "short"]
    assert worst[1].attributes == {"lang": "en"}
    assert worst[1].operations == "SSSC"
    assert worst_utterances(score(references, hypotheses), 1)[0].counts.errors == 3


def test_confusions_are_counted_and_ties_stand_in_order_of_the_alphabet():
    references = {"1": "a b c", "2": "a b", "3": "b d"}
    hypotheses = {"1": "x b", "2": "x b q", "3": "y d q"}
    found = confusions(score(references, hypotheses))
    assert found.substitutions == (("a", "x", 2), ("b", "y", 1))
    assert found.deletions == (("c", 1),)
    assert found.insertions == (("q", 2),)
    assert confusions(score(references, hypotheses), 1).substitutions == (("a", "x", 2),)
