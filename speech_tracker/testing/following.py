"""An experiment that grows while it is followed, without waiting: before each look something is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session
from speech_tracker.view import RunView


def follow(toolkit: str, folder: Path, store: Path, steps: Iterable[Callable[[], object]]) -> str:
    """Follow a folder to its end, and return why that was taken to be the end.

    Args:
        toolkit: whose ingester follows it.
        folder: the experiment.
        store: where its runs are recorded.
        steps: each is taken before a look, such as a program that writes a piece; after the last one time flies.
    """
    left = iter(steps)
    moment = 0.0

    def sleep(seconds: float) -> None:
        nonlocal moment
        moment += seconds
        for step in left:
            step()
            return
        moment += 1000.0

    session = Session(toolkit, ingester_of(toolkit), Source(folder), Destination(mode="local", store=store))
    return session.follow(Pace(1.0, 10.0, 100.0), sleep=sleep, clock=lambda: moment)


def writers(path: Path, text: str, size: int) -> list[Callable[[], None]]:
    """Return steps that write a text piece by piece, wherever that cuts its lines."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def append(piece: str) -> Callable[[], None]:
        def write() -> None:
            with path.open("a") as file:
                file.write(piece)

        return write

    return [append(text[start : start + size]) for start in range(0, len(text), size)]


def content_of(store: Path) -> dict[str, tuple[Any, ...]]:
    """Return what the runs in a store hold that does not depend on when they were read: status, curves, rates, config."""
    found = {}
    for path in sorted(store.glob("runs/*")):
        view = RunView.read(path)
        points = {name: [(each["step"], each["value"]) for each in history] for name, history in view.histories.items()}
        rates = sorted((each["test_set"], each["error_rate"]) for each in view.evaluations)
        found[view.identity["name"]] = (view.status, points, rates, view.config)
    return found
