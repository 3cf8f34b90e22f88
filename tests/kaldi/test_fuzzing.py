"""Whatever stands in a file, a parser gives records and problems, and never raises."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import LogScanner, scan
from speech_tracker.integrations.kaldi import model_facts, sclite_reports, scoring, trainer_output, wer_details
from speech_tracker.integrations.kaldi.data_folder import describe_data, describe_features, parse_table
from speech_tracker.integrations.kaldi.dates import parse_date
from speech_tracker.integrations.kaldi.job_headers import parse_job_header
from speech_tracker.integrations.kaldi.layout import role_of
from speech_tracker.integrations.kaldi.read import CODEC, GRAMMARS
from speech_tracker.testing.parsers import assert_pieces_give_the_same, assert_read_on_gives_the_same, mutated

GOLDEN = Path(__file__).parent.parent / "golden"
LOGS = [path.read_bytes() for path in sorted(GOLDEN.glob("kaldi_*.log"))]
WHOLE = [
    trainer_output.parse_accuracy_report,
    scoring.parse_score_file,
    wer_details.parse_per_utt,
    wer_details.parse_per_spk,
    wer_details.parse_ops,
    wer_details.parse_bootstrap,
    sclite_reports.parse_sclite_summary,
    model_facts.parse_xconfig,
    parse_table,
]
SINGLE = [
    sclite_reports.parse_sclite_details,
    model_facts.parse_options,
    model_facts.parse_tree_head,
    model_facts.parse_gmm_shape,
    wer_details.parse_single_number,
    parse_job_header,
    lambda data: describe_features(data, "mfcc"),
    lambda data: describe_data({"utt2spk": data, "text": data, "segments": data, "utt2dur": data, "frame_shift": data}),
    lambda data: trainer_output.parse_arguments(data.decode("utf-8", "replace")),
    lambda data: parse_date(data.decode("utf-8", "replace")),
]
EVERYTHING = [*(lambda data, grammar=grammar: list(scan(data, grammar)) for grammar in GRAMMARS.values()), *WHOLE]


def all_records(data):
    for parse in EVERYTHING:
        for record in parse(data):
            assert dataclasses.is_dataclass(record)
            yield record
    for parse in SINGLE:
        parse(data)


@settings(max_examples=120, deadline=None)
@given(mutated(LOGS))
def test_a_mutated_file_never_raises(data):
    for record in all_records(data):
        if not isinstance(record, Problem) and type(record) in CODEC.classes:
            assert repr(CODEC.decode(CODEC.encode(record))) == repr(record)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_never_raise(data):
    list(all_records(data))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LOGS), st.sampled_from(sorted(GRAMMARS)), st.data())
def test_any_way_of_cutting_a_log_gives_the_same_records(log, name, draw):
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(log)), max_size=8)))
    assert_pieces_give_the_same(log, GRAMMARS[name], cuts)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(LOGS), st.sampled_from(sorted(GRAMMARS)), st.data())
def test_a_log_can_be_read_on_from_its_last_complete_line(log, name, draw):
    cut = draw.draw(st.integers(0, len(log)))
    assert_read_on_gives_the_same(log, GRAMMARS[name], cut)


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("abcdetrain.log019_-final"), min_size=1),
    st.lists(st.sampled_from(["exp", "log", "conf", "decode"])),
)
def test_any_name_has_a_role_or_none(name, folders):
    role_of(name, tuple(folders))


@pytest.mark.parametrize("filling", [b"9", b"a", b" ", b"a/", b"1 "])
def test_a_very_long_line_is_not_tried_in_all_ways_of_dividing_it(filling):
    """Time that grows with the square of the length would be hours here."""
    long = filling * 300_000

    def too_long(_number, _frame):
        raise AssertionError("more than linear time")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(300)
    try:
        for line in (
            b"LOG (gmm-align-compiled:main():x.cc:105) Overall log-likelihood per frame is -%b over 9 frames.",
            b"LOG (nnet3-compute-prob[5.5]:PrintTotalStats():x.cc:165) Overall log-likelihood for 'output' is -%b per frame",
        ):
            for grammar in ("align", "network", "gmm"):
                list(scan(line.replace(b"%b", long), GRAMMARS[grammar]))
        parse_job_header(b"# align %b\n# Started at Tue Mar  5 09:07:07 UTC 2024\n#\n".replace(b"%b", long[:60_000]))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_line_without_end_is_dropped_and_reported():
    scanner = LogScanner(GRAMMARS["job"])
    scanner.feed(b"x" * (5 << 20))
    assert scanner.pending == 0
    found = scanner.feed(b"y\n# Accounting: time=3 threads=1\n")
    assert [type(each).__name__ for each in found] == ["Problem", "Accounting"]
    assert found[0].line_number == 1


@pytest.mark.parametrize("raw", [b"nan", b"-nan", b"-nan(0x8000000000000)", b"-1.#IND", b"1.#QNAN"])
def test_numbers_that_are_none_are_kept_as_such(raw):
    line = b"LOG (x:main():x.cc:1) Overall log-likelihood per frame is " + raw + b" over 1e+02 frames.\n"
    (record,) = scan(line, GRAMMARS["align"])
    assert record.log_likelihood_per_frame != record.log_likelihood_per_frame
    assert record.frames == 100
