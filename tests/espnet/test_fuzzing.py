"""Whatever stands in a file, a parser gives records and problems, and never raises."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.espnet.curves import build_curves
from speech_tracker.integrations.espnet.layout import role_of
from speech_tracker.integrations.espnet.read import PARSERS
from speech_tracker.integrations.espnet.tags import read_tag, set_and_tag, task_of
from speech_tracker.testing.parsers import assert_read_on_gives_the_same, mutated

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = [path.read_bytes() for path in sorted(GOLDEN.glob("espnet_*.log"))]
CODEC = PARSERS.codec


def all_records(data):
    for grammar in PARSERS.logs.values():
        yield from scan(data, grammar)
    for parse in PARSERS.whole.values():
        yield from parse(data)
    found = PARSERS.head(data)
    if found is not None:
        yield found


@settings(max_examples=100, deadline=None)
@given(mutated(LOGS))
def test_a_mutated_file_never_raises_and_its_records_can_be_kept(data):
    for record in all_records(data):
        assert dataclasses.is_dataclass(record)
        if not isinstance(record, Problem):
            assert repr(CODEC.decode(CODEC.encode(record))) == repr(record)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_never_raise(data):
    list(all_records(data))


@settings(max_examples=60, deadline=None)
@given(mutated(LOGS), st.integers(1, 3))
def test_the_course_of_any_training_can_be_built(data, accumulation):
    records = list(scan(data, PARSERS.logs["train"]))
    curves = build_curves([records, records], accumulation)
    keys = [(point.name, point.step) for point in curves.points]
    assert len(set(keys)) == len(keys)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOGS), st.sampled_from(sorted(PARSERS.logs)), st.data())
def test_a_log_can_be_read_on_from_its_last_complete_line(log, name, draw):
    cut = draw.draw(st.integers(0, len(log)))
    assert_read_on_gives_the_same(log, PARSERS.logs[name], cut)


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("asr_trainlogdec.mod/019-_valid"), max_size=40),
    st.lists(st.sampled_from(["exp", "logdir", "score_wer", "att_ws", "asr_x"])),
)
def test_any_name_has_a_role_or_none(name, folders):
    role_of(name, tuple(folders))
    read_tag(name)
    set_and_tag(name)
    task_of(name)
