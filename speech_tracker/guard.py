"""The fail-safe boundary: what goes wrong in tracking is logged once and counted, and never reaches the training."""

from __future__ import annotations

import functools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("speech_tracker")

_counts: Counter[str] = Counter()
_lock = threading.Lock()
_listeners: list[Callable[[str, Exception], None]] = []


def swallowed() -> dict[str, int]:
    """Return how often each place swallowed an error in this process, by the name of the place."""
    with _lock:
        return dict(_counts)


def listen(listener: Callable[[str, Exception], None]) -> Callable[[], None]:
    """Have `listener` called with place and error at each swallowed one; return the function that ends it.

    The test suite uses it to fail a test in which an error was swallowed.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def report(place: str, error: Exception) -> None:
    """Count `error`, and log it with its traceback the first time that `place` has one."""
    with _lock:
        _counts[place] += 1
        first = _counts[place] == 1
    for listener in _listeners:
        listener(place, error)
    if first:
        with suppress(Exception):  # logging itself raises where stderr was closed
            logger.warning(
                "speech-tracker: %s failed and was skipped; the training goes on (further failures there are only counted)",
                place,
                exc_info=error,
            )


@contextmanager
def shielded(place: str) -> Iterator[None]:
    """Run the body; an `Exception` in it is reported and ends the body, `KeyboardInterrupt` and the like go on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - this is the boundary
        report(place, error)


def never_raises(function: Callable[P, T]) -> Callable[P, T | None]:
    """Decorate a toolkit's hook: an `Exception` in it is reported, and the hook returns None."""
    place = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the boundary
            report(place, error)
            return None

    return guarded
