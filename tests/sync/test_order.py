"""The order of records: lasting, whatever is read when."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.encoding import encode
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.record import Record, line, opening
from speech_tracker.sync.order import Order, Superseded, find_rewinds


class Segment:
    """Writes a segment line by line."""

    def __init__(self, folder: Path, name: str, role: str = "main") -> None:
        self.path = folder / "segments" / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._start = opening("abc", name)
        self._number = 0
        self.write("segment", {"role": role})

    def write(self, kind: str, data: dict[str, object]) -> None:
        with self.path.open("ab") as file:
            file.write(line(self._start, self._number, 1.0, kind, encode(data)))
        self._number += 1

    def step(self, step: int) -> None:
        self.write("metrics", {"values": {"loss": 1.0}, "step": step})


def drain(order: Order) -> list[Record]:
    records: list[Record] = []
    while piece := order.poll():
        records += piece
    return records


def names(records: list[Record]) -> list[tuple[str, int]]:
    return [(record.segment, record.number) for record in records]


def test_a_torn_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "0001-rank0")
    whole = segment.path.read_bytes()
    segment.step(1)
    everything = segment.path.read_bytes()
    segment.path.write_bytes(everything[: len(whole) + 10])
    order = Order(tmp_path)
    assert len(drain(order)) == 1
    segment.path.write_bytes(everything)
    assert len(drain(order)) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60), st.integers(40, 400))
def test_what_was_read_in_any_interleaving_is_replayed_in_the_same_order(
    tmp_path_factory: object, actions: list[tuple[int, bool]], piece: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("order")  # type: ignore[attr-defined]
    segments = [
        Segment(folder, "0001-rank0"),
        Segment(folder, "0002-rank1", "rank"),
        Segment(folder, "0003-rank0", "attached"),
    ]
    order, seen, steps = Order(folder, piece=piece), [], 0
    for which, poll in actions:
        segments[which].step(steps := steps + 1)
        if poll:
            seen += order.poll(others=which != 0)
            again = Order(folder, order.slices)
            assert names(list(again.replay())) == names(seen)
    seen += drain(order)
    again = Order(folder, order.slices)
    assert names(list(again.replay())) == names(seen) and not again.poll()
    assert sorted(names(seen)) == sorted(names(list(read_journal(folder).records)))


def test_one_writer_makes_one_slice(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "0001-rank0")
    order = Order(tmp_path)
    for step in range(20):
        segment.step(step)
        order.poll()
    assert len(order.slices) == 1


def test_other_segments_are_left_alone_until_asked_for(tmp_path: Path) -> None:
    Segment(tmp_path, "0001-rank0").step(1)
    Segment(tmp_path, "0002-rank1", "rank").step(1)
    order = Order(tmp_path)
    assert {record.segment for record in order.poll(others=False)} == {"0001-rank0"}
    assert order.poll(others=False) == []
    assert {record.segment for record in order.poll()} == {"0002-rank1"}


def test_a_record_written_twice_is_read_once(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "0001-rank0")
    segment.step(1)
    last = segment.path.read_bytes().splitlines(keepends=True)[-1]
    with segment.path.open("ab") as file:
        file.write(last)
    assert len(drain(Order(tmp_path))) == 2


def test_what_a_segment_lost_is_forgotten(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "0001-rank0")
    segment.step(1)
    keep = segment.path.read_bytes()
    segment.step(2)
    order = Order(tmp_path)
    drain(order)
    segment.path.write_bytes(keep)
    again = Order(tmp_path, order.slices)
    assert again.clip() and len(list(again.replay())) == 2 and not again.clip()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.booleans()), max_size=25))
def test_streaming_leaves_out_exactly_what_the_journal_supersedes(
    tmp_path_factory: object, actions: list[tuple[int, int, bool]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("rewind")  # type: ignore[attr-defined]
    segments = [Segment(folder, "0001-rank0"), Segment(folder, "0002-rank0")]
    for which, step, rewind in actions:
        if rewind:
            segments[which].write("rewind", {"step": step})
        else:
            segments[which].step(step)
    superseded = Superseded(find_rewinds(folder))
    kept = [record for record in drain(Order(folder)) if record not in superseded]
    assert sorted(names(kept)) == sorted(names(list(read_journal(folder).records)))


def test_the_rewind_of_an_attached_handle_counts_for_nothing(tmp_path: Path) -> None:
    Segment(tmp_path, "0001-rank0").step(5)
    Segment(tmp_path, "0002-rank0", "attached").write("rewind", {"step": 1})
    assert find_rewinds(tmp_path) == []
