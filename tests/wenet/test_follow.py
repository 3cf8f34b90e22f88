"""A training that goes on while it is read: nothing is lost, nothing is there twice, and the result is the same."""

from __future__ import annotations

from collections import Counter

from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Session
from speech_tracker.testing.following import content_of, follow, writers
from speech_tracker.view import RunView


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
    follow("wenet", living, tmp_path / "followed", [*writers(living / "train.log", text, 313), *results])
    session = Session("wenet", ingester_of("wenet"), Source(living), Destination(mode="local", store=tmp_path / "once"))
    session.once()
    assert content_of(tmp_path / "followed") == content_of(tmp_path / "once")
    (run,) = (tmp_path / "followed").glob("runs/*")
    recorded = Counter()
    for record in RunView.read(run).records("metrics"):
        recorded.update((name, record.data.get("step")) for name in record.data["values"])
    assert [key for key, count in recorded.items() if count > 1] == []
