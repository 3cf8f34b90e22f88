"""A training that goes on while it is read: nothing is lost, nothing is there twice, and the result is the same."""

from __future__ import annotations

from collections import Counter

from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Session
from speech_tracker.testing.following import content_of, follow, writers
from speech_tracker.view import RunView


def test_a_followed_training_is_recorded_as_one_that_is_read_at_the_end(exp, tmp_path):
    whole = exp / "log" / "log-train-2024-05-01-10-00-00"
    text = whole.read_text()
    living = tmp_path / "living" / "zipformer" / "exp"
    results = []
    for path in sorted(exp.rglob("*")):
        if path.is_file() and path != whole:
            target = living / path.relative_to(exp)
            data = path.read_bytes()

            def write(target=target, data=data):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)

            results.append(write)
    living.mkdir(parents=True)
    steps = [*writers(living / "log" / whole.name, text, 1711), *results]
    reason = follow("icefall", living, tmp_path / "followed", steps)
    assert "complete" in reason or "nothing has changed" in reason
    session = Session(
        "icefall", ingester_of("icefall"), Source(living), Destination(mode="local", store=tmp_path / "once")
    )
    session.once()
    assert content_of(tmp_path / "followed") == content_of(tmp_path / "once")
    (run,) = (tmp_path / "followed").glob("runs/*")
    recorded = Counter()
    for record in RunView.read(run).records("metrics"):
        recorded.update((name, record.data.get("step")) for name in record.data["values"])
    assert [key for key, count in recorded.items() if count > 1] == []


def test_a_training_whose_steps_become_known_late_is_recorded_with_the_right_ones(tmp_path, log_writer, params):
    log = log_writer()
    log.begin(params)
    for number in (1, 2, 3):
        log.epoch(number, (number - 1) * 123)
    log.say("Done!")
    exp = tmp_path / "zipformer" / "exp"
    exp.mkdir(parents=True)
    follow(
        "icefall", exp, tmp_path / "followed", writers(exp / "log" / "log-train-2024-05-01-10-00-00", log.text(), 307)
    )
    ((status, points, _, _),) = content_of(tmp_path / "followed").values()
    assert status == "finished"
    assert [step for step, _ in points["valid/loss"]] == [1, 124, 247]
