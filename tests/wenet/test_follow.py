"""A training that goes on while it is read: nothing is lost, nothing is there twice, and the result is the same."""

from __future__ import annotations

from collections import Counter

from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.view import RunView


def content(store):
    """Everything of the runs in a store that does not depend on when they were read."""
    found = {}
    for path in sorted(store.glob("runs/*")):
        view = RunView.read(path)
        points = {name: [(each["step"], each["value"]) for each in history] for name, history in view.histories.items()}
        rates = sorted((each["test_set"], each["error_rate"]) for each in view.evaluations)
        found[view.identity["name"]] = (view.status, points, rates, view.config)
    return found


def follow(folder, store, steps):
    """Follow a folder; before each look one step is taken, such as a program that writes a piece."""
    steps = iter(steps)
    moment = 0.0

    def sleep(seconds):
        nonlocal moment
        moment += seconds
        for step in steps:
            step()
            return
        moment += 1000.0

    session = Session("wenet", ingester_of("wenet"), Source(folder), Destination(mode="local", store=store))
    return session.follow(Pace(1.0, 10.0, 100.0), sleep=sleep, clock=lambda: moment)


def writers(path, text, size):
    """Steps that write a text piece by piece, wherever that cuts its lines."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def append(piece):
        def write():
            with path.open("a") as file:
                file.write(piece)

        return write

    return [append(text[start : start + size]) for start in range(0, len(text), size)]


def test_a_followed_training_is_recorded_as_one_that_is_read_at_the_end(recipe, tmp_path):
    whole = recipe / "train.log"
    text = whole.read_text()
    living = tmp_path / "living"
    results = []
    # models come before the searches that use them
    for path in sorted(recipe.rglob("*"), key=lambda path: (len(path.parts), path)):
        if path.is_file() and path != whole:
            target = living / path.relative_to(recipe)
            data = path.read_bytes()

            def write(target=target, data=data):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)

            results.append(write)
    (living / "exp" / "conformer").mkdir(parents=True)
    follow(living, tmp_path / "followed", [*writers(living / "train.log", text, 313), *results])
    session = Session("wenet", ingester_of("wenet"), Source(living), Destination(mode="local", store=tmp_path / "once"))
    session.once()
    assert content(tmp_path / "followed") == content(tmp_path / "once")
    (run,) = (tmp_path / "followed").glob("runs/*")
    recorded = Counter()
    for record in RunView.read(run).records("metrics"):
        recorded.update((name, record.data.get("step")) for name in record.data["values"])
    assert [key for key, count in recorded.items() if count > 1] == []
