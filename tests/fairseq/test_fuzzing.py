"""Whatever stands in a file, a parser gives records and problems, and never raises."""

from __future__ import annotations

import dataclasses
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.fairseq import decodes, rate_files
from speech_tracker.integrations.fairseq.decoding_logs import hypotheses_inside
from speech_tracker.integrations.fairseq.ingest import FairseqIngester
from speech_tracker.integrations.fairseq.layout import parse_word_name, role_of
from speech_tracker.testing.parsers import assert_read_on_gives_the_same, mutated

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = [path.read_bytes() for path in sorted(GOLDEN.glob("fairseq_*.log"))]
GRAMMAR = FairseqIngester.parsers.logs["log"]
CODEC = FairseqIngester.parsers.codec


def all_records(data):
    yield from scan(data, GRAMMAR)
    yield from decodes.parse_generated(data)
    yield from decodes.parse_inferred(data)
    yield from rate_files.parse_rate_file(data)
    hypotheses_inside(data)


@settings(max_examples=120, deadline=None)
@given(mutated(LOGS))
def test_a_mutated_file_never_raises_and_its_records_can_be_kept(data):
    for record in all_records(data):
        assert dataclasses.is_dataclass(record)
        if not isinstance(record, Problem) and type(record) in CODEC.classes:
            assert repr(CODEC.decode(CODEC.encode(record))) == repr(record)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_never_raise(data):
    list(all_records(data))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOGS), st.data())
def test_a_log_can_be_read_on_from_its_last_complete_line(log, draw):
    cut = draw.draw(st.integers(0, len(log)))
    assert_read_on_gives_the_same(log, GRAMMAR, cut)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("hyporefwd.-_0pt/txlog"), min_size=1, max_size=30))
def test_any_name_has_a_role_or_none(name):
    role_of(name)
    parse_word_name(name)


@settings(max_examples=60, deadline=None)
@given(st.lists(mutated(LOGS), min_size=4, max_size=4))
def test_a_folder_of_mutated_files_is_described_without_raising(contents):
    with tempfile.TemporaryDirectory() as folder:
        names = ["train.log", "generate-test.txt", "infer.out", "wer.7"]
        for name, content in zip(names, contents, strict=True):
            (Path(folder) / name).write_bytes(content)
        for side in ("hypo", "ref"):
            (Path(folder) / f"{side}.word").write_bytes(contents[1][:200])
        found = FairseqIngester(Source(Path(folder))).find()
        for run in found.runs:
            run.metrics()
            assert all(isinstance(point.value, float) for point in run.points)
        assert found.files_read + found.files_skipped == 6


@pytest.mark.parametrize("size", [100_000])
def test_absurd_lines_are_read_in_time_that_does_not_grow_with_the_square_of_their_length(size):
    """Otherwise this would be hours."""

    def too_long(_number, _frame):
        raise AssertionError("more than linear time")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(300)
    try:
        for marker in (
            b" | /",
            b" | Saved checkpoint ",
            b' | {"epoch": ',
            b" | epoch 1 | ",
            b" | Namespace(",
            b" | WER: 9",
        ):
            list(scan(b"x" + marker * (size // len(marker)) + b"\n", GRAMMAR))
            list(scan(b"x" + marker + b"9" * size + b"\n", GRAMMAR))
            list(scan(b"x" + marker + b"[" * size + b"}\n", GRAMMAR))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_numbers_of_too_many_digits_are_no_counts():
    digits = b"9" * 5000
    found = list(rate_files.parse_rate_file(b"WER: 3\nerr / num_ref_words = " + digits + b" / 3\n"))
    assert [each.errors for each in found] == [None]
    list(scan(b" | epoch 001 | loss 3 | num_updates " + digits + b"\n", GRAMMAR))
    (decode,) = decodes.parse_generated(b"T-" + digits + b"\ta\nH-" + digits + b"\t-1\ta\n")
    assert decode.pairs[0].reference == "a"
