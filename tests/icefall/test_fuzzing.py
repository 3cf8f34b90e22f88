"""Whatever stands in a file, a parser gives records and problems, and never raises."""

from __future__ import annotations

import dataclasses
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.ingester import Source
from speech_tracker.ingest.recording import Destination
from speech_tracker.ingest.scan import scan
from speech_tracker.ingest.session import Session
from speech_tracker.integrations.icefall import errs, names, recogs
from speech_tracker.integrations.icefall.ingest import IcefallIngester
from speech_tracker.integrations.icefall.layout import role_of
from speech_tracker.integrations.icefall.params import params_of, parse_python_params
from speech_tracker.integrations.icefall.read import DECODE, PARSERS, TRAIN
from speech_tracker.integrations.icefall.steps import Axis, add_log
from speech_tracker.testing.parsers import assert_pieces_give_the_same, assert_read_on_gives_the_same, mutated

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = [path.read_bytes() for path in sorted(GOLDEN.glob("icefall_*.log"))]
GRAMMARS = {"train": TRAIN, "decode": DECODE}
WHOLE = [recogs.parse_recogs, errs.parse_errs, errs.parse_summary]


def all_records(data):
    for grammar in GRAMMARS.values():
        found = list(scan(data, grammar))
        axis = Axis()
        add_log(axis, found, params_of(found))
        axis.resolve()
        yield from found
    for parse in WHOLE:
        yield from parse(data)
    parse_python_params(data.decode("utf-8", "replace"))


@settings(max_examples=120, deadline=None)
@given(mutated(LOGS))
def test_a_mutated_file_never_raises_and_its_records_can_be_kept(data):
    codec = PARSERS.codec
    for record in all_records(data):
        assert dataclasses.is_dataclass(record)
        if not isinstance(record, Problem):
            assert type(record) in codec.classes
            assert repr(codec.decode(codec.encode(record))) == repr(record)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_never_raise(data):
    list(all_records(data))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOGS), st.sampled_from(sorted(GRAMMARS)), st.data())
def test_any_way_of_cutting_a_log_gives_the_same_records(log, name, draw):
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(log)), max_size=8)))
    assert_pieces_give_the_same(log, GRAMMARS[name], cuts)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOGS), st.sampled_from(sorted(GRAMMARS)), st.data())
def test_a_log_can_be_read_on_from_its_last_complete_line(log, name, draw):
    cut = draw.draw(st.integers(0, len(log)))
    assert_read_on_gives_the_same(log, GRAMMARS[name], cut)


PIECES = ["epoch", "iter", "avg", "30", "9", "-", "_", "__", "-1", "use-averaged-model", "greedy_search", "test", "clean", "beam",
          "lm-scale", "0.3", "LODR", "2gram", "scale", "recogs-", "errs-", "wer-summary-", ".txt", "chunk", "16,32", "log-decode-",
          "2024-03-29-00-26-31"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_name_has_a_meaning_or_none(name):
    role_of(name)
    names.parse_suffix(name)
    names.parse_key(name)
    names.suffix_of_log(name)
    test_set, key = names.split_label(name)
    assert name.startswith(test_set)
    assert name.endswith(key)


def damage(folder, chance):
    """Cut, shuffle, remove or overwrite some files of a tree."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in chance.sample(files, 4):
        data = bytearray(path.read_bytes())
        what = chance.randrange(5)
        if what == 0:
            path.unlink()
            continue
        if what == 1:
            del data[chance.randint(0, len(data)) :]
        elif what == 2:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            data = bytearray(b"\n".join(lines))
        for _ in range(12 * (what > 2)):
            at = chance.randint(0, len(data))
            data[at : at + chance.randint(0, 4)] = bytes(chance.choices(b"0189eEnaif.-\n :[]{}'\"=%\xff\x00", k=3))
        path.write_bytes(bytes(data))


@pytest.mark.parametrize("seed", range(24))
def test_a_damaged_tree_is_described_as_far_as_it_goes(exp, seed):
    damage(exp, random.Random(seed))
    ingester = IcefallIngester(Source(exp))
    for follow in (False, True):
        for run in ingester.find(follow=follow).runs:
            for evaluation in run.evaluations:
                assert evaluation.test_set
                if evaluation.load is not None:
                    evaluation.load([])


@pytest.mark.parametrize("seed", range(100, 104))
def test_a_damaged_tree_adds_nothing_the_second_time(exp, tmp_path, seed):
    damage(exp, random.Random(seed))
    for again in (False, True):
        session = Session("icefall", IcefallIngester, Source(exp), Destination(mode="local", store=tmp_path / "store"))
        session.once()
        assert not again or session.added == 0
    shutil.rmtree(tmp_path / "store")
