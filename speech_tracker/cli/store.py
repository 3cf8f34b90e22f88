"""The store that a verb works on, and what is shown while its journals are read."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speech_tracker.paths import store_folder

if TYPE_CHECKING:
    from speech_tracker.catalog.index import Progress

_PATIENCE = 0.5  # seconds without a word

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="The local store [default: $SPEECH_TRACKER_DIR, else a folder of the user's].",
                 show_default=False),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its id, the beginning of one, its name, or latest.")
]


def chosen_store(given: Path | None) -> Path:
    """Return the store that was given on the command line, else the usual one."""
    return store_folder() if given is None else given.expanduser().absolute()


def find(given: Path | None, run: str) -> Path:
    """Return the folder of the run that `run` means in the chosen store.

    Raises:
        RunNotFoundError, AmbiguousRunError, UnsafePathError, StoreError: as `speech_tracker.catalog.find.find_run`.
    """
    from speech_tracker.catalog.find import find_run

    return find_run(chosen_store(given), run)


@contextmanager
def reading() -> Iterator[Progress | None]:
    """Yield what shows on a terminal's stderr how far the reading of journals is, once it takes long."""
    if not sys.stderr.isatty():
        yield None
        return
    began, shown = time.monotonic(), 0.0

    def show(total: int, done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - began > _PATIENCE and now - shown > 0.1:
            shown = now
            sys.stderr.write(f"\rreading runs: {done} of {total} ")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
