"""From the description of an experiment to runs: what is new is recorded, and nothing twice."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from speech_tracker import paths
from speech_tracker.ingest.additions import Additions
from speech_tracker.ingest.found import (
    Found,
    FoundRun,
    LocatedProblem,
)
from speech_tracker.ingest.joined import without_recorded
from speech_tracker.ingest.known import KnownRun, read_known

if TYPE_CHECKING:
    from speech_tracker.arguments import Mode
    from speech_tracker.run import Run

logger = logging.getLogger("speech_tracker")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where runs go.

    Attributes:
        project: of all of them; None for the default.
        group: the experiment that they belong to; in W&B the group.
        mode: ``online``, ``offline``, ``local``, ``disabled``; None for the default.
        store: folder of the local store; None for the default.
        single_name: name of the run, where there is only one.
    """

    project: str | None = None
    group: str | None = None
    mode: Mode | None = None
    store: Path | None = None
    single_name: str | None = None

    @property
    def store_folder(self) -> Path:
        """The local store."""
        return self.store if self.store is not None else paths.store_folder()


class Recorder:
    """Records what was found, pass by pass; what a pass adds, the next one knows.

    Args:
        toolkit: name of the toolkit, for ids and tags.
        destination: where the runs go.
    """

    def __init__(self, toolkit: str, destination: Destination) -> None:
        self.toolkit = toolkit
        self.destination = destination
        self.added = 0
        self._known: dict[str, KnownRun] = {}
        self._open: dict[str, Run] = {}

    def run_id(self, run: FoundRun) -> str:
        """Return the id of a run: what its folder remembers, else one made of the project and the folder."""
        try:
            remembered = paths.recall(Path(run.folder))
        except OSError as error:
            logger.warning("speech-tracker: %s", error)
            remembered = None
        if remembered is not None:
            return remembered.run
        project = self.destination.project or os.environ.get("WANDB_PROJECT") or "speech"
        name = f"{project}\0{run.folder}"
        return f"{self.toolkit}-{hashlib.blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=6).hexdigest()}"

    def record(self, found: Found, *, live: bool = False) -> list[LocatedProblem]:
        """Record what is new, and return the problems that only showed when the details were read.

        Args:
            found: the description.
            live: whether the experiment is being followed: runs that go on stay open.
        """
        ids = {run.path: self.run_id(run) for run in found.runs}
        problems: list[LocatedProblem] = []
        for run in found.runs:
            problems += self._record_run(run, ids, found, live=live)
        return problems

    def close(self, reason: str) -> None:
        """Let go of the runs that are still open, because nobody follows them any longer.

        Args:
            reason: why, for people.
        """
        for run_id, run in list(self._open.items()):
            run.finish("preempted", reason=reason)
            del self._open[run_id]

    def _record_run(self, run: FoundRun, ids: dict[str, str], found: Found, *, live: bool) -> list[LocatedProblem]:
        run_id = ids[run.path]
        known = self._known.get(run_id)
        if known is None:
            known = self._known[run_id] = read_known(paths.run_folder(self.destination.store_folder, run_id))
        partial = found.partial and known.exists
        if partial and known.status in ("finished", "failed", "killed"):
            # a part of a run says nothing of the whole
            run = replace(run, status=known.status, complete=True)  # type: ignore[arg-type]
        if known.live is not None:
            if known.live.running:  # it records itself
                return []
            run = without_recorded(run, known.live)
        additions = Additions(run, known, ids, partial=partial or known.live is not None)
        if known.live is not None and not additions.points and known.status in ("finished", "failed", "killed"):
            run = replace(run, status=known.status, complete=True)  # type: ignore[arg-type]
        stays_open = live and not run.complete
        if not additions.any and (known.status == run.status or (stays_open and run_id in self._open)):
            return []
        if not additions.any and known.exists and (known.live is not None or (run.status == "running" and not live)):
            return []
        handle = self._open.get(run_id) or self._begin(run, run_id, known, alone=len(found.runs) == 1)
        self._open[run_id] = handle
        additions.write(handle)
        self.added += additions.count
        known.exists = True
        if not stays_open:
            del self._open[run_id]
            if run.status == "running":
                reason = "it was still running when it was read; ingest it again, or with --follow"
                handle.finish("preempted", reason=reason)
            else:
                handle.finish(run.status, reason=None if run.status == "finished" else "as its logs say")
            known.status = run.status
        return additions.problems

    def _begin(self, run: FoundRun, run_id: str, known: KnownRun, *, alone: bool) -> Run:
        from speech_tracker.client import init

        if known.live is not None:  # it has a name already
            told = known.live.identity
            return init(
                told["project"],
                told["task"],
                told["name"],
                experiment=told.get("experiment"),
                id=run_id,
                mode=self.destination.mode,
                store=self.destination.store,
                capture_environment=False,
            )
        name = self.destination.single_name if alone and self.destination.single_name else run.name
        return init(
            self.destination.project,
            run.task,
            name,
            experiment=self.destination.group if self.destination.single_name or not run.group else run.group,
            id=run_id,
            mode=self.destination.mode,
            store=self.destination.store,
            job_type=run.kind,
            tags=(self.toolkit, run.kind),
            created_at=run.began,
            capture_environment=False,
        )


def with_problems(found: Found, more: Iterable[LocatedProblem]) -> Found:
    """Return a description with further problems."""
    extra = tuple(more)
    return replace(found, problems=tuple(dict.fromkeys((*found.problems, *extra)))) if extra else found
