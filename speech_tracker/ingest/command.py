"""A recipe started under our eyes: its command, environment, stages and exit code, and what its `exp/` becomes.

The recipe comes first: where nothing can be recorded, it runs all the same, and its exit code is what is returned.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from speech_tracker.errors import SpeechTrackerError
from speech_tracker.guard import shielded
from speech_tracker.ingest.ingester import Source, ingester_of
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.session import Pace, Session, state_path
from speech_tracker.ingest.stages import stage_of
from speech_tracker.ingest.tee import Tee

if TYPE_CHECKING:
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
    """

    command: Sequence[str]
    results: Path
    toolkit: str = "kaldi"
    interval: float = 5.0


def run_recipe(recipe: Recipe, destination: Destination) -> int:
    """Run a recipe to its end, and return its exit code as a shell would: 128 + n when signal n killed it.

    Raises:
        OSError: the command cannot be started.
    """
    watcher = _Watcher(recipe, destination)
    previous = {number: signal.signal(number, watcher.forward) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        watcher.begin()
        return watcher.run()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Watcher:
    def __init__(self, recipe: Recipe, destination: Destination) -> None:
        self._recipe = recipe
        self._destination = destination
        self._run: Run | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._received: int | None = None
        self._stages = 0

    def forward(self, number: int, _frame: FrameType | None) -> None:
        """Hand a signal on to the recipe, which decides what becomes of it."""
        self._received = number
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def begin(self) -> None:
        """Begin the run of the recipe itself; where that fails, say so and go without."""
        from speech_tracker.client import init

        command = shlex.join(self._recipe.command)
        try:
            self._run = init(
                self._destination.project,
                None,
                self._destination.group,
                config={"command": list(self._recipe.command), "folder": str(Path.cwd()), "recipe": command},
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
        streams = [Tee(1, self._on_line), Tee(2, self._on_line)]
        began = time.monotonic()
        try:
            self._child = subprocess.Popen(
                list(self._recipe.command), stdout=streams[0].child_end, stderr=streams[1].child_end
            )
        except OSError as error:
            self._end("failed", 127, began, [str(error)])
            raise
        for stream in streams:
            stream.start()
        self._follow(self._child)
        code = self._child.wait()
        for stream in streams:
            stream.finish(_DRAIN_SECONDS)
        exit_code = code if code >= 0 else 128 - code
        status = "finished" if code == 0 else "killed" if code < 0 or exit_code in (130, 137, 143) else "failed"
        self._end(status, exit_code, began, list(streams[1].last_lines or streams[0].last_lines))
        return exit_code

    def _follow(self, child: subprocess.Popen[bytes]) -> None:
        session: Session | None = None
        if self._run is not None:
            with shielded("preparing to follow the recipe's results"):
                session = self._session()
        while child.poll() is None:
            if session is not None and self._recipe.results.is_dir():
                with shielded("following the recipe's results"):
                    self._until_ended(session, child)
                session = None  # what failed once is not tried again and again beside a training
            self._wait(child)
        if session is not None and self._recipe.results.is_dir():  # it was over before the first look
            with shielded("reading the recipe's results"):
                session.once()

    def _until_ended(self, session: Session, child: subprocess.Popen[bytes]) -> None:
        pace = Pace(self._recipe.interval, math.inf, math.inf)
        while True:
            try:
                session.follow(pace, over=lambda: child.poll() is not None, sleep=lambda _: self._wait(child))
            except KeyboardInterrupt:
                # the recipe got it too, and ends or goes on as it likes
                self._received = signal.SIGINT
                continue
            return

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(timeout=self._recipe.interval)
        except subprocess.TimeoutExpired:
            return
        except KeyboardInterrupt:
            self._received = signal.SIGINT

    def _session(self) -> Session:
        recipe, destination = self._recipe, self._destination
        state = state_path(destination.store_folder, recipe.toolkit, recipe.results)
        return Session(recipe.toolkit, ingester_of(recipe.toolkit), Source(recipe.results, state=state), destination)

    def _on_line(self, line: str) -> None:
        found = stage_of(line)
        if found is not None and self._run is not None:
            with shielded("recording a stage"):
                self._stages += 1
                self._run.log_event("stage", stage=found[0], said=found[1], number=self._stages)

    def _end(self, status: Any, exit_code: int, began: float, last_lines: list[str]) -> None:
        if self._run is None:
            return
        with shielded("recording the end of the recipe"):
            seconds = round(time.monotonic() - began, 3)
            facts: dict[str, Any] = {"exit_code": exit_code, "seconds": seconds, "stages": self._stages}
            if self._received is not None:
                facts["signal"] = signal.Signals(self._received).name
            if exit_code:
                facts["last_lines"] = last_lines
            self._run.log_event("command-ended", **facts)
            self._run.log_json("recipe", {"command": list(self._recipe.command), **facts})
            reason = None if exit_code == 0 else f"exit code {exit_code}"
            self._run.finish(status, reason=reason)


def working_name() -> str:
    """Return the name of the recipe that the working folder is: ``librispeech/s5``."""
    parts = Path(os.path.abspath(os.curdir)).parts  # noqa: PTH100 - resolves no links: their names are the recipe's
    return "/".join(parts[-2:]) if len(parts) > 2 and parts[-1].startswith("s5") else parts[-1]
