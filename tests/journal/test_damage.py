"""Whatever happens to the bytes of a segment, exactly the undamaged records are read, in order, and the rest is reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speech_tracker.encoding import encode, tag
from speech_tracker.journal import reader
from speech_tracker.journal.reader import Damage, read_segment, scan
from speech_tracker.journal.record import VERSION, Record, line, opening, parse

PATH = Path("runs/a/segments/0001-rank0.jsonl")

# data that tries to be taken for a part of the frame: checksums, beginnings of records, newlines, keys with $
_AWKWARD = st.sampled_from(
    [
        {"crc": "01234567"},
        {"a": 1, "crc": "deadbeef"},
        {"text": '{"v":1,"run":"r","segment":"0001-rank0","n":0,'},
        {"text": ',"crc":"01234567"}\n'},
        {"$float": "nan"},
        {"values": {"train/loss": float("nan")}, "step": 3},
        {},
        "ü" * 50,
    ]
)
_DATA = st.one_of(
    _AWKWARD, st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=30)), max_size=4)
)


@dataclass(frozen=True)
class Built:
    data: bytes
    texts: list[bytes]
    starts: list[int]

    def line_of(self, offset: int) -> int:
        return self.data.count(b"\n", 0, offset) + 1


def build(contents: list[object], run: str = "r", segment: str = "0001-rank0") -> Built:
    texts = [
        line(opening(run, segment), number, 1.7e9 + number, "json", encode(tag(content)))[:-1]
        for number, content in enumerate(contents)
    ]
    starts = [sum(len(text) + 1 for text in texts[:number]) for number in range(len(texts))]
    return Built(b"".join(text + b"\n" for text in texts), texts, starts)


_segments = st.lists(_DATA, min_size=1, max_size=6).map(build)


def read(data: bytes) -> tuple[list[Record], list[Damage]]:
    found = list(scan(data, PATH))
    records = [each for each in found if isinstance(each, Record)]
    damage = [each for each in found if isinstance(each, Damage)]
    for each in damage:  # every report says where and why, and says it truly
        assert each.path == PATH
        assert each.line == data.count(b"\n", 0, each.offset) + 1
        assert each.reason
        assert 0 < each.size <= len(data) - each.offset
        assert b"\n" not in data[each.offset : each.offset + each.size]
        assert str(each) == f"{PATH}:{each.line}: {each.reason}"
        assert each.torn == (each.offset + each.size == len(data))
    # what is neither a record nor the end of a line is reported: nothing disappears without a word
    covered = sum(each.size for each in damage) + data.count(b"\n")
    assert covered + sum(len(_text_of(each)) for each in records) == len(data)
    return records, damage


def _text_of(record: Record) -> bytes:
    start = opening(record.run, record.segment)
    return line(start, record.number, record.time, record.kind, encode(tag(record.data)))[:-1]


def expected(texts: list[bytes], data: bytes) -> list[str]:
    """The undamaged records: those of which every byte is still there, together."""
    return [repr(parse(text)) for text in texts if text in data]


def shown(records: list[Record]) -> list[str]:
    return [repr(record) for record in records]


@settings(deadline=None, max_examples=60)
@given(_segments, st.data())
def test_any_prefix_gives_the_whole_records_and_reports_the_torn_one(built: Built, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(built.data)))
    records, damage = read(built.data[:cut])
    whole = [text for text, start in zip(built.texts, built.starts, strict=True) if start + len(text) <= cut]
    assert shown(records) == [repr(parse(text)) for text in whole]
    torn = [start for text, start in zip(built.texts, built.starts, strict=True) if start < cut < start + len(text)]
    assert [each.offset for each in damage] == torn
    assert all(each.torn and each.line == len(whole) + 1 for each in damage)


@settings(deadline=None, max_examples=150)
@given(_segments, st.data())
def test_any_changed_byte_costs_at_most_the_record_that_it_is_in(built: Built, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(built.data) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda value: value != built.data[place]))
    changed = built.data[:place] + bytes([new]) + built.data[place + 1 :]
    records, damage = read(changed)
    lost = [
        number
        for number, (text, start) in enumerate(zip(built.texts, built.starts, strict=True))
        if start <= place < start + len(text)
    ]
    assert [record.number for record in records] == [n for n in range(len(built.texts)) if n not in lost]
    assert shown(records) == [repr(parse(built.texts[record.number])) for record in records]
    assert damage


@settings(deadline=None, max_examples=100)
@given(_segments, st.data())
def test_any_cut_out_piece_costs_only_the_records_that_it_touches(built: Built, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(built.data)))
    end = data.draw(st.integers(begin, len(built.data)))
    left = built.data[:begin] + built.data[end:]
    records, _ = read(left)
    assert shown(records) == expected(built.texts, left)


@settings(deadline=None, max_examples=150)
@given(
    _segments,
    st.one_of(
        st.binary(min_size=1, max_size=60),
        st.sampled_from(
            [b'{"v":1,"run":"', b',"crc":"01234567"}', b"\n", b"\n\n\r\n", b"\x00" * 4096, b'"}', b"\xff\xfe"]
        ),
    ),
    st.data(),
)
def test_any_inserted_piece_costs_at_most_the_record_that_it_splits(
    built: Built, piece: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(built.data)))
    left = built.data[:place] + piece + built.data[place:]
    records, damage = read(left)
    assert shown(records) == expected(built.texts, left)
    assert damage or not piece.strip(b"\n") or len(records) == len(built.texts)


@settings(deadline=None, max_examples=100)
@given(_segments, st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=2, max_size=20))
def test_any_number_of_changed_bytes_gives_only_true_records(built: Built, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(built.data)
    for place, value in changes:
        changed[place % len(changed)] = value
    records, _ = read(bytes(changed))
    assert shown(records) == expected(built.texts, bytes(changed))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
@example(b'{"v":1,"run":"\xff')
@example(b'{"v":99999999999999999999999,"run":"r","crc":"00000000"}')
def test_bytes_that_are_no_journal_are_reported_and_never_raise(data: bytes) -> None:
    records, damage = read(data)
    assert records == []
    assert bool(damage) == bool(data.strip(b"\n"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(_DATA, min_size=1, max_size=5), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_lines_of_several_writers_in_any_interleaving_are_all_read(contents: list[list[object]], draw) -> None:  # type: ignore[no-untyped-def]
    writers = [build(each, segment=f"{number:04d}-rank{number}") for number, each in enumerate(contents, 1)]
    waiting = [[*writer.texts] for writer in writers]
    data = b""
    while any(waiting):
        data += draw.choice([texts for texts in waiting if texts]).pop(0) + b"\n"
    records, damage = read(data)
    assert damage == []
    for number, writer in enumerate(writers, 1):
        own = [repr(record) for record in records if record.segment == f"{number:04d}-rank{number}"]
        assert own == [repr(parse(text)) for text in writer.texts]
    assert len(records) == sum(len(writer.texts) for writer in writers)


def test_a_record_that_was_written_twice_counts_once(tmp_path: Path) -> None:
    built = build([{"a": 1}, {"b": 2}, {"c": 3}])
    path = tmp_path / "0001-rank0.jsonl"
    path.write_bytes(built.data + built.texts[1] + b"\n" + built.texts[2] + b"\n")
    assert [each.number for each in read_segment(path) if isinstance(each, Record)] == [0, 1, 2]


def test_two_writers_in_one_file_do_not_hide_each_others_numbers(tmp_path: Path) -> None:
    one, other = build([{"a": 1}]), build([{"b": 2}], segment="0002-rank0")
    path = tmp_path / "0001-rank0.jsonl"
    path.write_bytes(one.data + other.data)
    assert len(list(read_segment(path))) == 2


@settings(deadline=None, max_examples=60)
@given(
    data=st.one_of(
        _segments.map(lambda built: built.data), st.binary(max_size=200), _segments.map(lambda b: b.data[3:-4])
    ),
    piece=st.integers(1, 400),
)
def test_reading_a_file_in_pieces_gives_what_reading_it_at_once_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, piece: int
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "0001-rank0.jsonl"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_PIECE", piece)
        in_pieces = list(read_segment(path))
    assert list(map(repr, in_pieces)) == list(map(repr, scan(data, path)))


def test_only_the_kinds_that_are_asked_for_are_read(tmp_path: Path) -> None:
    kinds = ["segment", "run", "metrics", "status", "metrics"]
    start = opening("r", "0001-rank0")
    lines = [line(start, n, 1.7e9, kind, encode({"said": '"type":"run"'})) for n, kind in enumerate(kinds)]
    path = tmp_path / "0001-rank0.jsonl"
    path.write_bytes(lines[0] + lines[1][:-5] + b"\n" + b"".join(lines[1:]) + b"damage")
    found = list(read_segment(path, ("run", "status")))
    assert [each.kind for each in found if isinstance(each, Record)] == ["segment", "run", "status"]
    assert len(found) == 3


def test_a_line_of_a_newer_format_is_told_apart_from_damage() -> None:
    from zlib import crc32

    body = b'{"v":%d,"something":"else"' % (VERSION + 1)
    found = list(scan(body + b',"crc":"%08x"}\n' % crc32(body), PATH))
    assert len(found) == 1
    assert isinstance(found[0], Damage)
    assert found[0].version == VERSION + 1
    assert f"it is in format {VERSION + 1}" in found[0].reason


def test_a_line_with_a_fitting_checksum_that_is_no_record_is_damage() -> None:
    from zlib import crc32

    for body in (b'{"v":1', b'{"v":"1","run":2', b'{"v":1,"run":"r"', b"[1,2", b'{"v":1,"data":{"$int":"x"}', b""):
        found = list(scan(body + b',"crc":"%08x"}\n' % crc32(body), PATH))
        assert [type(each) for each in found] == [Damage], body
