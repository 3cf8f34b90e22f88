"""Carrying a journal over into a session: what, in which order, how far it got."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from speech_tracker.journal.record import Record
from speech_tracker.sync import project
from speech_tracker.sync.calls import Alert, Call, Configure, Define, Describe, Preempting, Publish, Row, Summarize
from speech_tracker.sync.media import has_media
from speech_tracker.sync.order import PIECE, Order, Superseded, find_rewinds
from speech_tracker.sync.project import Projection
from speech_tracker.sync.session import Beat, RefusedError, Session, Target, UnsupportedError
from speech_tracker.sync.state import State

BATCH = 2000
"""Records whose configuration is sent as one."""

UPLOAD_VARIABLE = "SPEECH_TRACKER_WANDB_CHECKPOINTS"
"""Set to ``upload``, checkpoints are uploaded; else W&B is told where they lie."""


class Rewound(Exception):  # noqa: N818 - not an error: the session is to be opened anew
    """Rows that were sent have been superseded since."""


class Forward:
    """Sends a run's records into a session, each once.

    Use: `prepare`, then open the session that `State` asks for, then `begin`, `advance` as often as you like, `end`.

    Args:
        folder: the run's folder.
        state: how far it got; kept up to date, and saved before anything is sent that it speaks of.
        beat: called often while this works.
        keep: whether to store the state; False where a whole folder is made from the beginning.
        piece: bytes of the journal that `advance` sends at a time.
    """

    def __init__(self, folder: Path, state: State, *, beat: Beat, keep: bool = True, piece: int = PIECE) -> None:
        self.folder = folder
        self.state = state
        self.rows = 0
        self.artifacts = 0
        self.sent_rows = 0
        self._beat = beat
        self._keep = keep
        self._session: Session | None = None
        self._first = 0
        self._offset = 0
        self._again_from = 0
        self._order = Order(folder, state.slices if keep else (), piece=piece)
        self._superseded = Superseded(())
        self._rewinds_before: list[str] = []
        self._latest: dict[str, float] = {}
        self.projection = Projection(folder, upload_checkpoints=os.environ.get(UPLOAD_VARIABLE) == "upload")

    @property
    def position(self) -> dict[str, int]:
        """Bytes of each segment that have been read."""
        return self._order.position

    # ---- before the session -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Find out whether rows that were sent have to be taken back, and take note of it in the state.

        They have to when a rewind superseded them since, when the journal lost them (a power loss can take what W&B had
        got already), and when they were made by other rules (`project.VERSION`), by which they cannot be counted.
        """
        state = self.state
        if self._keep and state.rules != project.VERSION:
            if state.rows:
                state.truncate = 0
            state.rules = project.VERSION
        self._rewinds_before = list(state.rewinds)
        rewinds = find_rewinds(self.folder)
        known = [rewind for rewind in rewinds if _name(rewind) in state.rewinds]
        lost = self._order.clip()
        if lost and self._keep:
            state.slices = list(self._order.slices)
        if self._keep and state.keeps_superseded:
            self._superseded = Superseded(known)
            return
        self._superseded = Superseded(rewinds)
        if self._keep and (lost or len(known) < len(rewinds)):
            good = self._rows_that_count(known)
            if good < state.rows:
                state.truncate = good if state.truncate is None else min(good, state.truncate)
        state.rewinds = [_name(rewind) for rewind in rewinds]

    def keep_superseded(self) -> None:
        """Give up taking rows back, since the server cannot: what it has keeps its place."""
        self.state.keeps_superseded, self.state.truncate = True, None
        self.state.rewinds = self._rewinds_before
        self.prepare()

    def _rows_that_count(self, known: list[Record]) -> int:
        """Return how many of the rows that were sent still count, up to the first that does not."""
        before = Superseded(known)
        rows = 0
        probe = Projection(self.folder)
        for record in Order(self.folder, self._order.slices).replay():
            if record in before:
                continue
            if record in self._superseded:
                break
            rows += sum(isinstance(call, Row) for call in probe.feed(record))
        return rows

    def target(self, *, process: int | None) -> Target:
        """Return the W&B run that this run is, from the records that were written first."""
        identity: dict[str, Any] = {}
        environment: dict[str, Any] = {}
        began: float | None = None
        for record in _first_records(self.folder):
            began = record.time if began is None else began
            if record.kind == "run":
                identity.update(record.data)
            elif record.kind == "environment":
                environment = record.data
        return Target(
            run=self.state.run,
            project=self.state.project or identity.get("project"),
            entity=self.state.entity or identity.get("entity"),
            name=identity.get("name"),
            group=identity.get("experiment"),
            job_type=identity.get("job_type"),
            notes=identity.get("description"),
            tags=tuple(str(tag)[:64] for tag in identity.get("tags", ()) if tag),
            began=identity.get("created_at") or began,
            environment=environment,
            process=process,
        )

    # ---- the session --------------------------------------------------------------------------------------------

    def begin(self, session: Session, *, first: int, offset: int = 0) -> None:
        """Catch up: go through what was read before, and send of it what W&B lacks.

        Args:
            session: the open session.
            first: the first row that W&B lacks.
            offset: rows of somebody else's that W&B's run had before ours.
        """
        self._session = session
        self._first = first
        self._offset = offset
        self._again_from = min(self.state.confirmed_rows, first) if self._keep else first
        batch: list[Record] = []
        for record in self._order.replay():
            batch.append(record)
            if len(batch) >= BATCH:
                self._send(batch)
                batch = []
        self._send(batch)

    def advance(self, *, others: bool = True) -> bool:
        """Send the next piece of what is new; return whether there was any.

        Raises:
            Rewound: rows that were sent have been superseded; the session must be opened anew.
        """
        records = self._order.poll(others=others)
        if not records:
            if self._first > self.rows and others:
                raise RefusedError(
                    f"W&B has {self._first} rows of run {self.state.run}, and its journal {self.rows}: something else "
                    "wrote to that run as well; set WANDB_RUN_ID to an id of your own and start again"
                )
            return False
        for record in records:
            if record.kind == "rewind" and _name(record) not in self.state.rewinds:
                self._rewind()
        if self._keep:
            self.state.slices = list(self._order.slices)
        for begin in range(0, len(records), BATCH):
            self._send(records[begin : begin + BATCH])
        return True

    def _rewind(self) -> None:
        if self._keep and self.state.keeps_superseded:
            return
        rewinds = find_rewinds(self.folder)
        new = [rewind for rewind in rewinds if _name(rewind) not in self.state.rewinds]
        for axis, latest in self._latest.items():
            if any(axis in rewind.data and latest > rewind.data[axis] for rewind in new):
                raise Rewound
        self._superseded = Superseded(rewinds)
        self.state.rewinds = [_name(rewind) for rewind in rewinds]

    def _send(self, records: Iterable[Record]) -> None:
        calls: list[Call] = []
        for record in records:
            if record not in self._superseded:
                calls += self.projection.feed(record)
        self._carry_out(calls)

    def _carry_out(self, calls: list[Call]) -> None:
        session = self._session
        assert session is not None, "begin() comes first"
        first_of_batch = self.rows
        self.rows += sum(isinstance(call, Row) for call in calls)
        if self._keep and self.rows > self.state.rows:
            self.state.rows = self.rows
            self.state.save(self.folder)  # before the rows are out: what W&B may have must be known to be ours
        descriptions = [call for call in calls if isinstance(call, Describe)]
        if descriptions:
            session.describe(descriptions[-1])
        configuration = {
            key: value for call in calls if isinstance(call, Configure) for key, value in call.values.items()
        }
        if configuration:
            session.configure(configuration)
        self._history(session, calls, first_of_batch)
        for call in calls:
            if isinstance(call, Summarize):
                session.summarize(call.values)
            elif isinstance(call, (Publish, Alert)):
                self._once(session, call)
            elif isinstance(call, Preempting):
                session.preempting()

    def _history(self, session: Session, calls: list[Call], number: int) -> None:
        for call in calls:
            if isinstance(call, Define):
                session.define(call)
            elif isinstance(call, Row):
                for axis in ("step", "epoch"):
                    if axis in call.values:
                        self._latest[axis] = max(call.values[axis], self._latest.get(axis, call.values[axis]))
                if number >= self._first:
                    session.row(call.values, call.time, number + self._offset)
                    self.sent_rows += 1
                    if self.sent_rows % 100 == 0:
                        self._beat()
                elif number >= self._again_from and has_media(call.values):
                    session.media_again(call.values, number + self._offset)
                number += 1
        self._beat()

    def _once(self, session: Session, call: Publish | Alert) -> None:
        if self._keep and (call.identity in self.state.done or call.identity in self.state.refused):
            return
        if isinstance(call, Alert):
            session.alert(call)
            self.state.done.append(call.identity)
            return
        try:
            session.publish(call, self._beat)
        except UnsupportedError as reason:
            self.state.refused[call.identity] = f"{call.type} {call.name}: {reason}"
            return
        self.artifacts += 1
        if self._keep:
            self.state.done.append(call.identity)

    def end(self) -> None:
        """Send what is said last."""
        self._carry_out(self.projection.close())


def _first_records(folder: Path) -> Iterator[Record]:
    """Yield the records before the first metrics of each segment: identity, configuration, environment."""
    from speech_tracker.journal.merge import segment_files
    from speech_tracker.journal.reader import scan

    for _, _, path in segment_files(folder):
        with path.open("rb") as file:
            data = file.read(8 * 1024 * 1024)
        end = data.rfind(b"\n") + 1
        for found in scan(data[:end], path):
            if isinstance(found, Record):
                if found.kind in ("metrics", "rank_metrics"):
                    break
                yield found


def _name(record: Record) -> str:
    return f"{record.segment}:{record.number}"
