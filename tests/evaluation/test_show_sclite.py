"""Our report in sclite's form beside what the real sclite prints."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.evaluation.score import score
from speech_tracker.evaluation.show_sclite import sclite_report

SCLITE = Path("/usr/lib/sctk/bin/sclite")
TEXTS = st.lists(st.sampled_from(["a", "b", "cat", "hippopotamus", "x'y"]), max_size=8).map(" ".join)


def sclite(folder, references, hypotheses):
    for name, texts in (("ref.trn", references), ("hyp.trn", hypotheses)):
        (folder / name).write_text("".join(f"{text} ({key})\n" for key, text in texts.items()))
    command = [SCLITE, "-i", "rm", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-o", "sum", "rsum", "pra", "stdout"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not SCLITE.exists(), reason="NIST's sctk is not installed")
@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(["s1", "s2", "a_very_long_speaker_name", "s4"]), min_size=2, max_size=8).filter(
        lambda names: len(set(names)) > 1
    ),
    st.data(),
)
def test_the_report_is_that_of_sclite(tmp_path_factory, speakers, data):
    keys = {f"{speaker}-{place:03d}": speaker for place, speaker in enumerate(speakers)}
    references = {key: data.draw(TEXTS) for key in keys}
    hypotheses = {key: data.draw(TEXTS) for key in keys}
    if not any(references.values()):
        return  # sclite divides by zero
    said = sclite(tmp_path_factory.mktemp("sclite"), references, hypotheses)
    evaluation = score(references, hypotheses, alignment="sclite", attributes={"speaker_id": keys})
    ours = sclite_report(evaluation, title="hyp.trn")
    empty = {name for name in speakers if not any(text for key, text in references.items() if keys[key] == name)}
    if len(empty) > 1:  # sclite leaves the wrong speakers out of its statistics
        ours, said = (re.sub(r"(?m)^ *\| +(Mean|S\.D\.|Median) .*\n", "", report) for report in (ours, said))
    assert ours == said


def test_statistics_leave_out_just_the_speakers_without_reference_words():
    texts = {"a-1": "", "b-1": "", "c-1": "x y"}
    evaluation = score(
        texts,
        {**texts, "a-1": "z", "c-1": "x"},
        alignment="sclite",
        attributes={"speaker_id": {key: key[0] for key in texts}},
    )
    report = sclite_report(evaluation, title="h")
    for statistic in ("Mean", "Median"):
        (line,) = [each for each in report.splitlines() if statistic in each and "+" in each]
        assert line.split("|")[3].split()[:5] == ["50.0+", "0.0+", "50.0+", "0.0+", "50.0+"]


def test_without_speakers_there_is_one_and_letters_keep_their_case_where_it_counts():
    evaluation = score({"u": "The Cat"}, {"u": "The Hat x"}, alignment="kaldi")
    report = sclite_report(evaluation, title="h")
    assert "| all    |    1      2 | 50.0   50.0    0.0   50.0  100.0  100.0 |" in report
    assert "REF:  The Cat * \nHYP:  The Hat x \nEval:     S   I \n" in report


def test_characters_are_counted_as_such():
    report = sclite_report(score({"u": "ab"}, {"u": "ac"}, unit="char"))
    assert "# Snt # Chr" in report
