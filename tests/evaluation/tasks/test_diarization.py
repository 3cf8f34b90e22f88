from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import linear_sum_assignment

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.evaluation.tasks.assignment import assign
from speech_tracker.evaluation.tasks.diarization import diarization
from speech_tracker.formats.rttm import RttmTurn, format_rttm, parse_rttm

MD_EVAL = Path("/usr/lib/sctk/bin/md-eval.pl")


def turns(*rows, recording="rec"):
    return [RttmTurn(recording, "1", begin, end - begin, speaker) for speaker, begin, end in rows]


def random_turns(rng, recordings, speakers):
    found = []
    for recording in range(recordings):
        clock = dict.fromkeys(range(speakers), 0.0)
        for _ in range(25):
            speaker = int(rng.integers(speakers))
            begin = round(clock[speaker] + rng.exponential(2), 2)
            length = round(rng.exponential(2) + 0.01, 2)
            found.append(RttmTurn(f"rec{recording}", "1", begin, length, f"s{speaker}"))
            clock[speaker] = begin + length
    return found


@settings(max_examples=150, deadline=None)
@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 9)))
def test_the_assignment_is_as_good_as_scipys(gain):
    pairs = assign(gain)
    rows, columns = linear_sum_assignment(-gain)
    assert sum(gain[pair] for pair in pairs) == pytest.approx(gain[rows, columns].sum())
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


@pytest.mark.skipif(not MD_EVAL.exists(), reason="NIST's sctk is not installed")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("collar", "overlap"), [(0.0, True), (0.25, True), (0.25, False), (0.0, False)])
@pytest.mark.parametrize("with_regions", [False, True])
def test_the_speaker_times_equal_md_evals(tmp_path, seed, collar, overlap, with_regions):
    rng = np.random.default_rng(seed)
    reference = random_turns(rng, 3, 1 + seed % 4)
    hypothesis = random_turns(rng, 3, 1 + (seed + 2) % 5)
    (tmp_path / "ref.rttm").write_text(format_rttm(reference))
    (tmp_path / "hyp.rttm").write_text(format_rttm(hypothesis))
    command = ["perl", MD_EVAL, "-c", str(collar), "-r", "ref.rttm", "-s", "hyp.rttm", *([] if overlap else ["-1"])]
    regions = None
    if with_regions:
        regions = {f"rec{i}": [(1.5, 20.0), (25.0, 31.5)] for i in range(3)}
        rows = [f"{name} 1 {begin} {end}\n" for name, spans in regions.items() for begin, end in spans]
        (tmp_path / "parts.uem").write_text("".join(rows))
        command += ["-u", "parts.uem"]
    report = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    theirs = [
        float(re.search(rf"{name} =\s*([\d.]+) secs", report)[1])
        for name in ("SCORED SPEAKER TIME", "MISSED SPEAKER TIME", "FALARM SPEAKER TIME", "SPEAKER ERROR TIME")
    ]
    found = diarization(reference, hypothesis, collar=collar, overlap=overlap, regions=regions)
    ours = [found.time.scored, found.time.missed, found.time.false_alarm, found.time.confused]
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert float(re.search(r"ERROR = ([\d.]+) percent", report)[1]) == pytest.approx(100 * found.der, abs=0.0051)


def test_each_kind_of_error_has_its_seconds():
    reference = turns(("anna", 0, 10), ("bert", 10, 20))
    hypothesis = turns(("x", 0, 8), ("y", 10, 18), ("x", 18, 20), ("z", 19, 20))
    found = diarization(reference, hypothesis)
    assert (found.time.scored, found.time.missed, found.time.confused, found.time.false_alarm) == (20, 2, 2, 1)
    assert found.der == 0.25
    assert found.recordings[0].speakers == {"anna": "x", "bert": "y"}
    assert found.recordings[0].hypothesis_speakers == 3
    assert found.metrics()["speaker_count_error"] == 1


def test_the_jaccard_error_is_one_minus_intersection_over_union_of_each_speaker():
    reference = turns(("anna", 0, 10), ("bert", 10, 14), ("carl", 20, 21))
    hypothesis = turns(("x", 0, 8), ("y", 9, 14))
    found = diarization(reference, hypothesis)
    assert found.recordings[0].jaccard == pytest.approx({"anna": 0.2, "bert": 0.2, "carl": 1.0})
    assert found.jer == pytest.approx(1.4 / 3)
    assert diarization(reference, hypothesis, collar=5.0).jer == found.jer


def test_a_recording_without_hypothesis_is_missed_and_one_without_reference_left_out():
    reference = [*turns(("a", 0, 10)), *turns(("b", 0, 5), recording="other")]
    hypothesis = [*turns(("x", 0, 10)), *turns(("y", 0, 5), recording="third")]
    found = diarization(reference, hypothesis)
    assert found.time.missed == 5
    assert found.problems == ("other: no hypothesis, everything is missed", "third: no reference, left out")
    assert found.interval.blocks == "recording"
    assert found.interval.n_blocks == 2


def test_a_perfect_answer_under_other_names_has_no_error():
    reference = random_turns(np.random.default_rng(0), 2, 3)
    renamed = [RttmTurn(t.recording_id, "0", t.begin_s, t.duration_s, t.speaker_id + "x") for t in reference]
    found = diarization(reference, renamed)
    assert found.der == pytest.approx(0, abs=1e-12)
    assert found.jer == pytest.approx(0, abs=1e-12)
    json.dumps(found.as_dict(), allow_nan=False)


def test_nothing_to_score_and_a_negative_collar_are_refused():
    with pytest.raises(ScoringError, match="no reference turn"):
        diarization([], turns(("a", 0, 1)))
    with pytest.raises(InvalidArgumentError, match=r"0\.25 and 0 are usual"):
        diarization(turns(("a", 0, 1)), [], collar=-1)
    assert diarization(turns(("a", 0, 1)), []).der == 1.0


def test_the_metric_names_are_those_of_the_table():
    from speech_tracker.metrics import METRICS

    found = diarization(turns(("a", 0, 1)), [])
    assert {"der", "jer"} <= found.metrics().keys() & METRICS.keys()


def test_real_rttm_files_are_scored(request):
    folder = request.config.rootpath.parent / "shared/samples/meeteval/meeteval-examples/example_files"
    if not folder.exists():
        pytest.skip("the sample files are not here")
    reference, hypothesis = (parse_rttm((folder / f"{side}.rttm").read_text()).records for side in ("ref", "hyp"))
    assert 0 <= diarization(reference, hypothesis).der < 1
