from __future__ import annotations

import builtins
import json

import pytest

from speech_tracker.errors import InvalidArgumentError, MissingExtraError, ScoringError
from speech_tracker.evaluation.tasks.meetings import MEETING_METRICS, TIME_CONSTRAINED, meeting_error_rate
from speech_tracker.formats.seglst import SeglstSegment, parse_seglst

pytest.importorskip("meeteval")


def segment(session, speaker, begin, end, words):
    return SeglstSegment(session, speaker, begin, end, words)


REFERENCE = [
    segment("m1", "anna", 0, 2, "good morning everyone"),
    segment("m1", "bert", 2, 4, "hello anna"),
    segment("m1", "anna", 4, 6, "let us begin"),
    segment("m2", "carl", 0, 3, "one two three"),
]
HYPOTHESIS = [
    segment("m1", "x", 2, 4, "hello hanna"),
    segment("m1", "y", 0, 2, "good morning everyone"),
    segment("m1", "y", 4, 6, "let us begin"),
    segment("m2", "z", 0, 3, "one two four"),
]


def test_cpwer_finds_the_speakers_and_adds_up_sessions():
    found = meeting_error_rate(REFERENCE, HYPOTHESIS)
    assert (found.counts.errors, found.counts.reference_length) == (2, 11)
    assert [each.session_id for each in found.sessions] == ["m1", "m2"]
    assert found.error_rate == 2 / 11
    assert found.metrics()["cpwer"] == 2 / 11
    assert found.interval.n_blocks == 2


def test_a_speaker_too_many_costs_its_words_in_cpwer_and_nothing_in_orcwer():
    split = [segment("m1", f"s{i}", each.begin_s, each.end_s, each.words) for i, each in enumerate(HYPOTHESIS[:3])]
    reference = REFERENCE[:3]
    cp = meeting_error_rate(reference, split)
    assert cp.counts.false_alarm_speakers == 1
    assert cp.counts.errors == 7
    assert meeting_error_rate(reference, split, "orcwer").counts.errors == 1


def test_words_in_the_wrong_place_count_only_where_time_matters():
    moved = [segment("m2", "z", 60, 63, "one two three")]
    reference = REFERENCE[3:]
    assert meeting_error_rate(reference, moved).error_rate == 0
    assert meeting_error_rate(reference, moved, "tcpwer", collar=5).error_rate == 2.0


@pytest.mark.parametrize("metric", MEETING_METRICS)
def test_every_metric_runs_and_can_be_logged_and_written(metric):
    collar = 5.0 if metric in TIME_CONSTRAINED else None
    found = meeting_error_rate(REFERENCE, HYPOTHESIS, metric, collar=collar)
    assert found.metrics()[metric] == pytest.approx(2 / 11)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["metric"] == metric


def test_the_result_is_that_of_meeteval_itself_on_its_own_files(request):
    import meeteval

    folder = request.config.rootpath.parent / "shared/samples/meeteval/meeteval-examples/example_files"
    if not folder.exists():
        pytest.skip("the sample files are not here")
    paths = [folder / f"{side}.seglst.json" for side in ("ref", "hyp")]
    sides = [parse_seglst(path.read_text()).records for path in paths]
    rows = [json.loads(path.read_text()) for path in paths]
    for row in (row for side in rows for row in side):
        row |= {"start_time": float(row["start_time"]), "end_time": float(row["end_time"])}
    given = [meeteval.io.SegLST(side) for side in rows]
    for metric, collar in (("cpwer", None), ("tcpwer", 5), ("orcwer", None)):
        options = {} if collar is None else {"collar": collar}
        theirs = getattr(meeteval.wer, metric)(*given, **options)
        total = meeteval.wer.combine_error_rates(theirs)
        ours = meeting_error_rate(*sides, metric, collar=collar)
        assert (ours.counts.errors, ours.counts.reference_length) == (total.errors, total.length)
        assert ours.counts.insertions == total.insertions
        assert {each.session_id: each.errors for each in ours.sessions} == {k: v.errors for k, v in theirs.items()}


def test_the_words_are_normalised_and_the_result_says_how():
    shouted = [
        segment(each.session_id, each.speaker_id, each.begin_s, each.end_s, each.words.upper()) for each in HYPOTHESIS
    ]
    assert meeting_error_rate(REFERENCE, shouted).error_rate > 0.9
    found = meeting_error_rate(REFERENCE, shouted, normalizer="lower")
    assert found.error_rate == 2 / 11
    assert found.normalizer.name == "lower"


def test_a_meeting_without_hypothesis_is_deleted_and_one_without_reference_left_out():
    heard = [*HYPOTHESIS[:3], segment("m9", "z", 0, 1, "hello")]
    for metric, collar in (("cpwer", None), ("tcpwer", 5.0), ("orcwer", None)):
        found = meeting_error_rate(REFERENCE, heard, metric, collar=collar)
        assert (found.counts.deletions, found.counts.reference_length) == (3, 11)
        assert found.problems == ("m2: no hypothesis, everything is deleted", "m9: no reference, left out")


@pytest.mark.parametrize(
    ("metric", "collar", "part"),
    [("wer", None, "cpwer, tcpwer"), ("tcpwer", None, "5 in CHiME-8"), ("cpwer", 5.0, "it knows no times")],
)
def test_wrong_arguments_are_explained(metric, collar, part):
    with pytest.raises(InvalidArgumentError, match=part):
        meeting_error_rate(REFERENCE, HYPOTHESIS, metric, collar=collar)


def test_what_meeteval_cannot_score_is_one_error_of_ours():
    timeless = [segment("m2", "carl", None, None, "one two three")]
    with pytest.raises(ScoringError, match="MeetEval cannot compute tcpwer"):
        meeting_error_rate(timeless, timeless, "tcpwer", collar=5)
    with pytest.raises(ScoringError, match="no reference segment"):
        meeting_error_rate([], HYPOTHESIS)


def test_without_meeteval_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("meeteval"):
            raise ImportError("No module named 'meeteval'")
        return real(name, *args, **kwargs)

    import sys

    for name in [name for name in sys.modules if name.startswith("meeteval")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"speech-tracker\[meeting\]"):
        meeting_error_rate(REFERENCE, HYPOTHESIS)
