"""Whatever stands in a file, a parser gives records and problems, and never raises."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.speechbrain.checkpoint_meta import local_time
from speech_tracker.integrations.speechbrain.epochs import epochs_of, rates_as_fractions
from speech_tracker.integrations.speechbrain.hyperparams_file import Hyperparameters
from speech_tracker.integrations.speechbrain.layout import role_of
from speech_tracker.integrations.speechbrain.manifests import parse_manifest, speakers_of
from speech_tracker.integrations.speechbrain.reading import PARSERS
from speech_tracker.integrations.speechbrain.score_files import ErrorRates, report_text, score_name
from speech_tracker.integrations.speechbrain.sessions import sessions_of, silence_allowed
from speech_tracker.integrations.speechbrain.train_log import StatsLine, UnfinishedLine, parse_stats, parse_train_log
from speech_tracker.integrations.speechbrain.vocabulary import speech_of, task_of
from speech_tracker.testing.parsers import assert_read_on_gives_the_same, mutated

GOLDEN = Path(__file__).parent.parent / "golden"
FILES = sorted(GOLDEN.glob("speechbrain_*--*.log"))
CONTENTS = [path.read_bytes() for path in FILES]


def everything(data):
    """What all parsers say of some bytes, and what is made of it."""
    for grammar in PARSERS.logs.values():
        found = list(scan(data, grammar))
        silence_allowed(sessions_of(found))
        yield from found
    for parse in PARSERS.whole.values():
        yield from parse(data)
    for name in ("x.csv", "x.json"):
        yield from parse_manifest(data, name)
        speakers_of(data, name)
    lines = [each for each in parse_train_log(data) if isinstance(each, StatsLine)]
    epochs_of(lines, lambda _: None, percents=rates_as_fractions(lines, [58.33]))


def check(data):
    for record in everything(data):
        assert dataclasses.is_dataclass(record)
        if isinstance(record, ErrorRates):
            report_text(data, record.line_number)
        if isinstance(record, Hyperparameters):
            speech_of(record.values, task_of((), "results", record.recipe, record.values)).to_dict()
        if not isinstance(record, Problem) and type(record) in PARSERS.codec.classes:
            assert repr(PARSERS.codec.decode(PARSERS.codec.encode(record))) == repr(record)


@settings(max_examples=120, deadline=None)
@given(mutated(CONTENTS))
def test_a_mutated_file_never_raises(data):
    check(data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_never_raise(data):
    check(data)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("epoch: 1,lr-trainvalidtest losWER.e+nf[]()'\n{}"), max_size=120))
def test_arbitrary_lines_of_statistics_never_raise(text):
    check(text.encode())
    parse_stats(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_prefix_of_a_file_parses(path):
    data = path.read_bytes()
    for length in range(0, len(data) + 1, 7):
        check(data[:length])


@pytest.mark.parametrize("path", [path for path in FILES if "train_log--" in path.name], ids=lambda path: path.stem)
def test_every_prefix_of_a_training_log_gives_a_prefix_of_its_records(path):
    data = path.read_bytes()
    whole = [each for each in parse_train_log(data) if not isinstance(each, UnfinishedLine)]
    for length in range(len(data) + 1):
        found = [each for each in parse_train_log(data[:length]) if not isinstance(each, UnfinishedLine)]
        assert list(map(repr, found)) == list(map(repr, whole[: len(found)]))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([path for path in FILES if path.name.startswith(("speechbrain_run", "speechbrain_term"))]),
    st.data(),
)
def test_a_log_can_be_read_on_from_its_last_complete_line(path, draw):
    log = path.read_bytes()
    grammar = PARSERS.logs[path.name.partition("--")[0].removeprefix("speechbrain_")]
    cut = draw.draw(st.integers(0, len(log)))
    assert_read_on_gives_the_same(log, grammar, cut)


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("wercpl_-.txtog+CKPT019yamljson"), min_size=1),
    st.lists(st.sampled_from(["save", "CKPT+1"])),
)
def test_any_name_has_a_role_or_none(name, folders):
    role_of(name, tuple(folders))
    score_name(name)
    local_time(name)


def test_references_that_multiply_without_end_are_a_problem():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (found,) = PARSERS.whole["hyperparams"]("\n".join(lines).encode())
    assert isinstance(found, Problem)
    assert "multiply without end" in found.reason


def test_a_reference_to_itself_is_a_problem():
    (found,) = PARSERS.whole["hyperparams"](b"a: &a\n  b: *a\n")
    assert isinstance(found, Problem)
