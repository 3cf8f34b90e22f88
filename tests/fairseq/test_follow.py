"""A log that is written while it is followed: nothing is lost, nothing is there twice, and it ends by itself."""

from __future__ import annotations

import time

import pytest

from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.integrations.fairseq.ingest import FairseqIngester


@pytest.mark.parametrize("piece", [37, 500, 4000])
def test_a_training_is_followed_to_its_end_whatever_is_written_between_two_looks(tmp_path, views, training_log, piece):
    now = time.time()  # a log of long ago is not taken to be still written
    log = training_log("ck", day=time.strftime("%Y-%m-%d", time.localtime(now)))
    for step in range(1, 21):
        log.updates(step, 30 - step)
    resumed = training_log("ck", resumed=10, day=time.strftime("%Y-%m-%d", time.localtime(now + 86_400)))
    for step in range(11, 16):
        resumed.updates(step, 50 - step, epoch=2)
    content = log.text() + resumed.validation(15, 40.0, epoch=2).done().text()
    path = tmp_path / "train.log"
    path.write_text(content[:piece])
    state = {"written": piece, "time": 0.0, "seen": []}

    def sleep(seconds):
        """Write on instead of waiting; time passes only by this."""
        state["time"] += seconds
        state["written"] += piece
        with path.open("a") as file:
            file.write(content[state["written"] - piece : state["written"]])

    source = Source(tmp_path, (), (), tmp_path.parent / f"state-{piece}.json", None)
    session = Session("fairseq", FairseqIngester, source, Destination(mode="local"))
    reason = session.follow(
        Pace(interval=1.0, quiet=5.0, idle=60.0),
        report=lambda found, _: state["seen"].append(found.runs[0].status if found.runs else None),
        sleep=sleep,
        clock=lambda: state["time"],
    )
    assert "complete" in reason
    assert state["written"] >= len(content)
    view = views()["ck"]
    assert view.status == "finished"
    expected = [(step, 30 - step) for step in range(1, 11)] + [(step, 50 - step) for step in range(11, 16)]
    assert [(point["step"], point["value"]) for point in view.history("train/loss")] == expected
    assert [(point["step"], point["value"]) for point in view.history("valid/wer")] == [(15, 0.4)]
    assert [event["data"]["step"] for event in view.events if event["name"] == "training-restarted"] == [10]
    if piece < len(log.text()):
        assert "running" in state["seen"]
