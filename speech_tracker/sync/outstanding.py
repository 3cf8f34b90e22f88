"""What of a run W&B does not have yet, as far as can be known without asking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_tracker.journal.record import Record
from speech_tracker.sync.calls import Alert, Publish, Row
from speech_tracker.sync.order import Order, Superseded, find_rewinds
from speech_tracker.sync.project import SILENT, Projection
from speech_tracker.sync.state import State


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What is left to send.

    Attributes:
        records: records of the journal that W&B may not have (those that it is never told of are not counted).
        rows: rows of the history among them.
        artifacts: artifacts and alerts that it does not have.
        all_rows, all_artifacts: how many there are altogether.
    """

    records: int = 0
    rows: int = 0
    artifacts: int = 0
    all_rows: int = 0
    all_artifacts: int = 0

    def __bool__(self) -> bool:
        return bool(self.records or self.rows or self.artifacts)

    def to_dict(self) -> dict[str, Any]:
        """Return what is left, for `State.pending`."""
        return {"records": self.records, "rows": self.rows, "artifacts": self.artifacts}

    def __str__(self) -> str:
        parts = [f"{self.records} records"]
        if self.rows:
            parts.append(f"{self.rows} of them rows of the history")
        if self.artifacts:
            parts.append(f"{self.artifacts} artifacts")
        return ", ".join(parts)


def outstanding(folder: Path, state: State) -> Outstanding:
    """Return what W&B, as `state` knows it, does not have of the run in `folder`."""
    superseded = Superseded(find_rewinds(folder))
    projection = Projection(folder)
    order = Order(folder, state.slices)
    rows = late = unconfirmed = 0
    wanted: set[str] = set()
    for record, fresh in _all(order):
        if record in superseded:
            continue
        calls = projection.feed(record)
        made = sum(isinstance(call, Row) for call in calls)
        wanted.update(call.identity for call in calls if isinstance(call, (Publish, Alert)))
        if fresh:
            late += record.kind not in SILENT or record.kind == "rewind"
        elif made and rows + made > state.confirmed_rows:
            unconfirmed += 1
        rows += made
    wanted.update(call.identity for call in projection.close() if isinstance(call, Publish))
    missing = wanted - set(state.done) - set(state.refused)
    return Outstanding(late + unconfirmed, max(rows - state.confirmed_rows, 0), len(missing), rows, len(wanted))


def _all(order: Order) -> Iterator[tuple[Record, bool]]:
    """Yield every record, and whether nobody has read it before."""
    for record in order.replay():
        yield record, False
    while records := order.poll():
        for record in records:
            yield record, True
