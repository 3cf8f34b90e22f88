"""A training that goes on while it is read: nothing is lost, nothing is there twice, and it ends by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.paths import store_folder
from speech_tracker.view import RunView


def session(folder, state):
    return Session("speechbrain", ingester_of("speechbrain"), Source(folder, state=state), Destination(mode="local"))


def view():
    (folder,) = (store_folder() / "runs").iterdir()
    return RunView.read(folder)


def content(view):
    """Everything of a run that does not depend on when and where it was read."""
    return {
        "status": view.status,
        "points": {
            name: [(point["step"], point["value"]) for point in points] for name, points in view.histories.items()
        },
        "evaluations": sorted(
            (each["test_set"], each["wer"], each["counts"]["utterances"]) for each in view.evaluations
        ),
        "checkpoints": sorted((Path(each["path"]).name, each["best"]) for each in view.checkpoints),
        "datasets": [(each["name"], each["version"]) for each in view.datasets],
        "events": [(each["name"], each["data"]["key"]) for each in view.events],
        "config": {key: value for key, value in view.config.items() if key != "output_folder"},
        "speech": view.speech,
    }


class Writer:
    """Writes an experiment anew as its recipe once wrote it, a piece at each look.

    Logs grow in step with each other; other files appear whole, when the part of the log that tells of them is there.
    """

    def __init__(self, original: Path, copy: Path, looks: int) -> None:
        self.original, self.copy, self.looks, self.look = original, copy, looks, 0
        self.over = False

    def __call__(self, _seconds: float) -> None:
        self.look += 1
        share = min(1.0, self.look / self.looks)
        for name in ("log.txt", "train_log.txt"):
            data = (self.original / name).read_bytes()
            (self.copy / name).write_bytes(data[: int(len(data) * share)])
        for path in self.original.rglob("*"):
            place = self.copy / path.relative_to(self.original)
            if path.is_file() and path.name not in ("log.txt", "train_log.txt"):
                early = path.name in ("hyperparams.yaml", "env.log")
                if early or share == 1.0 or (path.name == "CKPT.yaml" and share > 0.5):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, place)
        self.over = share == 1.0


@pytest.mark.parametrize("looks", [7, 40])
def test_a_training_that_is_followed_is_recorded_as_one_that_is_read_at_its_end(finished, recipe, tmp_path, looks):
    copy = tmp_path / "copy" / "results" / "crdnn" / "7"
    copy.mkdir(parents=True)
    for path in recipe.glob("*.csv"):
        shutil.copy(path, tmp_path / "copy")
    writer = Writer(finished.folder, copy, looks)
    writer(0)
    follower = session(tmp_path / "copy", tmp_path / "state.json")
    reason = follower.follow(Pace(0.01, 1e9, 1e9), over=lambda: writer.over, sleep=writer)
    assert reason == "the command has ended"
    followed = content(view())
    shutil.rmtree(store_folder())
    session(tmp_path / "copy", None).once()
    assert followed == content(view())
    assert followed["status"] == "finished"


def test_a_training_ends_by_itself_when_all_its_test_sets_are_scored(finished, recipe, tmp_path):
    clock = iter(range(0, 10_000, 10))
    follower = session(recipe, tmp_path / "state.json")
    reason = follower.follow(Pace(5.0, 30.0, 1e9), sleep=lambda _: None, clock=lambda: float(next(clock)))
    assert "the training is complete" in reason
    assert view().status == "finished"


def test_an_evaluation_waits_until_its_file_is_whole(made, recipe, tmp_path):
    experiment = made.Experiment(recipe)
    experiment.begin()
    experiment.epoch(1)
    path = experiment.folder / "wer_test-clean.txt"
    text = made.score_file(made.CLEAN)
    path.write_text(text[: text.index("spk2-0001")])
    looks = []

    def sleep(_):
        looks.append([each["test_set"] for each in view().evaluations])
        path.write_text(text)

    follower = session(recipe, tmp_path / "state.json")
    follower.follow(Pace(0.01, 1e9, 1e9), over=lambda: len(looks) == 2, sleep=sleep)
    assert looks == [[], ["test-clean"]]
    assert view().evaluations[0]["counts"]["utterances"] == 3
