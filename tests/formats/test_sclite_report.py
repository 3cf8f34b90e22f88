from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from speech_tracker.formats.sclite_report import ScliteCounts, parse_sclite_report

SCLITE = Path("/usr/lib/sctk/bin/sclite")

# what sclite 2.10 prints, with its asterisk for a speaker without reference words
REPORT = """\
       | SPKR   | # Snt # Wrd | Corr    Sub    Del    Ins    Err  S.Err |
       | p01    |    1      2 |100.0    0.0    0.0    0.0    0.0    0.0 |
       | p02    |    1      0 |    0*     0*     0*     1*     1* 100.0 |
       | Sum/Avg|    2      2 |100.0    0.0    0.0   50.0   50.0   50.0 |
       |  Mean  |  1.0    1.0 |100.0+   0.0+   0.0+   0.0+   0.0+  50.0 |
       | SPKR  | # Snt # Wrd | Corr    Sub    Del    Ins    Err  S.Err |
       | p01   |    1      2 |    2      0      0      0      0      0 |
       | p02   |    1      0 |    0      0      0      1      1      1 |
       | Sum   |    2      2 |    2      0      0      1      1      1 |
       | Mean  |  1.0    1.0 |  1.0    0.0    0.0    0.5    0.5    0.5 |
id: (p01-u1)
Scores: (#C #S #D #I) 2 0 0 0
REF:  a b
HYP:  a b
Eval:

id: (p02-u1)
Scores: (#C #S #D #I) 0 0 0 1
REF:  ***
HYP:  WHO
Eval: I

id: (p02-u2)
REF:  torn
"""


def test_counts_come_from_the_second_table_and_texts_from_the_alignments():
    report = parse_sclite_report(REPORT)
    assert report.speakers == (
        ScliteCounts("p01", 1, 2, 2, 0, 0, 0, 0, 0),
        ScliteCounts("p02", 1, 0, 0, 0, 0, 1, 1, 1),
    )
    assert report.total == ScliteCounts("Sum", 2, 2, 2, 0, 0, 1, 1, 1)
    assert [(each.pair.utterance_id, each.pair.reference, each.pair.hypothesis) for each in report.utterances] == [
        ("p01-u1", "a b", "a b"),
        ("p02-u1", "", "who"),
    ]
    assert [each.reason for each in report.problems] == ["no Scores line after the id"]


@pytest.mark.skipif(not SCLITE.exists(), reason="NIST's sctk is not installed")
def test_a_report_of_the_real_sclite_is_read(tmp_path):
    (tmp_path / "ref.trn").write_text("a b c d e f g h i j (s1-1)\nx y (s2-1)\n")
    (tmp_path / "hyp.trn").write_text("a q c d f g h i j k (s1-1)\nx y (s2-1)\n")
    # -l 20 folds the alignments into several rows that begin with >>
    command = [SCLITE, "-i", "rm", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-l", "20", "-o", "all", "stdout"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    report = parse_sclite_report(said)
    assert report.total == ScliteCounts("Sum", 2, 12, 10, 1, 1, 1, 3, 1)
    assert report.utterances[0].pair.reference == "a b c d e f g h i j"
    assert report.utterances[0].pair.hypothesis == "a q c d f g h i j k"
