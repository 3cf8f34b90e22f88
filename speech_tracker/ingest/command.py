"""A recipe started under our eyes: its command, environment, stages and exit code, and what its `exp/` becomes.

The recipe comes first: where nothing can be recorded, it runs all the same, and its exit code is what is returned.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from speech_tracker.environment import without_credentials
from speech_tracker.errors import SpeechTrackerError
from speech_tracker.guard import shielded
from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.passing import SignalPasser
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session, state_path
from speech_tracker.ingest.stages import stage_of
from speech_tracker.ingest.tee import Tee, is_one_stream
from speech_tracker.lifecycle import status_of_signal

if TYPE_CHECKING:
    from speech_tracker.arguments import Status
    from speech_tracker.run import Run

logger = logging.getLogger("speech_tracker")

_DRAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A command and where its results appear.

    Attributes:
        command: program and arguments.
        results: folder that is followed; it may not exist yet.
        toolkit: whose results they are.
        interval: seconds between two looks.
        environment: of the command; None for ours.
    """

    command: Sequence[str]
    results: Path
    toolkit: str = "kaldi"
    interval: float = 5.0
    environment: Mapping[str, str] | None = None


def run_recipe(recipe: Recipe, destination: Destination) -> int:
    """Run a recipe to its end, and return its exit code as a shell would: 128 + n when signal n killed it.

    Raises:
        OSError: the command cannot be started.
    """
    _open_standard_streams()
    watcher = _Watcher(recipe, destination)
    watcher.signals.install()
    try:
        watcher.begin()
        return watcher.run()
    finally:
        watcher.signals.restore()


def _open_standard_streams() -> None:
    """Open those that are closed: the next file would get the number, and what the recipe says would go into it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # noqa: PERF203 - the lowest number that is free is this one, since those below are open
            os.open(os.devnull, os.O_RDWR)


class _Watcher:
    def __init__(self, recipe: Recipe, destination: Destination) -> None:
        self._recipe = recipe
        self._destination = destination
        self._run: Run | None = None
        self._lock = threading.Lock()
        self._stages = 0
        self.signals = SignalPasser()

    def begin(self) -> None:
        """Begin the run of the recipe itself; where that fails, say so and go without."""
        from speech_tracker.client import init

        command = without_credentials(self._recipe.command)
        try:
            self._run = init(
                self._destination.project,
                None,
                self._destination.group,
                config={"command": command, "folder": str(Path.cwd()), "recipe": shlex.join(command)},
                experiment=self._destination.group,
                mode=self._destination.mode,
                store=self._destination.store,
                job_type="recipe",
                tags=("recipe", self._recipe.toolkit),
            )
        except (SpeechTrackerError, OSError) as error:
            logger.warning("speech-tracker: the recipe runs without being recorded: %s", error)

    def run(self) -> int:
        """Start the command, follow what it makes, and return its exit code."""
        streams = [Tee(1, self._on_line)] if is_one_stream(1, 2) else [Tee(1, self._on_line), Tee(2, self._on_line)]
        began = time.monotonic()
        try:
            child = subprocess.Popen(
                list(self._recipe.command),
                stdout=streams[0].child_end,
                stderr=streams[-1].child_end,
                env=self._recipe.environment,
            )
        except OSError as error:
            self._end("failed", 126 + isinstance(error, FileNotFoundError), began, [str(error)])
            raise
        self.signals.begin(child)
        for stream in streams:
            stream.start()
        with contextlib.suppress(KeyboardInterrupt):  # only the reading of what an ended command has left is cut short
            self._follow(child)
        code = child.wait()
        with contextlib.suppress(KeyboardInterrupt):
            until = time.monotonic() + _DRAIN_SECONDS
            for stream in streams:
                stream.finish(max(0.0, until - time.monotonic()))
        exit_code = code if code >= 0 else 128 - code
        self._end(self._status(code), exit_code, began, list(streams[-1].last_lines or streams[0].last_lines))
        return exit_code

    def _status(self, code: int) -> Status:
        if code == 0:
            return "finished"
        # a shell whose child was killed ends with 128 + n; what catches a signal ends with a code of its own
        number = -code if code < 0 else code - 128
        ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if code < 0 or number in (*ending, signal.SIGKILL) or self.signals.received in ending:
            return cast("Status", status_of_signal(self.signals.received or number))
        return "failed"

    def _follow(self, child: subprocess.Popen[bytes]) -> None:
        """Read what the recipe makes while it runs, and once more when it has ended."""
        if self._run is None:
            return
        place, session = "following the recipe's results", None
        with shielded(place):
            session = self._session()
        willing = session is not None
        while child.poll() is None:
            if session is not None and willing:
                willing = False  # what fails is not tried again and again beside a training, only at its end
                with shielded(place):
                    try:
                        self._until_ended(session, child)
                        return
                    except (FileNotFoundError, NotADirectoryError):
                        willing = True  # nothing is there before the first stage, and some recipes begin with rm -r exp
            _wait(child, self._recipe.interval)
        if session is not None and self._recipe.results.is_dir():
            with shielded(place):
                session.once()

    def _until_ended(self, session: Session, child: subprocess.Popen[bytes]) -> None:
        pace = Pace(self._recipe.interval, math.inf, math.inf)
        session.follow(pace, over=lambda: child.poll() is not None, sleep=lambda pause: _wait(child, pause))

    def _session(self) -> Session:
        recipe, destination = self._recipe, self._destination
        state = state_path(destination.store_folder, recipe.toolkit, recipe.results)
        return Session(recipe.toolkit, ingester_of(recipe.toolkit), Source(recipe.results, state=state), destination)

    def _on_line(self, line: str) -> None:
        found = stage_of(line)
        if found is None:
            return
        with self._lock, shielded("recording a stage"):
            if self._run is not None:
                self._stages += 1
                self._run.log_event("stage", stage=found[0], said=found[1], number=self._stages)

    def _end(self, status: Status, exit_code: int, began: float, last_lines: list[str]) -> None:
        with self._lock, shielded("recording the end of the recipe"):
            run, self._run = self._run, None
            if run is None:
                return
            seconds = round(time.monotonic() - began, 3)
            facts: dict[str, Any] = {"exit_code": exit_code, "seconds": seconds, "stages": self._stages}
            if self.signals.received is not None:
                facts["signal"] = self.signals.received.name
            if exit_code:
                facts["last_lines"] = last_lines
            run.log_event("command-ended", **facts)
            run.log_json("recipe", {"command": without_credentials(self._recipe.command), **facts})
            run.finish(status, reason=None if exit_code == 0 else f"exit code {exit_code}")


def _wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=seconds)


def working_name() -> str:
    """Return the name of the recipe that the working folder is: ``librispeech/s5``."""
    parts = Path(os.path.abspath(os.curdir)).parts  # noqa: PTH100 - resolves no links: their names are the recipe's
    return "/".join(parts[-2:]) if len(parts) > 2 and parts[-1].startswith("s5") else parts[-1]
