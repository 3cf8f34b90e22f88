"""Run code and look at what it recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_tracker import client, lifecycle
from speech_tracker.testing.isolation import environment, forget_runs, swallowed_errors
from speech_tracker.view import RunView


class Captured:
    """What was recorded, to be read while the code runs or afterwards.

    Attributes:
        store: the store that the code wrote to.
        swallowed: (place, error) of everything that went wrong in tracking.
    """

    def __init__(self, store: Path, swallowed: list[tuple[str, Exception]]) -> None:
        self.store = store
        self.swallowed = swallowed

    @property
    def runs(self) -> list[RunView]:
        """The runs, the oldest first."""
        folder = self.store / "runs"
        views = [RunView.read(each) for each in folder.iterdir()] if folder.is_dir() else []
        return sorted(views, key=lambda view: view.created_at or 0.0)

    @property
    def run(self) -> RunView:
        """The only run.

        Raises:
            AssertionError: there are none, or several.
        """
        runs = self.runs
        if len(runs) != 1:
            raise AssertionError(f"expected one run in {self.store}, found {[run.id for run in runs] or 'none'}")
        return runs[0]

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the data of the only run's records of these kinds, in order."""
        return [record.data for record in self.run.records(*kinds)]


@contextmanager
def capture(folder: Path, *, mode: str = "local") -> Iterator[Captured]:
    """Record into ``folder/store`` whatever runs the body begins, apart from all other stores and from W&B.

    At the end of the body its runs end as they would at the end of the process. Enter it again with the same folder to
    see what a second start does.

    >>> import tempfile, speech_tracker
    >>> with tempfile.TemporaryDirectory() as folder, capture(Path(folder)) as captured:
    ...     speech_tracker.init("example", task="asr").log_metric("valid/wer", 0.25, step=10)
    ...     captured.run.metrics["valid/wer"]["last"]
    0.25
    """
    wanted = {**environment(folder), "SPEECH_TRACKER_MODE": mode}
    before = {name: os.environ.get(name) for name in wanted}
    outer = list(client._active)  # noqa: SLF001 - our own package's state, which no user may touch
    _set(wanted)
    (folder / "wandb-home").mkdir(parents=True, exist_ok=True)
    try:
        with swallowed_errors() as swallowed:
            yield Captured(folder / "store", swallowed)
            for run in [each for each in client._active if each not in outer]:  # noqa: SLF001
                run.process_ends(*lifecycle.outcome())
    finally:
        forget_runs(keep=outer)
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
