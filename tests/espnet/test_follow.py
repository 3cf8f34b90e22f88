"""A training that goes on while it is read, and one that the adapter has recorded already."""

from __future__ import annotations

import math

import speech_tracker
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.integrations.espnet.ingest import EspnetIngester

from .conftest import MODEL, WITH_LM, WITHOUT


def parts_of(text, count):
    """A log in pieces that end within lines."""
    size = math.ceil(len(text) / count)
    return [text[start : start + size] for start in range(0, len(text), size)]


def points(view):
    return {name: [(point["step"], point["value"]) for point in history] for name, history in view.histories.items()}


def test_a_training_that_grows_is_read_as_one_that_was_there_at_once(recipe, model, ingest, views, tmp_path):
    first, second = (model / "train.1.log").read_text(), (model / "train.log").read_text()
    decoded = {tag: model / tag for tag in (WITH_LM, WITHOUT)}
    for tag, folder in decoded.items():
        folder.rename(tmp_path / tag)
    (model / "RESULTS.md").rename(tmp_path / "RESULTS.md")
    (model / "train.1.log").unlink()
    log = model / "train.log"
    log.write_text("")
    pieces = iter([*parts_of(first, 7), "\0rotate", *parts_of(second, 7), "\0decode", "\0wait", "\0wait"])

    def go_on(_):
        piece = next(pieces, "\0wait")
        if piece == "\0rotate":
            log.rename(model / "train.1.log")  # as ESPnet's launcher does before it starts again
            log.write_text("")
        elif piece == "\0decode":
            for tag, folder in decoded.items():
                (tmp_path / tag).rename(folder)
            (tmp_path / "RESULTS.md").rename(model / "RESULTS.md")
        elif piece != "\0wait":
            with log.open("a") as file:
                file.write(piece)

    now = [0.0]

    def clock():
        now[0] += 1
        return now[0]

    session = Session("espnet", EspnetIngester, Source(recipe), Destination(mode="local"))
    reason = session.follow(Pace(0.01, 4, 200), sleep=go_on, clock=clock)
    assert "complete" in reason
    followed = views()[MODEL]
    assert followed.status == "finished"
    names = [
        (name, point["step"])
        for record in followed.records("metrics")
        for name in record.data["values"]
        for point in (record.data,)
    ]
    assert points(followed)["train/loss"] == [(1, 30.5), (2, 28.25), (3, 26.5), (4, 24.25), (5, 22.5), (6, 20.25)]
    assert len(followed.evaluations) == 8
    # what was said of epoch 3 before the job was cancelled is the only thing that was said twice
    assert {key for key in names if names.count(key) > 1} <= {key for key in names if key[1] == 5}
    at_once = EspnetIngester(Source(recipe)).find().runs[1].metrics()
    assert {name: each["last"] for name, each in at_once.items()}.keys() == points(followed).keys()


def test_a_run_that_the_adapter_recorded_is_joined_and_nothing_is_doubled(recipe, model, ingest, views):
    """The adapter's values are exact and over other steps; those of the log are rounded."""
    run = speech_tracker.init(task="asr", name=MODEL, experiment_folder=model, mode="local", config={"seed": 7})
    for epoch in (1, 2, 3):
        for step in (2 * epoch - 1, 2 * epoch):
            run.log_metrics(
                {"train/loss": 31.0004 - step, "train/learning_rate": 0.0012345 * step}, step=step, epoch=epoch
            )
        run.log_metrics(
            {"train/loss_epoch": 30.1 - epoch, "valid/accuracy": 0.30004 + epoch / 10}, step=2 * epoch, epoch=epoch
        )
    run.log_dataset("train_sp", split="train", path="dump/raw/train_sp", utterances=3, speakers=2)
    run.finish("finished")
    recorded = points(views()[MODEL])
    for name in ("dev_small", "test_small"):  # the mark of the adapter after the last job of a set
        (model / WITH_LM / name / ".speech_tracker").mkdir()
        (model / WITH_LM / name / ".speech_tracker" / "scored-0123456789abcdef").touch()
    code, _, _ = ingest(recipe)
    assert code == 0
    found = views()
    assert MODEL in found
    view = found[MODEL]
    assert view.folder.name == run.id
    assert {name: points(view)[name] for name in recorded} == recorded
    assert not list(view.records("rewind"))
    assert [point["value"] for point in view.history("valid/wer_teacher_forced")] == [1.02, 1.02, 1.02]
    assert {each["metadata"]["inference"] for each in view.evaluations} == {WITHOUT}
    assert [each["name"] for each in view.datasets].count("train_sp") == 1
    before = len(list(view.records()))
    ingest(recipe)
    assert len(list(views()[MODEL].records())) == before


def test_a_set_that_was_decoded_again_is_not_taken_for_recorded(recipe, model, ingest, views, long_ago):
    run = speech_tracker.init(task="asr", name=MODEL, experiment_folder=model, mode="local")
    run.finish("finished")
    mark = model / WITH_LM / "test_small" / ".speech_tracker" / "scored-0123456789abcdef"
    mark.parent.mkdir()
    mark.touch()
    long_ago(mark)
    part = model / WITH_LM / "test_small" / "logdir" / "output.1" / "1best_recog"
    part.mkdir(parents=True)
    (part / "text").write_text((model / WITH_LM / "test_small" / "text").read_text())
    ingest(recipe)
    tags = [each["metadata"]["inference"] for each in views()[MODEL].evaluations if each["test_set"] == "test_small"]
    assert tags.count(WITH_LM) == 2
