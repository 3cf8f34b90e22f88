"""Following a journal gives each record once, whatever the moments at which it is looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.errors import RunNotFoundError
from speech_tracker.journal.merge import read_journal
from speech_tracker.journal.reader import Damage, read_segment
from speech_tracker.journal.record import Record, line, opening
from speech_tracker.journal.tail import Tail
from speech_tracker.journal.writer import SegmentWriter


def lines(segment: str, count: int, size: int = 10) -> list[bytes]:
    start = opening("r", segment)
    return [
        line(start, number, 1.7e9, "metrics", b'{"values":{"x":%d,"y":"%s"}}' % (number, b"z" * (number * size % 97)))
        for number in range(count)
    ]


class Growing:
    """A run of one segment whose file grows as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "segments" / "0001-rank0.jsonl"
        self.path.parent.mkdir(parents=True)
        self.path.touch()

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)


def in_file(run: Growing) -> list[Record]:
    return [each for each in read_segment(run.path) if isinstance(each, Record)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_polled_at_any_moments_it_gives_each_record_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    content = bytearray(b"".join(lines("0001-rank0", count)))
    for _ in range(data.draw(st.integers(0, 3))):  # damage anywhere, the last newline included
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.sampled_from(b'\nx{"\x00'))
    if data.draw(st.booleans()):  # written again, as after a write whose success was not seen
        content += b"\n" + lines("0001-rank0", count)[-1]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    at_most = data.draw(st.sampled_from([1, 7, 100, 10**6]))
    restart = data.draw(st.booleans())
    with tempfile.TemporaryDirectory() as folder:
        run = Growing(Path(folder))
        tail, records = Tail(run.folder), []
        for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            run.append(bytes(content[begin:end]))
            if restart:  # another process goes on from the stored position
                tail = Tail(run.folder, tail.position)
            records += tail.poll(at_most=at_most)
        while more := tail.poll(at_most=at_most):
            records += more
        for _ in range(len(content)):  # pieces that hold no record
            records += tail.poll(at_most=at_most)
        assert [repr(record) for record in records] == [repr(record) for record in in_file(run)]
        found = {each.line for each in read_segment(run.path) if isinstance(each, Damage) and not each.torn}
        assert restart or {each.line for each in tail.damage} == found


def test_it_waits_for_the_rest_of_an_unfinished_line(tmp_path: Path) -> None:
    run, (first, second) = Growing(tmp_path), lines("0001-rank0", 2)
    tail = Tail(tmp_path)
    run.append(first + second[:40])
    assert [record.number for record in tail.poll()] == [0]
    assert tail.poll() == []
    assert tail.damage == []
    run.append(second[40:])
    assert [record.number for record in tail.poll()] == [1]


def test_a_last_record_whose_newline_never_came_is_not_withheld(tmp_path: Path) -> None:
    run, (first, second) = Growing(tmp_path), lines("0001-rank0", 2)
    tail = Tail(tmp_path)
    run.append(first + second[:-1])  # the disk was full at exactly this byte
    assert [record.number for record in tail.poll()] == [0, 1]
    run.append(b"\n" + lines("0001-rank0", 3)[2])
    assert [record.number for record in tail.poll()] == [2]
    assert tail.damage == []


def test_damage_is_reported_with_its_line_in_the_whole_file_also_after_a_restart(tmp_path: Path) -> None:
    run, texts = Growing(tmp_path), lines("0001-rank0", 4)
    run.append(texts[0] + texts[1])
    first = Tail(tmp_path)
    first.poll()
    again = Tail(tmp_path, first.position)
    run.append(b"junk\n" + texts[2])
    assert [record.number for record in again.poll()] == [2]
    (damage,) = again.damage
    assert (damage.path, damage.line, damage.offset) == (run.path, 3, len(texts[0] + texts[1]))


def test_a_record_that_is_repeated_after_a_restart_is_dropped(tmp_path: Path) -> None:
    run, texts = Growing(tmp_path), lines("0001-rank0", 3)
    run.append(texts[0] + texts[1])
    first = Tail(tmp_path)
    first.poll()
    run.append(texts[1] + texts[2])
    assert [record.number for record in Tail(tmp_path, first.position).poll()] == [2]


def test_a_record_larger_than_the_piece_that_is_read_comes_whole(tmp_path: Path) -> None:
    run = Growing(tmp_path)
    run.append(line(opening("r", "0001-rank0"), 0, 1.0, "json", b'"%s"' % (b"x" * 5000)))
    (record,) = Tail(tmp_path).poll(at_most=64)
    assert len(record.data) == 5000


def test_segments_that_appear_later_are_followed_too(tmp_path: Path) -> None:
    one = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"})
    one.append("event", {"name": "a"})
    tail = Tail(tmp_path)
    assert len(tail.poll()) == 2
    other = SegmentWriter(tmp_path, "r", rank=1, header={"role": "rank"})
    other.append("event", {"name": "b"})
    one.append("event", {"name": "c"})
    assert [record.data.get("name") for record in tail.poll()] == ["c", None, "b"]
    assert set(tail.position) == {"0001-rank0", "0002-rank1"}
    for writer in (one, other):
        writer.close()


def test_what_is_followed_is_what_is_read(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r", rank=0, header={"role": "main"})
    tail, records = Tail(tmp_path), []
    with pytest.raises(RunNotFoundError, match="it has no segments"):
        tail.poll()
    for number in range(200):
        writer.append("metrics", {"values": {"x": number}, "step": number})
        if number % 7 == 0:
            records += tail.poll()
    writer.close()
    records += tail.poll()
    assert records == list(read_journal(tmp_path).records)
