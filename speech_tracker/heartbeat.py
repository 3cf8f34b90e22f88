"""A sign of life every half minute, so that readers on other hosts can tell a living run from a killed one."""

from __future__ import annotations

import os
import threading
import weakref

from speech_tracker.guard import shielded
from speech_tracker.journal.writer import Sink

PERIOD = 30.0  # seconds; see liveness.SILENT_AFTER
OFTEN = 5.0  # seconds between flushes with durability="interval"

_sinks: weakref.WeakSet[Sink] = weakref.WeakSet()
_thread: threading.Thread | None = None
_process = os.getpid()
_wake = threading.Event()
_period = PERIOD


def watch(sink: Sink, *, often: bool = False) -> None:
    """Have `sink` beat until it is gone; `often` for durability ``interval``."""
    global _thread, _process, _period, _wake
    if _process != os.getpid():  # threads do not survive a fork, and a lock that one of them held stays locked
        _process, _thread, _wake = os.getpid(), None, threading.Event()
        _sinks.clear()
    _sinks.add(sink)
    if often:
        _period = OFTEN
        _wake.set()
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_beat, name="speech-tracker-heartbeat", daemon=True)
        _thread.start()


def _beat() -> None:
    wake = _wake
    while True:
        wake.wait(_period)
        wake.clear()
        _beat_all()


def _beat_all() -> None:
    """Let every sink beat. A function of its own, so that between beats the thread holds on to none of them."""
    for sink in tuple(_sinks):
        with shielded("the sign of life of a run"):
            sink.beat()
