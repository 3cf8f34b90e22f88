from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.errors import InvalidTypeError
from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.parquet import read_parquet
from speech_tracker.evaluation.score import score
from speech_tracker.evaluation_record import LONGEST
from speech_tracker.run import Run
from speech_tracker.view import RunView

REFERENCES = {"s1-a": "the cat sat", "s1-b": "on the mat", "s2-a": "good morning", "s2-b": "", "s2-c": "yes"}
HYPOTHESES = {"s1-a": "the cat sat", "s1-b": "on mat mat", "s2-a": "good morning to you", "s2-b": "uh", "s2-c": "no"}
SPEAKERS = {name: name[:2] for name in REFERENCES}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return speech_tracker.init("digits", "asr", mode="local", store=tmp_path, capture_environment=False)


def _recorded(run: Run) -> dict[str, object]:
    run.finish()
    assert run.folder is not None
    (found,) = RunView.read(run.folder).evaluations
    return found


def test_counts_interval_speakers_and_worst_utterances_are_in_the_record(run: Run) -> None:
    evaluation = score(REFERENCES, HYPOTHESES, attributes={"speaker_id": SPEAKERS})
    run.log_evaluation(
        evaluation, test_set="test-clean", decoding={"beam_size": 10}, checkpoint="best.ckpt", step=100,
        audio={"s2-a": "/audio/s2-a.wav"}, note="first",
    )  # fmt: skip
    found = _recorded(run)
    assert found["counts"] == evaluation.counts.as_dict()
    assert found["wer"] == evaluation.counts.error_rate == 5 / 9
    assert found["wer_ci"]["blocks"] == "speaker_id"
    assert {row["speaker_id"]: row["error_rate"] for row in found["speakers"]} == {"s1": 1 / 6, "s2": 4 / 3}
    worst = found["worst"]
    assert [row["errors"] for row in worst] == sorted((row["errors"] for row in worst), reverse=True)
    assert {row["utterance_id"] for row in worst} == {"s1-b", "s2-a", "s2-b", "s2-c"}
    assert next(row for row in worst if row["utterance_id"] == "s2-a")["audio"] == "/audio/s2-a.wav"
    assert (found["decoding"], found["checkpoint"], found["step"]) == ({"beam_size": 10}, "best.ckpt", 100)
    assert found["metadata"] == {"note": "first"}


def test_the_file_holds_every_utterance_with_its_alignment(run: Run) -> None:
    evaluation = score(REFERENCES, HYPOTHESES, attributes={"speaker_id": SPEAKERS})
    run.log_evaluation(evaluation, test_set="odd name/../x")
    found = _recorded(run)
    assert run.folder is not None
    path = run.folder / str(found["file"])
    assert path.parent == run.folder / "evaluations"
    again = read_parquet(path)
    assert list(again.utterance_ids) == list(REFERENCES)
    assert [again.operations(index) for index in range(len(again))] == [
        evaluation.operations(index) for index in range(len(evaluation))
    ]


@pytest.mark.expects_swallowed
def test_without_duckdb_the_utterances_are_kept_as_lines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    run.log_evaluation(score(REFERENCES, HYPOTHESES), test_set="test")
    found = _recorded(run)
    assert run.folder is not None
    rows = [json.loads(line) for line in gzip.decompress((run.folder / str(found["file"])).read_bytes()).splitlines()]
    assert {row["utterance_id"]: row["hypothesis"] for row in rows} == HYPOTHESES


def test_characters_are_recorded_as_cer(run: Run) -> None:
    run.log_evaluation(score({"a": "abc"}, {"a": "abd"}, unit="char"), test_set="test")
    found = _recorded(run)
    assert found["cer"] == pytest.approx(1 / 3)
    assert "wer" not in found


def test_counts_alone_can_be_recorded(run: Run) -> None:
    run.log_evaluation(ErrorCounts(90, 5, 5, 2, 10, 6), test_set="dev", unit="char")
    found = _recorded(run)
    assert found["cer"] == 0.12
    assert found["reference_length"] == 100


def test_the_result_of_another_task_is_recorded_by_its_metrics(run: Run) -> None:
    class Latency:
        def metrics(self) -> dict[str, float]:
            return {"rtf": 0.25}

    run.log_evaluation(Latency(), test_set="test")
    assert _recorded(run)["metrics"] == {"rtf": 0.25}


def test_what_is_no_evaluation_is_refused(run: Run) -> None:
    with pytest.raises(InvalidTypeError, match="score"):
        run.log_evaluation({"wer": 0.1}, test_set="test")
    run.finish()


def test_a_test_set_without_reference_words_has_counts_and_no_rate(run: Run) -> None:
    run.log_evaluation(score({"a": ""}, {"a": "uh"}), test_set="silence")
    found = _recorded(run)
    assert found["wer"] is None
    assert found["counts"]["insertions"] == 1


def test_hours_in_one_utterance_cost_no_other_part_of_the_record(run: Run) -> None:
    long = {f"talk{number}": "a b " * 5000 for number in range(50)}
    wrong = {key: f"{text}c" for key, text in long.items()}
    run.log_evaluation(score(long, wrong), test_set="lectures")
    found = _recorded(run)
    assert len(found["worst"]) == 50
    assert all(len(row["alignment"]) == LONGEST for row in found["worst"])
    assert found["worst"][0]["alignment_left_out"] == 10_001 - LONGEST
    assert 0 < found["wer_ci"]["low"] <= found["wer"] <= found["wer_ci"]["high"]
    assert str(found["file"]).endswith(".parquet")


def test_an_attribute_of_the_name_of_a_count_does_not_replace_the_count(run: Run) -> None:
    attributes = {"errors": dict.fromkeys(REFERENCES, "none"), "alignment": dict.fromkeys(REFERENCES, "left")}
    run.log_evaluation(score(REFERENCES, HYPOTHESES, attributes=attributes), test_set="test")
    row = _recorded(run)["worst"][0]
    assert isinstance(row["errors"], int)
    assert isinstance(row["alignment"], list)
    assert (row["attribute_errors"], row["attribute_alignment"]) == ("none", "left")
